// Marks a stretch of a signal as a fault that no rule saw, or as healthy. At a desk a drag chooses the
// stretch; with a finger the shown stretch is taken.

import { useState } from 'preact/hooks';
import { mark, REASONS, type Mark } from '../../api/bench';
import type { Problem } from '../../api/client';
import { ProblemText } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { moment } from '../../text/format';
import { t, word } from '../../text/language';

const FAMILIES = [
  'bearing',
  'rotor',
  'drive_train',
  'electrical',
  'thermal',
  'hydraulic',
  'tool_process',
  'instrumentation',
  'other',
] as const;

interface Props {
  channels: string[];
  from: string;
  to: string;
  onDone: () => void;
}

export function MarkPanel({ channels, from, to, onDone }: Props) {
  const isMarking = place.value.query.get('mark') === '1';
  const [since, until, channel] = (place.value.query.get('m') ?? '').split('~');
  if (!isMarking) {
    return (
      <div class="choices">
        <button type="button" id="mark" onClick={() => setQuery({ mark: '1' })}>{t('explore.mark')}</button>
      </div>
    );
  }
  if (!since || !until) {
    return (
      <div class="choices" role="status">
        <span>{t('explore.drag')}</span>
        <button type="button" onClick={() => setQuery({ m: `${from}~${to}~${channels[0] ?? ''}` })}>
          {t('explore.mark_shown')}
        </button>
        <button type="button" onClick={() => setQuery({ mark: null, m: null })}>{t('act.cancel')}</button>
      </div>
    );
  }
  return (
    <Form
      stretch={{ since, until, channel: channel ?? channels[0] ?? '' }}
      channels={channels}
      onDone={onDone}
    />
  );
}

interface FormProps {
  stretch: { since: string; until: string; channel: string };
  channels: string[];
  onDone: () => void;
}

function Form({ stretch, channels, onDone }: FormProps) {
  const [channel, setChannel] = useState(stretch.channel);
  const [family, setFamily] = useState<string>('other');
  const [reason, setReason] = useState<(typeof REASONS)[number]>('normal_state');
  const [note, setNote] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const { since, until } = stretch;
  const send = (judgement: Mark['judgement']) =>
    void mark({
      channel,
      since,
      until,
      judgement,
      fault_family: family,
      note,
      ...(judgement === 'rejected' ? { reason } : {}),
    }).then(() => {
      setQuery({ mark: null, m: null });
      onDone();
    }, setProblem);
  return (
    <div class="mark-form">
      <p>{moment(since)} – {moment(until)}</p>
      <div class="choices">
        <select aria-label={t('device.channel')} value={channel} onChange={(event) => setChannel(event.currentTarget.value)}>
          {channels.map((it) => <option key={it} value={it}>{it}</option>)}
        </select>
        <select aria-label={t('explore.family')} value={family} onChange={(event) => setFamily(event.currentTarget.value)}>
          {FAMILIES.map((it) => <option key={it} value={it}>{word('family', it)}</option>)}
        </select>
        <select
          aria-label={t('explore.reason')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value as (typeof REASONS)[number])}
        >
          {REASONS.map((it) => <option key={it} value={it}>{word('reason', it)}</option>)}
        </select>
        <input aria-label={t('review.note')} placeholder={t('review.note')} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </div>
      {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
      <div class="choices">
        <button type="button" id="mark-fault" onClick={() => send('confirmed')}>{t('explore.is_fault')}</button>
        <button type="button" id="mark-healthy" onClick={() => send('rejected')}>{t('explore.is_healthy')}</button>
        <button type="button" onClick={() => setQuery({ mark: null, m: null })}>{t('act.cancel')}</button>
      </div>
    </div>
  );
}
