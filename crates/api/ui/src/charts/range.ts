// The stretch of time that a chart shows: lengths to choose from, and a present that moves in steps.

import { useEffect, useState } from 'preact/hooks';

const HOUR_MS = 3_600_000;

/** Lengths in ms, by the word that stands in the URL. */
export const RANGES: Readonly<Record<string, number>> = {
  '1h': HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 7 * 24 * HOUR_MS,
  '30d': 30 * 24 * HOUR_MS,
};
export const DEFAULT_RANGE = '24h';

const REFRESH_MS = 10_000;

/** The present in ms; each step of it is one reading of every chart. */
export function usePresent(): number {
  const [present, setPresent] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setPresent(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return present;
}
