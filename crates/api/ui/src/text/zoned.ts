// What the clocks on the wall show in a time zone, and back.
//
// Wall times are texts such as `2026-11-26T08:00`, the form of the browser's own fields. An hour that does not
// exist is taken as if the clocks had not been changed yet; of one that comes twice, the first counts.

const DAY_MS = 86_400_000;

/** The moment, in ms, at which the clocks of a zone show this; null where that is no time. */
export function instant(wall: string, zone: string): number | null {
  const wanted = Date.parse(`${wall}Z`);
  if (Number.isNaN(wanted)) return null;
  // The offsets of a day before and a day after are all that can hold in between.
  const found = [offsetMs(wanted - DAY_MS, zone), offsetMs(wanted + DAY_MS, zone)].map((it) => wanted - it);
  const exact = found.filter((at) => at + offsetMs(at, zone) === wanted);
  return 0 < exact.length ? Math.min(...exact) : Math.max(...found);
}

/** What the clocks of a zone show at a moment, to the minute. */
export function wall(at: number, zone: string): string {
  return new Date(at + offsetMs(at, zone)).toISOString().slice(0, 16);
}

/** The date that a number of days after another one has. */
export function daysAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** How far the clocks of a zone are ahead of UTC at a time. */
function offsetMs(at: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(at).map((it) => [it.type, Number(it.value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}
