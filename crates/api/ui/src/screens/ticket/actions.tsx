// The actions bar: one big next step, what else is legal behind "more", and what became of the last tap.
//
// The server says what is allowed; this file only says in which order a person wants it.

import { useState } from 'preact/hooks';
import type { Command, CommandWord, Ticket } from '../../api/types';
import { may } from '../../api/who';
import { ProblemText } from '../../parts/notice';
import { t } from '../../text/language';
import { useSending, type Failed } from './sending';
import { CommandSheet, needsSheet } from './sheets';

/** The straight line of the work; the first one that is allowed is the big button. */
const LINE: readonly CommandWord[] = ['accept', 'resume', 'start', 'finish', 'close'];
/** May stand beside the big button, so that "done" never needs more than a tap. */
const BESIDE: readonly CommandWord[] = ['finish', 'verify'];
const REST: readonly CommandWord[] = [
  'depart', 'arrive', 'wait', 'close', 'reopen', 'false_alarm', 'duplicate', 'assign',
];

interface Props {
  ticket: Ticket;
  onTicket: (ticket: Ticket) => void;
}

export function Actions({ ticket, onTicket }: Props) {
  const [sheet, setSheet] = useState<CommandWord | 'more' | null>(null);
  const { busy, failed, ...sending } = useSending(ticket, onTicket);

  const choose = (command: Command) => {
    setSheet(null);
    sending.choose(command);
  };
  const press = (word: CommandWord) =>
    needsSheet(word) ? setSheet(word) : choose({ command: word } as Command);

  // Whoever may not work on tickets is told so once, instead of by each button.
  const isMine = may('work');
  const { main, beside, rest } = order(isMine ? ticket.allowed : []);
  const button = (word: CommandWord, look: string) => (
    <button
      type="button"
      class={`big ${look}`}
      data-command={word}
      disabled={busy !== null}
      aria-busy={busy === word}
      onClick={() => press(word)}
    >
      {t(`act.${word}`)}
    </button>
  );
  return (
    <div class="actions">
      {!isMine && <p class="meta">{t('act.not_yours')}</p>}
      {failed && (
        <Failure
          {...failed}
          ticket={ticket}
          onAgain={() => sending.again(failed)}
          onDrop={sending.drop}
        />
      )}
      {main && (
        <div class="actions-row">
          {button(main, 'primary')}
          {beside && button(beside, '')}
          {rest.length > 0 && <More onClick={() => setSheet('more')} />}
        </div>
      )}
      {!main && rest.length > 0 && <div class="actions-row">{rest.map((it) => button(it, ''))}</div>}
      {sheet && (
        <CommandSheet
          word={sheet}
          rest={rest}
          ticket={ticket}
          onChoose={choose}
          onPress={press}
          onClose={() => setSheet(null)}
        />
      )}
    </div>
  );
}

function More({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" class="big more-button" aria-haspopup="dialog" onClick={onClick}>
      {t('act.more')}
    </button>
  );
}

interface FailureProps extends Failed {
  ticket: Ticket;
  onAgain: () => void;
  onDrop: () => void;
}

/** Not sent, refused, or overtaken by somebody: says which, and shows both versions. */
function Failure({ sent, problem, ticket, onAgain, onDrop }: FailureProps) {
  const command = sent.command.command;
  const isOvertaken = problem.status === 412;
  const isStillLegal = ticket.allowed.includes(command);
  return (
    <div class="error" role="alert">
      <p>
        <strong>{t('act.not_sent', { command: t(`act.${command}`) })}</strong>{' '}
        {isOvertaken ? t('act.overtaken') : <ProblemText problem={problem} />}
      </p>
      {isOvertaken && (
        <dl class="versions">
          <dt>{t('act.you_saw')}</dt>
          <dd>{version(sent.ticket)}</dd>
          <dt>{t('act.it_is')}</dt>
          <dd>{version(ticket)}</dd>
        </dl>
      )}
      <div class="actions-row">
        {isStillLegal && <button type="button" onClick={onAgain}>{t('act.again')}</button>}
        <button type="button" onClick={onDrop}>{t('act.drop')}</button>
      </div>
    </div>
  );
}

function version(ticket: Ticket): string {
  const owner = ticket.owner ?? t('tickets.nobody');
  return `${t(`ticket_state.${ticket.state}`)} · ${owner} · ${t('ticket.revision', { n: ticket.revision })}`;
}

function order(allowed: readonly CommandWord[]) {
  const main = LINE.find((it) => allowed.includes(it)) ?? null;
  const beside = BESIDE.find((it) => it !== main && allowed.includes(it)) ?? null;
  const rest = REST.filter((it) => it !== main && it !== beside && allowed.includes(it));
  return { main, beside, rest };
}
