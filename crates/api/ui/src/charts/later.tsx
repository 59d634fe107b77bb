// Fetches the charts when a screen with a chart appears: the list comes up without them.

import { later } from '../parts/later';
import { Skeleton } from '../parts/notice';
import type { OverlayProps } from './overlay';
import type { SpectrumProps } from './spectrum';
import type { TrendProps } from './trend';
import type { WaterfallProps } from './waterfall';

const useCharts = later(() => import('./all'));

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
