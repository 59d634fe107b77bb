// Asks whether the machines are back, and says what happens then.

import { endStop, type Stop } from '../../api/stops';
import { FormProblem } from '../../parts/field';
import { useForm } from '../../parts/form';
import { Sheet } from '../../parts/sheet';
import { t } from '../../text/language';
import type { Phase } from './reckon';
import { endWord, machinesText, type Plant } from './words';

interface Props {
  stop: Stop;
  state: Phase;
  machines: Plant;
  onClose: () => void;
  onDone: (stop: Stop) => void;
}

export function EndSheet({ stop, state, machines, onClose, onDone }: Props) {
  const form = useForm<never>({});
  const send = form.sends({ check: () => ({}), ask: () => endStop(stop.number), done: onDone });
  const isBack = state === 'going_on';
  const names = machinesText(stop.devices, machines);
  return (
    <Sheet title={t(isBack ? 'stop.back_title' : 'stop.call_off_title', { names })} onClose={onClose}>
      <form class="form" ref={form.place} onSubmit={send}>
        {1 < stop.devices.length && <p>{t('stop.for_all', { n: stop.devices.length })}</p>}
        <p>{t(isBack ? 'stop.back_effect' : 'stop.call_off_effect')}</p>
        {isBack && 0 < stop.set_aside && <p>{t('stop.back_found')}</p>}
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" data-act="confirm" disabled={form.isBusy}>
          {t(endWord(stop, state))}
        </button>
      </form>
    </Sheet>
  );
}
