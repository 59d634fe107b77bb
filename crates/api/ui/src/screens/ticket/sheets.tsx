// What a command must still ask: a cause at "done", a verdict at "close", a reason at "false alarm".
//
// The first answer is one tap on a chip; own words are offered, never required.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Command, CommandWord, Ticket, Verdict, WaitingFor } from '../../api/types';
import { Sheet } from '../../parts/sheet';
import { sentence, t } from '../../text/language';

const VERDICTS: readonly Verdict[] = ['confirmed', 'wrong_cause', 'nothing_found', 'sensor_fault'];
const WAITS: readonly WaitingFor[] = ['part', 'window', 'outside'];
const REASONS = ['reason.test_run', 'reason.operator', 'reason.sensor_touched', 'reason.normal'] as const;
/** More chips than this do not fit under a thumb. */
const CHIPS_MAX = 6;

export function needsSheet(word: CommandWord): boolean {
  return ['finish', 'close', 'false_alarm', 'reopen', 'wait', 'duplicate', 'assign'].includes(word);
}

interface Props {
  word: CommandWord | 'more';
  rest: readonly CommandWord[];
  ticket: Ticket;
  onChoose: (command: Command) => void;
  onPress: (word: CommandWord) => void;
  onClose: () => void;
}

export function CommandSheet(props: Props) {
  const { word, rest, onPress, onClose } = props;
  if (word !== 'more') {
    return (
      <Sheet key={word} title={title(word)} onClose={onClose}>
        <Questions {...props} />
      </Sheet>
    );
  }
  return (
    <Sheet key="more" title={t('act.more')} onClose={onClose}>
      <div class="sheet-chips">
        {rest.map((it) => (
          <button key={it} type="button" class="big" data-command={it} onClick={() => onPress(it)}>
            {t(`act.${it}`)}
          </button>
        ))}
      </div>
    </Sheet>
  );
}

function Questions({ word, ticket, onChoose }: Props) {
  switch (word) {
    case 'finish':
      return <Finish ticket={ticket} onChoose={onChoose} />;
    case 'close':
      return (
        <Chips>
          {VERDICTS.map((verdict) => (
            <Chip key={verdict} value={verdict} onClick={() => onChoose({ command: 'close', verdict })}>
              {t(`verdict.${verdict}`)}
            </Chip>
          ))}
        </Chips>
      );
    case 'wait':
      return (
        <Chips>
          {WAITS.map((reason) => (
            <Chip key={reason} value={reason} onClick={() => onChoose({ command: 'wait', reason })}>
              {t(`wait.${reason}`)}
            </Chip>
          ))}
        </Chips>
      );
    case 'false_alarm':
      return (
        <>
          <Chips>
            {REASONS.map((key) => (
              <Chip key={key} value={key} onClick={() => onChoose({ command: 'false_alarm', reason: t(key) })}>
                {t(key)}
              </Chip>
            ))}
          </Chips>
          <OwnWords label={t('act.reason')} onSend={(reason) => onChoose({ command: 'false_alarm', reason })} />
        </>
      );
    case 'reopen':
      return <OwnWords label={t('act.reason')} onSend={(reason) => onChoose({ command: 'reopen', reason })} />;
    case 'duplicate':
      return <OwnWords label={t('act.of_number')} onSend={(of) => onChoose({ command: 'duplicate', of })} />;
    case 'assign':
      return <OwnWords label={t('act.to_whom')} onSend={(to) => onChoose({ command: 'assign', to })} />;
    default:
      return null;
  }
}

function Finish({ ticket, onChoose }: Pick<Props, 'ticket' | 'onChoose'>) {
  const [note, setNote] = useState('');
  const [part, setPart] = useState('');
  const finish = (cause: string) =>
    onChoose({ command: 'finish', cause, note: note.trim(), part: part.trim() || null });
  return (
    <>
      <p>{t('act.finish_next')}</p>
      <Chips>
        {fitting(ticket.causes_to_choose).map((it) => (
          <Chip key={it.code} value={it.code} onClick={() => finish(it.code)}>{sentence(it.name)}</Chip>
        ))}
      </Chips>
      <details class="more">
        <summary>{t('act.add_words')}</summary>
        <label>
          {t('act.note')}
          <textarea rows={2} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <label>
          {t('act.part')}
          <input value={part} onInput={(event) => setPart(event.currentTarget.value)} />
        </label>
      </details>
    </>
  );
}

/** As many as fit; the last one is the way out and always stays. */
function fitting<T>(choices: readonly T[]): readonly T[] {
  return choices.length <= CHIPS_MAX ? choices : [...choices.slice(0, CHIPS_MAX - 1), ...choices.slice(-1)];
}

function Chips({ children }: { children: ComponentChildren }) {
  return <div class="sheet-chips">{children}</div>;
}

interface ChipProps {
  value: string;
  onClick: () => void;
  children: ComponentChildren;
}

function Chip({ value, onClick, children }: ChipProps) {
  return <button type="button" class="big" data-value={value} onClick={onClick}>{children}</button>;
}

function OwnWords({ label, onSend }: { label: string; onSend: (words: string) => void }) {
  const [words, setWords] = useState('');
  return (
    <form
      class="own-words"
      onSubmit={(event) => {
        event.preventDefault();
        onSend(words.trim());
      }}
    >
      <label>
        {label}
        <input value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      <button type="submit" class="big primary" disabled={words.trim() === ''}>{t('act.send')}</button>
    </form>
  );
}

function title(word: CommandWord): string {
  if (word === 'finish') return t('act.finish_title');
  if (word === 'close') return t('act.close_title');
  if (word === 'wait') return t('act.wait_title');
  return t(`act.${word}`);
}
