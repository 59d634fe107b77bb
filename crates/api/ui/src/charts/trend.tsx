// One channel over time: band of least and greatest, mean line, normal band, markers, states.
//
// The sentence above the picture and the table behind the button say the same without it.

import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { useResource } from '../api/resource';
import type { Normal, Series } from '../api/types';
import { Failure, Skeleton } from '../parts/notice';
import { amount, moment, zone } from '../text/format';
import { language, t } from '../text/language';
import { siteDate, timeAxis, valueAxis } from './axes';
import { columns, seconds } from './columns';
import { faded, usePalette, type Palette } from './palette';
import { Plot } from './plot';
import { MarkList, TrendTable } from './trend_table';
import { drawBefore, drawBehind, MARK_ROOM, RIBBON_ROOM } from './trend_drawing';
import { valueRange, type Mark, type TrendModel } from './trend_model';
import { trendSentence } from './trend_words';

export interface TrendProps {
  channel: string;
  /** Empty where the name stands right above already. */
  title: string;
  unit: string;
  /** RFC 3339 in UTC. */
  from: string;
  to: string;
  normal: Normal | null;
  limit: number | null;
  marks: Mark[];
  height?: number;
}

/** More than one bucket for two pixels shows nothing more. */
const BUCKETS_MAX = 600;

export function TrendChart(props: TrendProps) {
  const points = Math.min(BUCKETS_MAX, Math.max(120, Math.round(window.innerWidth / 2)));
  const query = new URLSearchParams({
    channel: props.channel,
    from: props.from,
    to: props.to,
    points: String(points),
  });
  const answer = useResource<Series>(`/series?${query}`, { keep: true });
  const [isTable, setTable] = useState(false);
  const series = answer.value?.channel === props.channel ? answer.value : null;
  if (!series && answer.problem) return <Failure problem={answer.problem} retry={answer.reload} />;
  if (!series) return <Skeleton rows={5} />;
  const sentence = trendSentence(series, props);
  return (
    <figure class="chart">
      {props.title && <h3>{props.title}</h3>}
      {isTable ? (
        <TrendTable series={series} unit={props.unit} />
      ) : (
        <TrendCanvas {...props} series={series} sentence={sentence} />
      )}
      <div class="under-chart">
        <MarkList marks={props.marks} series={series} from={seconds(props.from)} to={seconds(props.to)} />
        <button type="button" class="small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {t(isTable ? 'chart.picture' : 'chart.table')}
        </button>
      </div>
      <figcaption class="summary">{sentence}</figcaption>
    </figure>
  );
}

type CanvasProps = TrendProps & { series: Series; sentence: string };

function TrendCanvas({ series, sentence, ...props }: CanvasProps) {
  const palette = usePalette();
  const [hover, setHover] = useState<number | null>(null);
  const model = useRef<TrendModel>(null!);
  model.current = {
    from: seconds(props.from),
    to: seconds(props.to),
    series,
    normal: props.normal,
    limit: props.limit,
    marks: props.marks,
  };
  const marksKey = props.marks.map((it) => it.at + it.label).join();
  const data = useMemo(() => columns(series), [series, props.normal, props.limit, marksKey]);
  const at = hover === null ? null : data[0][hover];
  return (
    <>
      <p class="readout">
        {at !== null && at !== undefined && hover !== null && data[1][hover] !== null
          ? `${moment(at * 1000)} · ${amount(data[1][hover], props.unit)}`
          : t('chart.unit', { unit: props.unit || '–' })}
      </p>
      <Plot
        shape={[palette.name, language.value, zone.value, props.channel].join()}
        options={() => trendOptions(palette, () => model.current, setHover)}
        data={data}
        height={(props.height ?? 240) + MARK_ROOM + RIBBON_ROOM}
        label={sentence}
      />
    </>
  );
}

function trendOptions(
  palette: Palette,
  model: () => TrendModel,
  onHover: (index: number | null) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const edge = { stroke: 'transparent', width: 0, points: { show: false } };
  return {
    tzDate: siteDate,
    padding: [MARK_ROOM, 22, RIBBON_ROOM, 0],
    legend: { show: false },
    scales: {
      x: { range: () => [model().from, model().to] },
      y: { range: () => valueRange(model()) },
    },
    axes: [timeAxis(palette), valueAxis(palette)],
    series: [{}, { stroke: palette.series, width: 2, points: { size: 4 } }, edge, edge],
    bands: [{ series: [3, 2], fill: faded(palette.series, 0.28) }],
    cursor: {
      drag: { x: false, y: false },
      y: false,
      points: { show: (plot, index) => (index === 1 ? dot(plot, palette) : document.createElement('i')) },
      sync: { key: 'page' },
    },
    hooks: {
      drawAxes: [(plot) => drawBehind(plot, model(), palette)],
      draw: [(plot) => drawBefore(plot, model(), palette)],
      setCursor: [(plot) => onHover(plot.cursor.idx ?? null)],
    },
  };
}

function dot(_plot: uPlot, palette: Palette): HTMLElement {
  const element = document.createElement('div');
  element.className = 'hover-dot';
  element.style.background = palette.series;
  return element;
}
