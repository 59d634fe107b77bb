// What the machine's own signals say of the repair: before, normal, after.

import type { CheckedSignal, RepairCheck } from '../../api/types';
import { Tag, type Tone } from '../../parts/shape';
import { amount, band, moment, number, operatingState } from '../../text/format';
import { t, word } from '../../text/language';

const VERDICT: Record<RepairCheck['verdict'], Tone> = {
  returned: 'ok',
  not_returned: 'alarm',
  unknown: 'mute',
};

export function Check({ check }: { check: RepairCheck | null }) {
  if (!check) return null;
  return (
    <section class="card" id="repair-check">
      <h2>{t('check.title')}</h2>
      <p class="line">
        <Tag tone={VERDICT[check.verdict]} text={word('check_verdict', check.verdict)} />
        <span class="meta">{moment(check.at)}</span>
      </p>
      <ul class="repairs">{check.signals.map((it) => <Signal key={it.channel} signal={it} />)}</ul>
    </section>
  );
}

function Signal({ signal }: { signal: CheckedSignal }) {
  const { channel, unit, before, after, samples } = signal;
  const [device, , point] = channel.split('/');
  const normal = normalOf(signal);
  return (
    <li>
      <p class="line">
        <a href={`/d/${device}?channel=${encodeURIComponent(channel)}`}>{point}</a>
        <span class="num">
          {amount(before, unit)} → {after === null ? '–' : amount(after, unit)}
        </span>
        {normal && <span class="meta">{t('check.normal', { band: `${normal} ${unit}` })}</span>}
      </p>
      <p class="meta">{t('check.seen', { n: samples, state: operatingState(signal.state) })}</p>
    </li>
  );
}

/** The edge that the signal had left, or both. */
function normalOf({ low, high }: CheckedSignal): string {
  if (low !== null && high !== null) return band(low, high, '–');
  if (high !== null) return `≤ ${number(high)}`;
  return low === null ? '' : `≥ ${number(low)}`;
}
