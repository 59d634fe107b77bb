// What a trend shows besides its line, and how far its axes reach.

import type { Normal, Series } from '../api/types';
import { seconds } from './columns';

export type MarkKind = 'onset' | 'ticket' | 'repair' | 'stop';

export interface Mark {
  kind: MarkKind;
  /** Seconds since 1970. */
  at: number;
  label: string;
}

export interface TrendModel {
  from: number;
  to: number;
  series: Series | null;
  normal: Normal | null;
  limit: number | null;
  marks: Mark[];
}

const RIBBON_SHADES: Record<string, number> = { off: 0.06, idle: 0.16, warmup: 0.28, unknown: 0 };

/** How dark a state is in the ribbon, 0 to 1: the more a machine works, the darker. */
export function ribbonShade(state: string): number {
  return RIBBON_SHADES[baseState(state)] ?? 0.42;
}

/** A state without the number of its band. */
export function baseState(state: string): string {
  return state.replace(/-\d+$/, '');
}

/** A limit farther away than this many times the data would flatten the line. */
const LIMIT_REACH = 2.5;

/** The ends of the value axis: data, normal band, and the limit where it is near. */
export function valueRange(model: TrendModel): [number, number] {
  const values = (model.series?.buckets ?? []).flatMap((it) => (it.min === null || it.max === null ? [] : [it.min, it.max]));
  if (model.normal) values.push(model.normal.low, model.normal.high);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (values.length === 0) [low, high] = [0, 1];
  const { limit } = model;
  if (limit !== null && Math.abs(limit) <= LIMIT_REACH * Math.max(Math.abs(high), Math.abs(low))) {
    [low, high] = [Math.min(low, limit), Math.max(high, limit)];
  }
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const startsAtZero = 0 <= low && low < 0.5 * high;
  return [startsAtZero ? 0 : low - room, high + room];
}

/** Operating states on the time axis, cut to it; neighbours of the same state are one stretch. */
export function stretches(model: TrendModel): { from: number; to: number; state: string }[] {
  const result: { from: number; to: number; state: string }[] = [];
  for (const it of model.series?.states ?? []) {
    const from = Math.max(seconds(it.from), model.from);
    const to = Math.min(seconds(it.to), model.to);
    const last = result[result.length - 1];
    if (to <= from) continue;
    if (last && last.state === it.state && from - last.to < 1) last.to = to;
    else result.push({ from, to, state: it.state });
  }
  return result;
}
