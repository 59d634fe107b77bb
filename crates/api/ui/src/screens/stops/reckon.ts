// Where planned stops stand at a time, and in which order people look at them.

import type { Stop } from '../../api/stops';

export type Phase = 'going_on' | 'to_come' | 'over' | 'called_off';

type Hours = Pick<Stop, 'from' | 'until' | 'planned_at' | 'ended_at'>;

/** Where a stop stands at a time in ms. */
export function phase(stop: Hours, at: number): Phase {
  const from = Date.parse(stop.from);
  if (stop.ended_at !== null) return Date.parse(stop.ended_at) <= from ? 'called_off' : 'over';
  // One that was planned for at once has begun, also by a browser's clock that is behind.
  return from <= Math.max(at, Date.parse(stop.planned_at)) ? 'going_on' : 'to_come';
}

/** Whether a stop goes on or begins within a day. */
export function isNear(stop: Hours, at: number): boolean {
  const state = phase(stop, at);
  return state === 'going_on' || (state === 'to_come' && Date.parse(stop.from) - at <= DAY_MS);
}

/** Those that go on before those to come, each by when something happens next. */
export function byNext<S extends Hours>(stops: readonly S[], at: number): S[] {
  const next = (it: S) => (phase(it, at) === 'going_on' ? it.until : it.from);
  const rank = (it: S) => (phase(it, at) === 'going_on' ? 0 : 1);
  return [...stops].sort((a, b) => rank(a) - rank(b) || Date.parse(next(a)) - Date.parse(next(b)));
}

const DAY_MS = 86_400_000;
