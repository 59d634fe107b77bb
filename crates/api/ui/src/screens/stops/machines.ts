// Which machines a planned stop is for, and what was found on them meanwhile.

import type { Found } from '../../api/stops';
import type { DeviceRow } from '../../api/types';

type Place = Pick<DeviceRow, 'id' | 'area' | 'production_line'>;
export type Which = 'device' | 'production_line' | 'area';

/** The machines that would stand with this one, itself among them; a place that has no name has none. */
export function standing<D extends Place>(device: Place, which: Which, all: readonly D[]): D[] {
  if (which === 'device') return all.filter((it) => it.id === device.id);
  return device[which] === '' ? [] : all.filter((it) => it[which] === device[which]);
}

/** The line or area whose machines exactly these are; for a single machine its own name says more. */
export function commonPlace(ids: readonly string[], all: readonly Place[]) {
  const first = all.find((it) => it.id === ids[0]);
  if (!first || ids.length < 2) return null;
  for (const which of ['production_line', 'area'] as const) {
    const there = standing(first, which, all);
    const isSame = there.length === ids.length && there.every((it) => ids.includes(it.id));
    if (isSame) return { which, name: first[which] };
  }
  return null;
}

/** What was found several times on a channel by a rule is one line; the newest stands first. */
export function folded(found: readonly Found[]): (Found & { times: number })[] {
  const lines = new Map<string, Found & { times: number }>();
  for (const it of found) {
    const key = `${it.channel} ${it.rule}`;
    const known = lines.get(key);
    if (known) known.times += 1;
    else lines.set(key, { ...it, times: 1 });
  }
  return [...lines.values()];
}

/** From when on counts what has not ended; until then a machine that is back may come to rest. */
export function countsFrom(endedAt: string): number {
  return Date.parse(endedAt) + RETURNS_WITHIN_MS;
}

/** As long as the server waits behind a stop. */
const RETURNS_WITHIN_MS = 900_000;
