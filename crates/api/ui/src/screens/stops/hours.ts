// When a planned stop may end: the quick choices, in the time of the plant, and what the server would refuse.

import type { Name } from '../../api/types';
import { daysAfter, instant, wall } from '../../text/zoned';

/** A shift of the rota, in the clock times of its zone, e.g. 20:00 to 08:00. */
export interface Shift {
  name: Name;
  from: string;
  to: string;
  zone: string;
}

/** The shifts of a rota as it is written; what is written in another way is left out, and nothing depends on it. */
export function shiftsOf(toml: string): Shift[] {
  const shifts: (Partial<Shift> & { en?: string; zh?: string })[] = [];
  let table = '';
  let zone: string | undefined;
  for (const line of toml.split('\n')) {
    const header = /^\s*\[+([\w.-]+)\]+/.exec(line)?.[1];
    if (header) {
      table = header;
      if (header === 'shift') shifts.push({});
      continue;
    }
    if (table === '') zone ??= /^\s*time_zone\s*=\s*"([^"]+)"/.exec(line)?.[1];
    const shift = shifts[shifts.length - 1];
    if (!shift || (table !== 'shift' && table !== 'shift.name')) continue;
    const [, from, to] = /^\s*hours\s*=\s*"(\d\d:\d\d)-(\d\d:\d\d)"/.exec(line) ?? [];
    if (from && to) [shift.from, shift.to] = [from, to];
    shift.en ??= /\ben\s*=\s*"([^"]+)"/.exec(line)?.[1];
    shift.zh ??= /\bzh\s*=\s*"([^"]+)"/.exec(line)?.[1];
  }
  return shifts.flatMap(({ from, to, en, zh }) =>
    from && to && zone && en ? [{ name: { en, zh: zh ?? en }, from, to, zone }] : [],
  );
}

/** When the shift that works at a time ends, in ms; null where it does not work then. */
export function endOfShift({ from, to, zone }: Shift, at: number): number | null {
  const today = wall(at, zone).slice(0, 10);
  const passesMidnight = to <= from;
  for (const day of [daysAfter(today, -1), today]) {
    const begins = instant(`${day}T${from}`, zone);
    const ends = to === '24:00' || passesMidnight ? daysAfter(day, 1) : day;
    const ended = instant(`${ends}T${to === '24:00' ? '00:00' : to}`, zone);
    if (begins !== null && ended !== null && begins <= at && at < ended) return ended;
  }
  return null;
}

export interface Choice {
  id: string;
  kind: 'shift' | 'hours_2' | 'hours_8' | 'morning';
  until: number;
  /** The shift's. */
  name?: Name;
}

/** Ends that people choose with one tap, of a stop that begins at a time; the same end is offered once. */
export function choices(from: number, zone: string, shifts: readonly Shift[]): Choice[] {
  const nextDay = daysAfter(wall(from, zone).slice(0, 10), 1);
  const morning = instant(`${nextDay}T${MORNING}`, zone);
  const all: Choice[] = shifts.flatMap((it) => {
    const until = endOfShift(it, from);
    const id = `shift ${it.from} ${it.to}`;
    return until === null ? [] : [{ id, kind: 'shift' as const, until, name: it.name }];
  });
  const plain = (kind: Exclude<Choice['kind'], 'shift'>, until: number) => all.push({ id: kind, kind, until });
  plain('hours_2', from + 2 * HOUR_MS);
  plain('hours_8', from + 8 * HOUR_MS);
  if (morning !== null) plain('morning', morning);
  return all.filter((it, index) => all.findIndex((other) => other.until === it.until) === index);
}

/** The next whole minute, which is what people are shown. */
export function wholeMinute(at: number): number {
  return Math.ceil(at / 60_000) * 60_000;
}

export type WrongHours = 'stop.not_after' | 'stop.is_past' | 'stop.too_long';

/** What the server would refuse of hours; `from` null is now. */
export function wrongHours(from: number | null, until: number, now: number): WrongHours | null {
  if (until <= now) return 'stop.is_past';
  if (from !== null && until <= from) return 'stop.not_after';
  return LONGEST_MS < until - (from ?? now) ? 'stop.too_long' : null;
}

const HOUR_MS = 3_600_000;
const MORNING = '08:00';
/** Behind a longer one a fault would be forgotten. */
const LONGEST_MS = 60 * 24 * HOUR_MS;
