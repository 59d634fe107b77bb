// What stands by plan on a machine's page, and the way to plan a stop.

import { useRef, useState } from 'preact/hooks';
import { type Resource, useResource } from '../../api/resource';
import type { Stop } from '../../api/stops';
import type { Device, Page } from '../../api/types';
import { may } from '../../api/who';
import { ProblemText } from '../../parts/notice';
import { Pause } from '../../parts/shape';
import { now } from '../../text/format';
import { t } from '../../text/language';
import { MachineStops, PlanSheet } from '../stops';
import { phase } from '../stops/reckon';
import { OPEN_STOPS } from '../tickets/stops';

export type Stops = Resource<Page<Stop>>;

export function useStops(): Stops {
  return useResource<Page<Stop>>(OPEN_STOPS, { topic: 'stops', everyMs: 30_000 });
}

/** Those of a machine that have begun, over or not, for its charts. */
export function useStopsBefore(device: string, open: Stops): Stop[] {
  const over = useResource<Page<Stop>>('/planned-stops?over=true&limit=200', { topic: 'stops' });
  const ended = over.value?.items ?? [];
  const all = [...ended, ...(open.value?.items ?? []).filter((it) => !ended.some((other) => other.number === it.number))];
  // The page is drawn anew with each reading; it need not be each second for a mark.
  return all.filter((it) => it.devices.includes(device) && ['going_on', 'over'].includes(phase(it, now.peek())));
}

/** Only for those who may; the others read what was planned. */
export function PlanStop({ device, stops }: { device: Device; stops: Stops }) {
  const [isOpen, setOpen] = useState(false);
  const done = () => {
    setOpen(false);
    stops.reload();
  };
  return (
    <div class="device-acts">
      {may('work') && (
        <button type="button" id="plan-stop" aria-haspopup="dialog" onClick={() => setOpen(true)}>
          <Pause /> {t('stop.plan')}
        </button>
      )}
      <a href="/stops">{t('stop.all')}</a>
      {isOpen && <PlanSheet device={device} onClose={() => setOpen(false)} onDone={done} />}
    </div>
  );
}

export function StopsHere({ device, stops }: { device: Device; stops: Stops }) {
  const own = (stops.value?.items ?? []).filter((it) => it.devices.includes(device.id));
  // Once it is there it stays: it says what follows the stop that was ended.
  const isNeeded = useRef(false);
  isNeeded.current ||= 0 < own.length;
  return (
    <>
      {stops.problem && (
        <p class="stale" role="status">{t('stop.not_loaded')} <ProblemText problem={stops.problem} /></p>
      )}
      {isNeeded.current && <MachineStops device={device} stops={own} reload={stops.reload} />}
    </>
  );
}
