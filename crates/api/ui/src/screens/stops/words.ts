// Planned stops in words: their machines, their hours, what was set aside.

import { useResource } from '../../api/resource';
import type { Stop } from '../../api/stops';
import type { DeviceRow, Page } from '../../api/types';
import { clock, day, lately } from '../../text/format';
import { pick, t } from '../../text/language';
import { commonPlace } from './machines';
import { phase, type Phase } from './reckon';

/** As many machines as a line names. */
const NAMED_MAX = 3;

/** The plant's machines; null while they are being read, so that no id flashes by where a name will stand. */
export type Plant = readonly DeviceRow[] | null;

/** The machines of the plant, for their names and places. */
export function usePlant(): Plant {
  const plant = useResource<Page<DeviceRow>>('/devices');
  return plant.value?.items ?? (plant.problem ? [] : null);
}

export function machineName(id: string, plant: Plant): string {
  return plant === null ? '…' : pick(plant.find((it) => it.id === id)?.name) || id;
}

/** Which machines: their names, or the line or area whose machines they are. */
export function machinesText(ids: readonly string[], plant: Plant): string {
  if (plant === null) return '…';
  const place = commonPlace(ids, plant);
  if (place) return placeText(place.which, place.name, ids.length);
  const name = (id: string) => machineName(id, plant);
  const isShort = ids.length <= NAMED_MAX;
  const named = (isShort ? ids : ids.slice(0, NAMED_MAX - 1)).map(name).join(t('course.and'));
  return isShort ? named : t('stop.and_more', { names: named, n: ids.length - (NAMED_MAX - 1) });
}

export function placeText(which: 'production_line' | 'area', name: string, n: number): string {
  return t(`stop_of.${which}`, { name, n });
}

/** What matters of its hours at a time in ms. */
export function hoursText(stop: Stop, at: number): string {
  const state = phase(stop, at);
  if (state === 'going_on') return t('stop.until', { time: lately(stop.until) });
  const until = state === 'over' ? (stop.ended_at ?? stop.until) : stop.until;
  return t('stop.from_until', { from: lately(stop.from), until: untilText(stop.from, until) });
}

/** An end; its day is said where it is not that of the beginning. */
export function untilText(from: string, until: string): string {
  return day(from) === day(until) ? clock(until) : lately(until);
}

/** What ends a stop, in the words of whoever does. */
export function endWord(stop: Stop, state: Phase) {
  if (state === 'to_come') return 'stop.call_off' as const;
  return stop.devices.length === 1 ? ('stop.back' as const) : ('stop.all_back' as const);
}

export function setAsideText(n: number): string {
  return n === 0 ? t('stop.nothing') : t('stop.set_aside', { n });
}
