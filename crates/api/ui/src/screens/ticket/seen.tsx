// The sentences of a ticket, each with the place where it can be checked.

import type { Brief, Cause, Sentence, Ticket } from '../../api/types';
import { setQuery } from '../../router';
import { lasting } from '../../text/format';
import { pick, sentence, t } from '../../text/language';

export function DoFirst({ brief, causes }: { brief: Brief; causes: Cause[] }) {
  const mode = causes.find((it) => it.code === brief.actions[0]?.source);
  if (brief.actions.length === 0 && !brief.consequence) return null;
  return (
    <section class="card do-first">
      <h2>{t('ticket.do_first')}</h2>
      <ol>
        {brief.actions.map((it, index) => <li key={index}>{sentence(it.text)} <Source source={it.source} /></li>)}
      </ol>
      {brief.consequence && (
        <p>
          <strong>{t('ticket.if_nothing')}</strong> {pick(brief.consequence.text)}{' '}
          <Source source={brief.consequence.source} />
        </p>
      )}
      {mode && <p class="meta">{t('ticket.steps_from', { cause: pick(mode.name) })}</p>}
    </section>
  );
}

export function Seen({ brief }: { brief: Brief }) {
  return (
    <section class="card" id="seen">
      <h2>{t('ticket.seen')}</h2>
      <Sentences sentences={[...brief.observations, ...brief.unchanged]} />
    </section>
  );
}

/** How good the readings were, which rule spoke, and the hash under which all this is kept. */
export function Quality({ ticket }: { ticket: Ticket }) {
  const { good, uncertain, bad, late, over } = ticket.evidence.quality;
  const all = good + uncertain + bad;
  return (
    <section class="card quality">
      <h2>{t('ticket.quality')}</h2>
      <p>
        {all === 0
          ? t('ticket.quality_none')
          : t('ticket.quality_line', {
              p: Math.round((good / all) * 100),
              n: all,
              over: spanText(over),
              bad,
              uncertain,
              late,
            })}
      </p>
      <p class="meta">
        {footnotes(ticket).map((it) => <span key={it}>{it} </span>)}
      </p>
    </section>
  );
}

/** What the summary says below its line, without what the card says above. */
function footnotes({ brief, device, rule, evidence_sha256 }: Ticket): string[] {
  const said = brief.footer.filter((it) => it.source !== device).map((it) => sentence(it.text));
  if (0 < said.length) return said;
  return [t('ticket.rule', { id: rule.id, version: rule.version }), `sha256 ${evidence_sha256.slice(0, 12)}`];
}

export function Sentences({ sentences }: { sentences: Sentence[] }) {
  if (sentences.length === 0) return <p class="meta">{t('ticket.nothing_said')}</p>;
  return (
    <ul class="sentences">
      {sentences.map((it, index) => (
        <li key={index}>{sentence(it.text)} <Source source={it.source} /></li>
      ))}
    </ul>
  );
}

/** Where a sentence can be checked: a channel, a burst, a repair, a ticket. */
export function Source({ source }: { source: string }) {
  const name = <>[{label(source)}]</>;
  if (/^[0-9a-f]{64}$/.test(source)) {
    return <a class="source" href="#evidence-card" onClick={() => setQuery({ tab: 'spectrum' })}>{name}</a>;
  }
  const [device, , point] = source.split('/');
  if (device && point) {
    return <a class="source" href={`/d/${device}?channel=${encodeURIComponent(source)}`}>{name}</a>;
  }
  if (/^[0-9a-f-]{36}$/.test(source)) return <a class="source" href={`#repair-${source}`}>{name}</a>;
  if (/^FW-\d/.test(source)) return <a class="source" href={`/t/${source}`}>{name}</a>;
  return null;
}

function label(source: string): string {
  if (/^[0-9a-f]{64}$/.test(source)) return t('source.burst', { id: source.slice(0, 6) });
  if (/^[0-9a-f-]{36}$/.test(source)) return t('source.repair');
  const parts = source.split('/');
  return parts.length === 3 ? (parts[2] ?? source) : source;
}

/** A span of the server, such as `90m`, in words; what it does not know it leaves as it is. */
function spanText(span: string): string {
  const seconds: Record<string, number> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600, d: 86_400 };
  const parts = /^(\d+)([a-z]+)$/.exec(span);
  const unit = parts && seconds[parts[2] ?? ''];
  return parts && unit ? lasting(Number(parts[1]) * unit) : span;
}
