// Everything that happened to a ticket, newest first: the machine's part and people's part in one line.

import type { TimelineEntry } from '../../api/types';
import { moment } from '../../text/format';
import { pick, t, word } from '../../text/language';

export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  const newestFirst = [...entries].reverse();
  return (
    <section class="card" id="timeline">
      <h2>{t('timeline.title')}</h2>
      <ol class="timeline">
        {newestFirst.map((it, index) => (
          <li key={entries.length - index}>
            <span class="meta num">{moment(it.at)}</span>
            <span>
              <strong>{word('what', it.what)}</strong>
              {it.actor !== 'forewarn' && <> · {it.actor}</>}
              {pick(it.note) && <span class="note">{pick(it.note)}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
