// A chart in one sentence: where the value stands, what is normal, how far it went.

import type { Normal, Series } from '../api/types';
import { amount, band, lately, number } from '../text/format';
import { t } from '../text/language';
import { facts, usualStep } from './columns';

interface Around {
  unit: string;
  normal: Normal | null;
  limit: number | null;
}

/** The mean of a longer bucket is not what the machine does now, in seconds. */
const MOMENTARY_S = 60;

export function trendSentence(series: Series, { unit, normal, limit }: Around): string {
  const known = facts(series);
  if (!known) return t('chart.nothing');
  const newest = usualStep(series.buckets) <= MOMENTARY_S ? 'chart.last' : 'chart.last_mean';
  const parts = [t(newest, { value: amount(known.last.mean, unit), time: lately(known.last.t) })];
  if (normal) {
    parts.push(t('chart.normal', { band: `${band(normal.low, normal.high, '–')} ${unit}`.trim(), n: normal.samples }));
    const times = known.last.mean / normal.median;
    if (0 < normal.median && 1.15 < times) parts.push(t('chart.times', { x: number(times) }));
  }
  if (limit !== null) parts.push(t('chart.limit_is', { value: amount(limit, unit) }));
  parts.push(t('chart.highest', { value: amount(known.highest.max, unit), time: lately(known.highest.t) }));
  if (known.bad) parts.push(t('chart.bad', { n: known.bad }));
  return parts.join(t('chart.join'));
}
