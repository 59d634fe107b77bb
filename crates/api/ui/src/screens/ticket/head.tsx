// The head of a ticket: what, how sure, how urgent, where it stands, whose it is.

import type { Ticket, TicketState } from '../../api/types';
import { TicketTag } from '../../parts/shape';
import { ago, moment, percent } from '../../text/format';
import { pick, sentence, t } from '../../text/language';

export function Head({ ticket }: { ticket: Ticket }) {
  const headline = sentence(ticket.brief.headline);
  const sure = percent(ticket.confidence);
  const saysHowSure = headline.includes('%');
  return (
    <header class="card ticket-head">
      <p class="line">
        <TicketTag priority={ticket.priority} state={ticket.state} />
        <span class="number">{ticket.number}</span>
        <span class="state-word" data-state={ticket.state}>{t(`ticket_state.${ticket.state}`)}</span>
      </p>
      <p class="line where">
        <a href={`/d/${ticket.device}`}>{pick(ticket.device_name)}</a>
        <span>· {pick(ticket.component_name)}</span>
      </p>
      <h1>
        {headline}
        {!saysHowSure && <span class="sure"> ({t('ticket.sure', { p: sure })})</span>}
      </h1>
      {STEP_OF[ticket.state] < STEP_OF.done && <p>{pick(ticket.brief.urgency)}</p>}
      <p class="meta">
        {t('ticket.onset', { time: moment(ticket.onset_at), span: ago(ticket.onset_at) })}
        {' · '}
        {t('ticket.opened', { time: moment(ticket.opened_at) })}
        {1 < ticket.occurrences && ` · ${t('ticket.times', { n: ticket.occurrences })}`}
      </p>
      {ticket.cleared_at && <p>{t('ticket.cleared', { time: moment(ticket.cleared_at) })}</p>}
      <Result ticket={ticket} />
    </header>
  );
}

/** What it waits for, what was found, how it turned out. */
function Result({ ticket }: { ticket: Ticket }) {
  const { waiting_for, finish, verdict } = ticket;
  const cause = ticket.causes_to_choose.find((it) => it.code === finish?.cause);
  return (
    <>
      {ticket.state === 'waiting' && waiting_for && <p>{t('ticket.waits', { what: t(`wait.${waiting_for}`) })}</p>}
      {finish && (
        <p>
          {t('ticket.found', { cause: cause ? pick(cause.name) : finish.cause })}
          {finish.part && ` · ${t('before.part', { part: finish.part })}`}
          {finish.note && ` · ${finish.note}`}
        </p>
      )}
      {verdict && <p>{t(`verdict.${verdict}`)}</p>}
    </>
  );
}

const STEPS: readonly TicketState[] = ['to_assign', 'accepted', 'in_progress', 'done', 'closed'];
const STEP_OF: Record<TicketState, number> = {
  to_assign: 0,
  assigned: 0,
  accepted: 1,
  departed: 1,
  on_site: 1,
  in_progress: 2,
  waiting: 2,
  done: 3,
  verified: 3,
  closed: 4,
  false_alarm: 4,
  duplicate: 4,
};

/** How far the work is, and who has it. */
export function Ladder({ ticket }: { ticket: Ticket }) {
  const reached = STEP_OF[ticket.state] ?? 0;
  return (
    <div class="ladder">
      <ol>
        {STEPS.map((step, index) => (
          <li
            key={step}
            class={index <= reached ? 'reached' : ''}
            aria-current={index === reached ? 'step' : undefined}
          >
            <span class="step" aria-hidden="true" />
            <span class="step-word">
              {t(`ticket_state.${index === reached ? ticket.state : step}`)}
            </span>
          </li>
        ))}
      </ol>
      <p>{t('ticket.owner')}: <strong>{ticket.owner ?? t('tickets.nobody')}</strong></p>
    </div>
  );
}
