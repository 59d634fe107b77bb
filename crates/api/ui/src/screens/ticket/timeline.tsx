// Everything that happened to a ticket, newest first: the machine's part and people's part in one line.

import type { Ticket, TimelineEntry } from '../../api/types';
import { moment } from '../../text/format';
import { pick, sentence, t, word } from '../../text/language';

export function Timeline({ ticket }: { ticket: Ticket }) {
  const newestFirst = folded(ticket.timeline).reverse();
  return (
    <section class="card" id="timeline">
      <h2>{t('timeline.title')}</h2>
      <ol class="timeline">
        {newestFirst.map((it, index) => (
          <li key={newestFirst.length - index}>
            <span class="meta num">{moment(it.at)}</span>
            <span>
              <strong>{1 < it.times ? t('what.amended_times', { n: it.times }) : word('what', it.what)}</strong>
              {it.actor !== 'forewarn' && <> · {it.actor}</>}
              {it.hasNews && <span class="note">{named(sentence(it.note), ticket)}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** A note with the name of the cause that was found where the server wrote its code. */
function named(note: string, { finish, causes_to_choose }: Ticket): string {
  const cause = causes_to_choose.find((it) => it.code === finish?.cause);
  return cause && note.toLowerCase().startsWith(cause.code) ? sentence(cause.name) + note.slice(cause.code.length) : note;
}

interface Line extends TimelineEntry {
  /** How many entries of the machine stand behind this line. */
  times: number;
  /** Whether its note says what no line before it said. */
  hasNews: boolean;
}

/** Evidence that was added several times in a row is one line; a note is told once. */
function folded(entries: TimelineEntry[]): Line[] {
  const lines: Line[] = [];
  const told = new Set<string>();
  for (const entry of entries) {
    const note = pick(entry.note);
    const hasNews = note !== '' && !told.has(note);
    told.add(note);
    const last = lines[lines.length - 1];
    if (entry.what === 'amended' && last?.what === 'amended') {
      lines[lines.length - 1] = { ...entry, times: last.times + 1, hasNews: hasNews || last.hasNews };
    } else {
      lines.push({ ...entry, times: 1, hasNews });
    }
  }
  return lines;
}
