// Fetches the charts when a screen with a chart appears: the list comes up without them.

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Skeleton } from '../parts/notice';
import type { OverlayProps } from './overlay';
import type { SpectrumProps } from './spectrum';
import type { TrendProps } from './trend';
import type { WaterfallProps } from './waterfall';

interface Charts {
  TrendChart: FunctionComponent<TrendProps>;
  SpectrumChart: FunctionComponent<SpectrumProps>;
  OverlayChart: FunctionComponent<OverlayProps>;
  Waterfall: FunctionComponent<WaterfallProps>;
}

let charts: Charts | null = null;

/** As `TrendChart` in `trend.tsx`. */
export function TrendChart(props: TrendProps) {
  const ready = useCharts();
  return ready ? <ready.TrendChart {...props} /> : <Skeleton rows={5} />;
}

/** As `SpectrumChart` in `spectrum.tsx`. */
export function SpectrumChart(props: SpectrumProps) {
  const ready = useCharts();
  return ready ? <ready.SpectrumChart {...props} /> : <Skeleton rows={5} />;
}

/** As `OverlayChart` in `overlay.tsx`. */
export function OverlayChart(props: OverlayProps) {
  const ready = useCharts();
  return ready ? <ready.OverlayChart {...props} /> : <Skeleton rows={4} />;
}

/** As `Waterfall` in `waterfall.tsx`. */
export function Waterfall(props: WaterfallProps) {
  const ready = useCharts();
  return ready ? <ready.Waterfall {...props} /> : <Skeleton rows={6} />;
}

function useCharts(): Charts | null {
  const [ready, setReady] = useState(charts);
  useEffect(() => {
    if (ready) return undefined;
    let isGone = false;
    const fetchThem = () =>
      import('./all').then(
        (module) => {
          charts = module;
          if (!isGone) setReady(module);
        },
        () => isGone || setTimeout(fetchThem, RETRY_MS),
      );
    fetchThem();
    return () => void (isGone = true);
  }, [ready]);
  return ready;
}

/** A network that lost one file will lose the next one sooner than that. */
const RETRY_MS = 3_000;
