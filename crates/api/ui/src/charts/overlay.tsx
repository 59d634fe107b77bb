// One channel of a stack: its line, another one beside it for comparison, and what people marked.
//
// All charts of a page share one cross-hair. While marking, a drag chooses a stretch.

import { useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { useResource } from '../api/resource';
import type { Series } from '../api/types';
import { Empty, Failure, Skeleton } from '../parts/notice';
import { amount, moment, zone } from '../text/format';
import { language, t } from '../text/language';
import { siteDate, timeAxis, valueAxis } from './axes';
import { columns, seconds } from './columns';
import { faded, usePalette, type Palette } from './palette';
import { Plot } from './plot';

export interface Band {
  from: number;
  to: number;
  isFault: boolean;
}

export interface OverlayProps {
  channel: string;
  title: string;
  unit: string;
  from: string;
  to: string;
  /** Another channel, or the same one earlier: `shiftMs` is added to its times. */
  other: { channel: string; shiftMs: number; name: string } | null;
  bands: Band[];
  isMarking: boolean;
  onMark: (from: number, to: number) => void;
  height?: number;
}

const POINTS = 500;

export function OverlayChart(props: OverlayProps) {
  const main = useSeries(props.channel, props.from, props.to, 0);
  const { other } = props;
  const beside = useSeries(other?.channel ?? null, props.from, props.to, other?.shiftMs ?? 0);
  const series = main.value?.channel === props.channel ? main.value : null;
  if (!series && main.problem?.status === 404) return <Empty title={t('explore.no_channel', { name: props.channel })} />;
  if (!series && main.problem) return <Failure problem={main.problem} retry={main.reload} />;
  if (!series) return <Skeleton rows={4} />;
  return (
    <figure class="chart">
      <h3>{props.title}</h3>
      <Canvas {...props} series={series} beside={other ? beside.value : null} />
    </figure>
  );
}

function useSeries(channel: string | null, from: string, to: string, shiftMs: number) {
  const at = (time: string) => new Date(new Date(time).getTime() - shiftMs).toISOString();
  const query = channel && new URLSearchParams({ channel, from: at(from), to: at(to), points: String(POINTS) });
  return useResource<Series>(query ? `/series?${query}` : null, { keep: true });
}

function Canvas({ series, beside, ...props }: OverlayProps & { series: Series; beside: Series | null }) {
  const palette = usePalette();
  const [hover, setHover] = useState<number | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shift = (props.other?.shiftMs ?? 0) / 1000;
  const data = useMemo<uPlot.AlignedData>(() => {
    const [t0, mean] = columns(series);
    const [t1, compared] = columns(beside);
    return uPlot.join([[t0, mean], [t1.map((it) => it + shift), compared]]);
  }, [series, beside, shift]);
  const at = hover === null ? null : data[0][hover];
  const value = (index: number) => (hover === null ? null : nearest(data, index, hover));
  return (
    <>
      <p class="readout">
        <span class="key-line" style={{ borderColor: palette.series }} />
        {at === null || at === undefined
          ? t('chart.unit', { unit: props.unit || '–' })
          : `${moment(at * 1000)} · ${amount(value(1), props.unit)}`}
        {props.other && (
          <>
            {' '}<span class="key-line other" style={{ borderColor: palette.other }} />
            {props.other.name}
            {at !== null && at !== undefined && ` ${amount(value(2), props.unit)}`}
          </>
        )}
      </p>
      <Plot
        shape={[palette.name, language.value, zone.value, props.channel, props.isMarking, props.from, props.to, bandKey(props.bands)].join()}
        options={() => overlayOptions(palette, () => latest.current, setHover)}
        data={data}
        height={props.height ?? 150}
        label={props.title}
      />
    </>
  );
}

function bandKey(bands: Band[]): string {
  return bands.map((it) => it.from).join();
}

/** The value at an index, or the next one before it that this line has. */
function nearest(data: uPlot.AlignedData, series: number, index: number): number | null {
  for (let at = index; Math.max(0, index - 20) <= at; at -= 1) {
    const value = data[series]?.[at];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function overlayOptions(
  palette: Palette,
  props: () => OverlayProps,
  onHover: (index: number | null) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const { isMarking } = props();
  return {
    tzDate: siteDate,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    scales: { x: { range: () => [seconds(props().from), seconds(props().to)] } },
    axes: [timeAxis(palette), valueAxis(palette)],
    series: [
      {},
      { stroke: palette.series, width: 2, points: { show: false } },
      { stroke: palette.other, width: 1.5, dash: [6, 4], points: { show: false } },
    ],
    cursor: { drag: { x: isMarking, y: false, setScale: false }, y: false, sync: { key: 'page' }, points: { size: 7 } },
    hooks: {
      drawAxes: [(plot) => drawBands(plot, props().bands, palette)],
      setCursor: [(plot) => onHover(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4 || !props().isMarking) return;
          props().onMark(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
        },
      ],
    },
  };
}

function drawBands(plot: uPlot, bands: Band[], palette: Palette): void {
  const { top, height, left, width } = plot.bbox;
  for (const band of bands) {
    const from = Math.max(plot.valToPos(band.from, 'x', true), left);
    const to = Math.min(plot.valToPos(band.to, 'x', true), left + width);
    if (to <= from) continue;
    plot.ctx.fillStyle = faded(band.isFault ? palette.alarm : palette.mute, 0.18);
    plot.ctx.fillRect(from, top, Math.max(to - from, 2), height);
  }
}
