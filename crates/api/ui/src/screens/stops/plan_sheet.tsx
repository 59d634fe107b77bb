// Plans a stop: from when, until when, why, and which machines. Four taps do for the usual one.

import { useState } from 'preact/hooks';
import { useResource } from '../../api/resource';
import { planStop, type NewStop, type Stop } from '../../api/stops';
import type { Device, DeviceRow, Page } from '../../api/types';
import { Chip, Chips, FormProblem, MomentField, TextField } from '../../parts/field';
import { type Form, useForm } from '../../parts/form';
import { Sheet } from '../../parts/sheet';
import { lately, zone } from '../../text/format';
import { pick, t } from '../../text/language';
import { instant } from '../../text/zoned';
import { type Choice, choices, shiftsOf, wholeMinute, wrongHours } from './hours';
import { standing, type Which } from './machines';
import { machinesText, placeText, untilText, usePlant } from './words';

export interface PlanProps {
  device: Device;
  onClose: () => void;
  onDone: (stop: Stop) => void;
}

type Fields = 'from' | 'until' | 'reason' | 'which';

const REASONS = ['maintenance', 'changeover', 'cleaning', 'no_orders', 'holiday'] as const;
const OTHER = 'other';
/** In letters. */
const REASON_MAX = 500;

export function PlanSheet({ device, onClose, onDone }: PlanProps) {
  const form = useForm<Fields>({
    'stop-until': ['until', 'stop.until_refused'],
    'stop-reason': ['reason', 'stop.reason_refused'],
    'stop-machines': ['which', 'stop.machines_refused'],
  });
  const hours = useHours();
  const [reason, setReason] = useState('');
  const [which, setWhich] = useState<Which>('device');
  const plant = usePlant();
  const machines = plant ?? [device];
  const { from, until } = hours;
  const send = form.sends({
    check: () => ({
      from: from === undefined ? ('form.needed' as const) : null,
      until: until === null ? ('stop.choose_until' as const) : wrongHours(from ?? null, until, Date.now()),
      reason: wrongReason(reason.trim()),
    }),
    ask: () =>
      planStop({
        ...meant(device, which),
        from: from ? iso(from) : null,
        until: iso(until ?? 0),
        reason: reason.trim(),
      }),
    done: onDone,
  });
  const ids = standing(device, which, machines).map((it) => it.id);
  return (
    <Sheet isForm title={t('stop.plan_title', { name: pick(device.name) })} onClose={onClose}>
      <form class="form" id="stop-form" ref={form.place} noValidate onSubmit={send}>
        <FromField hours={hours} form={form} />
        <UntilField hours={hours} form={form} />
        <ReasonField value={reason} {...form.of('reason', setReason)} />
        <WhichField device={device} machines={machines} value={which} {...form.of('which', setWhich)} />
        <div class="stop-effect">
          <p aria-live="polite">
            {until !== null && from !== undefined && <strong>{summary(machinesText(ids, machines), from, until)}</strong>}
          </p>
          <p>{t('stop.effect')}</p>
        </div>
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" disabled={form.isBusy}>{t('stop.plan_it')}</button>
      </form>
    </Sheet>
  );
}

function summary(names: string, from: number | null, until: number): string {
  if (from === null) return t('stop.summary_now', { names, until: lately(iso(until)) });
  return t('stop.summary', { names, from: lately(iso(from)), until: untilText(iso(from), iso(until)) });
}

const iso = (at: number) => new Date(at).toISOString();

/** The hours that are chosen, and what there is to choose. */
interface HoursChoice {
  /** In ms; null is now, undefined not known yet. */
  from: number | null | undefined;
  until: number | null;
  offered: Choice[];
  chosen: string | null;
  isLater: boolean;
  begins: string;
  ends: string;
  setLater: (isLater: boolean) => void;
  setBegins: (wall: string) => void;
  choose: (id: string) => void;
  setEnds: (wall: string) => void;
}

function useHours(): HoursChoice {
  // A choice of "2 hours" counts from when it was made, and the same plan may be sent twice.
  const [present, setPresent] = useState(() => wholeMinute(Date.now()));
  const [isLater, setLater] = useState(false);
  const [begins, setBegins] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const [ends, setEnds] = useState('');
  const handbook = useResource<Page<{ kind: string; toml: string }>>('/handbook');
  const shifts = (handbook.value?.items ?? []).filter((it) => it.kind === 'rota').flatMap((it) => shiftsOf(it.toml));
  const from = isLater ? (instant(begins, zone.value) ?? undefined) : null;
  const offered = choices(from ?? present, zone.value, shifts);
  const choose = (id: string) => {
    setPresent(wholeMinute(Date.now()));
    setChosen(id);
  };
  const until = chosen === OTHER ? instant(ends, zone.value) : (offered.find((it) => it.id === chosen)?.until ?? null);
  return { from, until, offered, chosen, isLater, begins, ends, setLater, setBegins, choose, setEnds };
}

interface FieldProps {
  hours: HoursChoice;
  form: Form<Fields>;
}

function FromField({ hours, form }: FieldProps) {
  const { wrong, onValue } = form.of('from', hours.setBegins);
  return (
    <>
      <Chips label={t('stop.from')}>
        <Chip value="now" isOn={!hours.isLater} onPress={() => hours.setLater(false)}>{t('stop.now')}</Chip>
        <Chip value="later" isOn={hours.isLater} onPress={() => hours.setLater(true)}>{t('stop.later')}</Chip>
      </Chips>
      {hours.isLater && (
        <MomentField label={t('stop.begins')} name="begins" value={hours.begins} wrong={wrong} onValue={onValue} hint={zoneHint()} />
      )}
    </>
  );
}

function UntilField({ hours, form }: FieldProps) {
  const { wrong, onValue: choose } = form.of('until', hours.choose);
  const ends = form.of('until', hours.setEnds);
  const isOther = hours.chosen === OTHER;
  return (
    <>
      <Chips label={t('stop.until_when')} wrong={isOther ? null : wrong}>
        <span class="stop-choices">
          {hours.offered.map((it) => (
            <Chip key={it.id} value={it.kind} isOn={hours.chosen === it.id} onPress={() => choose(it.id)}>
              <span>{choiceText(it, hours.isLater)}</span>
              <span class="meta num">{lately(iso(it.until))}</span>
            </Chip>
          ))}
          <Chip value={OTHER} isOn={isOther} onPress={() => choose(OTHER)}>{t('stop.other_time')}</Chip>
        </span>
      </Chips>
      {isOther && (
        <MomentField label={t('stop.ends')} name="ends" value={hours.ends} {...ends} hint={zoneHint()} />
      )}
    </>
  );
}

function choiceText(choice: Choice, isLater: boolean): string {
  if (choice.kind === 'shift') return t('stop.end_of_shift', { name: pick(choice.name) });
  if (choice.kind === 'morning') return t(isLater ? 'stop.morning_after' : 'stop.tomorrow');
  return t(`stop_for.${choice.kind}`);
}

const zoneHint = () => t('shell.zone', { zone: zone.value });

interface ValueProps<V> {
  value: V;
  wrong: ReturnType<Form<Fields>['of']>['wrong'];
  onValue: (value: V) => void;
}

/** A tap writes the usual words; they may be changed. */
function ReasonField({ value, wrong, onValue }: ValueProps<string>) {
  return (
    <div class="field">
      <TextField label={t('stop.reason')} name="reason" max={REASON_MAX} isPlain value={value} wrong={wrong} onValue={onValue} />
      <div class="chips">
        {REASONS.map((it) => {
          const words = t(`stop_reason.${it}`);
          return <Chip key={it} value={it} isOn={value === words} onPress={() => onValue(words)}>{words}</Chip>;
        })}
      </div>
    </div>
  );
}

interface WhichProps extends ValueProps<Which> {
  device: Device;
  machines: readonly (Device | DeviceRow)[];
}

/** Its line and its area, where more machines stand there; nothing to ask where there is no choice. */
function WhichField({ device, machines, value, wrong, onValue }: WhichProps) {
  const count = (which: Which) => standing<DeviceRow>(device, which, machines).length;
  const isSame = count('area') === count('production_line');
  const offered = (['production_line', 'area'] as const).filter(
    (it) => 1 < count(it) && !(it === 'area' && isSame),
  );
  if (offered.length === 0) return null;
  return (
    <Chips label={t('stop.which')} wrong={wrong}>
      <Chip value="device" isOn={value === 'device'} onPress={() => onValue('device')}>{t('stop.only_this')}</Chip>
      {offered.map((it) => (
        <Chip key={it} value={it} isOn={value === it} onPress={() => onValue(it)}>
          {placeText(it, device[it], count(it))}
        </Chip>
      ))}
    </Chips>
  );
}

function meant(device: Device, which: Which): Pick<NewStop, 'devices' | 'production_line' | 'area'> {
  return which === 'device' ? { devices: [device.id] } : { [which]: device[which] };
}

function wrongReason(reason: string) {
  if (reason === '') return 'form.needed' as const;
  return REASON_MAX < [...reason].length ? ('stop.reason_refused' as const) : null;
}
