// Until when, and who is called if nothing happens: clocks with their counting, and the next calls.

import type { Call, TicketClock, Ticket } from '../../api/types';
import { moment } from '../../text/format';
import { pick, sentence, t } from '../../text/language';

export function Course({ ticket }: { ticket: Ticket }) {
  const { clocks, calls, group, ticket_type, shelved_until } = ticket.course;
  const shown = clocks.filter((it) => it.state !== 'dropped');
  if (shown.length === 0 && calls.length === 0) return null;
  return (
    <section class="card" id="course">
      <h2>{t('course.title')}</h2>
      <p class="meta">
        {ticket_type && pick(ticket_type.name)}
        {group && ` · ${t('course.group', { group: pick(group.name) })}`}
      </p>
      {shelved_until && <p>{t('course.shelved', { time: moment(shelved_until) })}</p>}
      {shown.map((it) => <Deadline key={`${it.kind} ${it.since}`} clock={it} />)}
      {0 < calls.length && (
        <>
          <h3>{t('course.calls')}</h3>
          <ol class="timeline">{calls.slice(0, CALLS).map((it, index) => <NextCall key={index} call={it} />)}</ol>
        </>
      )}
    </section>
  );
}

/** As many as a person on a phone reads before the next one is due. */
const CALLS = 4;

function Deadline({ clock }: { clock: TicketClock }) {
  const state = clock.breached_at && clock.state === 'running' ? 'overdue' : clock.state;
  return (
    <details class="more deadline" data-clock={clock.kind} data-state={state}>
      <summary>
        <strong>{pick(clock.name)}</strong> · {t(`clock_state.${state}`)}
        {clock.due_at && <span class="num"> · {moment(clock.due_at)}</span>}
      </summary>
      <p class="meta">{t('course.counted', { calendar: pick(clock.calendar.name) })}</p>
      <ol>{clock.trace.map((it, index) => <li key={index}>{sentence(it)}</li>)}</ol>
    </details>
  );
}

function NextCall({ call }: { call: Call }) {
  return (
    <li>
      <span class="meta num">{moment(call.at)}</span>
      <span>
        <strong>{call.people.map((it) => it.name).join(t('course.and'))}</strong>
        <span class="note">{sentence(call.note)}</span>
      </span>
    </li>
  );
}
