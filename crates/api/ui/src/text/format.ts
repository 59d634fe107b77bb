// Numbers, times and ages as people of the plant write them.
//
// Times are shown in the time zone of the site, wherever the reader is. Nothing here knows a unit:
// units travel with the numbers.

import { signal } from '@preact/signals';
import { language, locale, t, word } from './language';

/** IANA name of the site's time zone. */
export const zone = signal('UTC');
/** Ticks once a second while the page is visible, for ages. */
export const now = signal(Date.now());

/** Starts the tick; call once. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1_000);
}

/** Three significant digits, whole numbers from 1000 on. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const digits = 1000 <= Math.abs(value) ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(locale.value, { ...digits, useGrouping: isGrouped(value) }).format(value);
}

/** Chinese groups digits only where there are many. */
function isGrouped(value: number): boolean {
  return language.value === 'en' || 10_000 <= Math.abs(value);
}

/** A number with its unit; a whole number without one is a count or a code and is written as it is. */
export function amount(value: number | null | undefined, unit: string): string {
  if (unit) return `${number(value)} ${unit}`;
  return Number.isInteger(value) ? String(value) : number(value);
}

/** The ends of a band, with as many digits as its width deserves. */
export function band(low: number, high: number, join: string): string {
  const width = high - low;
  const digits = 0 < width ? Math.min(Math.max(Math.ceil(1 - Math.log10(width)), 0), 6) : 2;
  const end = new Intl.NumberFormat(locale.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: isGrouped(high),
  });
  return end.format(low) + join + end.format(high);
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A frequency with the resolution that a person compares. */
export function hertz(value: number): string {
  return `${value.toFixed(1)} Hz`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [size, unit] = [value, 0];
  while (1000 <= size && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${number(size)} ${units[unit]}`;
}

/** Date and time; the year only when it is not this one. */
export function moment(at: string | number): string {
  const date = new Date(at);
  return format(date, { ...yearOf(date), ...DAY, ...CLOCK });
}

/** The time of today, or the moment of another day. */
export function lately(at: string): string {
  const isToday = day(at) === day(new Date(now.peek()).toISOString());
  return isToday ? clock(at) : moment(at);
}

/** The date; the year only when it is not this one. */
export function day(at: string): string {
  const date = new Date(at);
  return format(date, { ...yearOf(date), ...DAY });
}

export function clock(at: string | number, withSeconds = false): string {
  return format(new Date(at), { ...CLOCK, ...(withSeconds ? { second: '2-digit' } : {}) });
}

/** How long ago, in its largest unit. */
export function ago(at: string): string {
  return lasting((now.value - new Date(at).getTime()) / 1000);
}

/** A length of time in its largest unit, as many whole ones as have passed. */
export function lasting(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 60) return t('span.s', { n: Math.floor(s) });
  if (s < 3_600) return t('span.min', { n: Math.floor(s / 60) });
  if (s < 48 * 3_600) return t('span.h', { n: Math.floor(s / 3_600) });
  return t('span.d', { n: Math.floor(s / 86_400) });
}

/** The name of an operating state; bands of one state are counted from 1. */
export function operatingState(state: string): string {
  const band = /^(.*)-(\d+)$/.exec(state);
  if (!band) return word('running', state);
  return t('running.band', { state: word('running', band[1] ?? ''), n: Number(band[2]) + 1 });
}

const DAY = { month: 'short', day: 'numeric' } as const;
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

function yearOf(date: Date): Intl.DateTimeFormatOptions {
  const year = (it: Date | number) => format(new Date(it), { year: 'numeric' });
  return year(date) === year(now.peek()) ? {} : { year: 'numeric' };
}

function format(date: Date, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale.value, { ...options, timeZone: zone.value }).format(date);
}
