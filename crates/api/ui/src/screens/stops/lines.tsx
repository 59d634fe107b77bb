// One quiet line for each planned stop, which leads to it.

import type { ComponentChildren } from 'preact';
import type { Stop } from '../../api/stops';
import { Pause } from '../../parts/shape';
import { now } from '../../text/format';
import { t } from '../../text/language';
import { hoursText, machinesText, setAsideText, usePlant } from './words';

export interface LinesProps {
  stops: readonly Stop[];
}

/** What a list of tickets has room for. */
const LINES_MAX = 4;

/** For those who look at all machines. */
export function StopLines({ stops }: LinesProps) {
  const plant = usePlant();
  const more = stops.length - LINES_MAX;
  return (
    <ul class="stop-lines" aria-label={t('stop.title')}>
      {stops.slice(0, LINES_MAX).map((it) => (
        <Line key={it.number} number={it.number}>
          {t('stop.line')} · <strong>{machinesText(it.devices, plant)}</strong>
          {' · '}{hoursText(it, now.value)}
          {0 < it.set_aside && ` · ${setAsideText(it.set_aside)}`}
        </Line>
      ))}
      {0 < more && <li><a href="/stops"><Pause /><span>{t('stop.more_lines', { n: more })}</span></a></li>}
    </ul>
  );
}

/** For those who look at one of its machines: when and why. */
export function ComingLines({ stops }: LinesProps) {
  return (
    <ul class="stop-lines" aria-label={t('stop.title')}>
      {stops.map((it) => (
        <Line key={it.number} number={it.number}>
          {t('stop.line')} · <strong>{hoursText(it, now.value)}</strong> · {it.reason}
        </Line>
      ))}
    </ul>
  );
}

function Line({ number, children }: { number: string; children: ComponentChildren }) {
  return (
    <li>
      <a href={`/stops?stop=${number}`} data-stop={number}>
        <Pause />
        <span>{children}</span>
      </a>
    </li>
  );
}
