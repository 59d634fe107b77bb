// Asks why an anomaly is none, or with which one it is one. A digit chooses.

import { useEffect, useState } from 'preact/hooks';
import { REASONS, type Anomaly, type Reason } from '../../api/bench';
import { Sheet } from '../../parts/sheet';
import { moment } from '../../text/format';
import { pick, t, word } from '../../text/language';

interface RejectProps {
  n: number;
  onClose: () => void;
  onReason: (reason: Reason, note: string) => void;
}

export function RejectSheet({ n, onClose, onReason }: RejectProps) {
  const [note, setNote] = useState('');
  useDigits((digit) => {
    const reason = REASONS[digit - 1];
    if (reason) onReason(reason, note);
  });
  return (
    <Sheet title={t('review.reject_title', { n })} onClose={onClose}>
      <div class="sheet-chips">
        {REASONS.map((it, index) => (
          <button key={it} type="button" class="big" data-value={it} onClick={() => onReason(it, note)}>
            <span class="meta">{index + 1}</span> {word('reason', it)}
          </button>
        ))}
      </div>
      <label>
        {t('review.note')}
        <textarea rows={2} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
    </Sheet>
  );
}

interface MergeProps {
  targets: Anomaly[];
  items: Anomaly[];
  onClose: () => void;
  onInto: (episode: string) => void;
}

/** Offers the anomalies of the same machine; of several marked ones any may be the one that stays. */
export function MergeSheet({ targets, items, onClose, onInto }: MergeProps) {
  const devices = new Set(targets.map((it) => it.device));
  const isAlone = targets.length === 1;
  const offered = items
    .filter((it) => devices.has(it.device) && !(isAlone && it.episode === targets[0]?.episode))
    .slice(0, OFFERED);
  useDigits((digit) => {
    const into = offered[digit - 1];
    if (into) onInto(into.episode);
  });
  return (
    <Sheet title={t('review.merge_title')} onClose={onClose}>
      {offered.length === 0 && <p>{t('review.merge_none')}</p>}
      <ul class="merge-list">
        {offered.map((it, index) => (
          <li key={it.episode}>
            <button type="button" class="big" onClick={() => onInto(it.episode)}>
              <span class="meta">{index + 1}</span> {pick(it.component_name)} ·{' '}
              {it.parts[0] ? pick(it.parts[0].channel_name) : word('family', it.family)} · {moment(it.confirmed)}
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

const OFFERED = 8;

function useDigits(choose: (digit: number) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.target as Element).matches('input, textarea')) return;
      const digit = Number(event.key);
      if (1 <= digit && digit <= 9) choose(digit);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
