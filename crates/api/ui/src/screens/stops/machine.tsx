// What stands by plan on a machine's page: the stop that goes on, those to come, and what follows one that ended.

import { useState } from 'preact/hooks';
import type { Stop } from '../../api/stops';
import type { Device } from '../../api/types';
import { clock, now } from '../../text/format';
import { t } from '../../text/language';
import { StopCard } from './card';
import { ComingLines } from './lines';
import { countsFrom } from './machines';
import { byNext, phase } from './reckon';

export interface MachineProps {
  device: Device;
  /** Its own, without those that are over. */
  stops: readonly Stop[];
  reload: () => void;
}

export function MachineStops({ device, stops, reload }: MachineProps) {
  const [ended, setEnded] = useState<Stop | null>(null);
  const done = (stop: Stop) => {
    setEnded(stop);
    reload();
  };
  const inOrder = byNext(stops, now.value).filter((it) => it.number !== ended?.number);
  const toCome = inOrder.filter((it) => phase(it, now.value) === 'to_come');
  return (
    <>
      {ended && <Ended stop={ended} />}
      {inOrder
        .filter((it) => phase(it, now.value) === 'going_on')
        .map((it) => <StopCard key={it.number} stop={it} device={device} onEnded={done} />)}
      {0 < toCome.length && <ComingLines stops={toCome} />}
    </>
  );
}

/** What happens next, for whoever said that the machine is back. */
function Ended({ stop }: { stop: Stop }) {
  return (
    <div class="told" role="status" id="stop-ended">
      <p>{t('stop.ended', { number: stop.number })}</p>
      <p>
        {stop.set_aside === 0 || stop.ended_at === null
          ? t('stop.ended_nothing')
          : t('stop.ended_next', { time: clock(countsFrom(stop.ended_at)) })}
      </p>
    </div>
  );
}
