// Past cases that are like this one, on whichever machine: what was found, and whether it helped.

import type { SimilarCase, Ticket } from '../../api/types';
import { percent } from '../../text/format';
import { pick, t } from '../../text/language';
import { RepairRow } from './before';

interface Props {
  ticket: Ticket;
  nameOf: (device: string) => string;
}

export function Similar({ ticket, nameOf }: Props) {
  const cases = ticket.similar_cases;
  if (cases.length === 0) return null;
  const causes = new Map(ticket.causes_to_choose.map((it) => [it.code, it.name]));
  const known = new Set(ticket.past_repairs.map((it) => it.id));
  return (
    <section class="card" id="similar">
      <h2>{t('similar.title')}</h2>
      <ul class="repairs">
        {cases.map((it) => (
          <RepairRow key={it.id} repair={it} isAnchor={!known.has(it.id)} more={<Likeness of={it} cause={it.cause && pick(causes.get(it.cause) ?? it.cause)} />}>
            <a href={`/d/${it.device}`}>{nameOf(it.device)}</a>
          </RepairRow>
        ))}
      </ul>
    </section>
  );
}

/** How alike, and by what: signals, words, or both. */
function Likeness({ of, cause }: { of: SimilarCase; cause: string | null }) {
  const by = [
    of.shape !== null && t('similar.signals', { p: percent(Math.max(0, of.shape)) }),
    0 < of.words.length && t('similar.words', { words: of.words.join(', ') }),
  ].filter((it) => it !== false);
  return (
    <p class="meta">
      {cause && <>{t('similar.cause', { cause })} · </>}
      {[t('similar.alike', { p: percent(of.likeness) }), ...by].join(' · ')}
    </p>
  );
}
