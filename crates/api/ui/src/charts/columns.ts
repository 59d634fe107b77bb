// Series as columns for uPlot, and what can be said about them in words.
//
// Absent buckets are gaps: a null stands between neighbours that lie too far apart, so that a line
// never bridges what nobody measured.

import type { Bucket, Series } from '../api/types';

/** Seconds, mean, least, greatest; null where there is a gap. */
export type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** Neighbours farther apart than this many usual steps have a gap between them. */
const GAP_STEPS = 2.6;

export function columns(series: Series | null): Columns {
  const result: Columns = [[], [], [], []];
  const buckets = (series?.buckets ?? []).filter(isMeasured);
  const step = usualStep(buckets);
  let before: number | null = null;
  for (const bucket of buckets) {
    const at = seconds(bucket.t);
    if (before !== null && GAP_STEPS * step < at - before) push(result, before + step, null);
    push(result, at, bucket);
    before = at;
  }
  return result;
}

/** The usual distance of two buckets, in seconds. */
export function usualStep(buckets: Bucket[]): number {
  const steps: number[] = [];
  for (let index = 1; index < buckets.length; index += 1) {
    steps.push(seconds(buckets[index]!.t) - seconds(buckets[index - 1]!.t));
  }
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** A bucket with at least one good reading. */
type Measured = Bucket & { min: number; max: number; mean: number };

interface Facts {
  last: Measured;
  highest: Measured;
  bad: number;
}

/** The few numbers that a sentence about a series needs. */
export function facts(series: Series | null): Facts | null {
  const buckets = (series?.buckets ?? []).filter(isMeasured);
  const last = buckets[buckets.length - 1];
  if (!last) return null;
  return {
    last,
    highest: buckets.reduce((a, b) => (a.max < b.max ? b : a)),
    bad: (series?.buckets ?? []).reduce((sum, it) => sum + it.bad, 0),
  };
}

function isMeasured(bucket: Bucket): bucket is Measured {
  return bucket.mean !== null && bucket.min !== null && bucket.max !== null;
}

export function seconds(at: string): number {
  return new Date(at).getTime() / 1000;
}

function push(to: Columns, at: number, bucket: Bucket | null): void {
  to[0].push(at);
  to[1].push(bucket?.mean ?? null);
  to[2].push(bucket?.min ?? null);
  to[3].push(bucket?.max ?? null);
}
