// Ranked causes: the bar is the probability, the word comes first, the number stands at the right.
//
// Open, a cause shows what speaks for it, what against, and the cheapest test that decides. How many
// confirmed closes stand behind the numbers is said once, below.

import type { Cause, Text, Ticket } from '../../api/types';
import { percent } from '../../text/format';
import { sentence, t } from '../../text/language';

/** The source of the sentence that says on how many closes the probabilities rest. */
export const GROUNDS = 'failure-modes';

export function Causes({ ticket: { causes, brief } }: { ticket: Ticket }) {
  const said = brief.history.find((it) => it.source === GROUNDS);
  return (
    <section class="card" id="causes">
      <h2>{t('causes.title')}</h2>
      {causes.length === 0 && <p class="meta">{t('causes.none')}</p>}
      {causes.map((cause, index) => <Bar key={cause.code} cause={cause} isOpen={index === 0} />)}
      {causes.length > 0 && <p class="meta">{said ? sentence(said.text) : grounds(causes)}</p>}
    </section>
  );
}

function Bar({ cause, isOpen }: { cause: Cause; isOpen: boolean }) {
  const hasMore = cause.for.length + cause.against.length > 0 || cause.test !== null;
  const bar = (
    <>
      <span class="bar" style={{ width: percent(cause.p).replace(' ', '') }} aria-hidden="true" />
      <span class="bar-name">{sentence(cause.name)}</span>
      <span class="bar-value num">{percent(cause.p)}</span>
    </>
  );
  if (!hasMore) return <div class="cause"><div class="cause-bar">{bar}</div></div>;
  return (
    <details class="cause" open={isOpen}>
      <summary class="cause-bar">{bar}</summary>
      <dl>
        <Points name={t('causes.for')} texts={cause.for} />
        <Points name={t('causes.against')} texts={cause.against} />
        {cause.test && (
          <>
            <dt>{t('causes.test')}</dt>
            <dd>{sentence(cause.test)}</dd>
          </>
        )}
        <dt>{t('causes.counts')}</dt>
        <dd>
          {cause.closes === 0
            ? t('causes.not_enough')
            : t('causes.confirmed', { x: cause.confirmed, of: cause.closes })}
        </dd>
      </dl>
    </details>
  );
}

function Points({ name, texts }: { name: string; texts: Text[] }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {texts.length === 0 ? '–' : (
          <ul class="points">{texts.map((it, index) => <li key={index}>{sentence(it)}</li>)}</ul>
        )}
      </dd>
    </>
  );
}

function grounds(causes: Cause[]): string {
  const closes = Math.max(...causes.map((it) => it.closes));
  return closes === 0 ? t('causes.grounds_none') : t('causes.grounds', { n: closes });
}
