// Envelope lines of many bursts, one row each, newest at the top: a fault is a column that grows.
//
// The horizontal axis counts shaft turns, so that a fault frequency stands at one place whatever the
// speed was. A click chooses a burst; the table behind the button says the same in figures.

import { useEffect, useRef } from 'preact/hooks';
import { moment, number } from '../text/format';
import { t } from '../text/language';
import { CHART_FONT, faded, usePalette, type Palette } from './palette';

export interface BurstRow {
  t0: string;
  sha256: string;
  state: string;
  shaft_hz: number | null;
  axes: { axis: string; velocity_rms: number; hf_rms: number; kurtosis: number; lines: { hz: number; ratio: number }[] }[];
}

export interface WaterfallProps {
  rows: BurstRow[];
  orders: { label: string; order: number }[];
  chosen: string | null;
  onChoose: (sha256: string) => void;
}

const ORDERS_MAX = 16;
const TOP = 44;
const LEFT = 116;
const BOTTOM = 28;
/** A line this many times above the floor is drawn in full. */
const FULL = 20;

export function Waterfall({ rows, orders, chosen, onChoose }: WaterfallProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = usePalette();
  const shown = rows.filter((it) => it.shaft_hz);
  const rowHeight = Math.max(4, Math.min(14, 420 / Math.max(shown.length, 1)));
  const height = TOP + BOTTOM + Math.ceil(shown.length * rowHeight);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const paint = () => draw(element, { shown, orders, chosen, palette, rowHeight, height });
    paint();
    const watch = new ResizeObserver(paint);
    watch.observe(element);
    return () => watch.disconnect();
  });
  const choose = (event: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box) return;
    const at = Math.floor((event.clientY - box.top - TOP) / rowHeight);
    const row = [...shown].reverse()[at];
    if (row) onChoose(row.sha256);
  };
  const newest = shown[shown.length - 1];
  return (
    <figure class="chart">
      <canvas
        ref={canvas}
        class="waterfall"
        style={{ height: `${height}px` }}
        role="img"
        aria-label={t('waterfall.label', { n: shown.length })}
        onClick={choose}
      />
      <figcaption class="summary">
        {t('waterfall.label', { n: shown.length })}
        {newest && ` ${t('waterfall.newest', { time: moment(newest.t0), x: number(strongest(newest)) })}`}
      </figcaption>
    </figure>
  );
}

function strongest(row: BurstRow): number {
  return Math.max(0, ...row.axes.flatMap((axis) => axis.lines.map((it) => it.ratio)));
}

interface Scene {
  shown: BurstRow[];
  orders: { label: string; order: number }[];
  chosen: string | null;
  palette: Palette;
  rowHeight: number;
  height: number;
}

function draw(element: HTMLCanvasElement, scene: Scene): void {
  const ratio = window.devicePixelRatio || 1;
  const width = element.clientWidth;
  if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
  if (element.height !== Math.round(scene.height * ratio)) element.height = Math.round(scene.height * ratio);
  const ctx = element.getContext('2d');
  if (!ctx) return;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, scene.height);
  ctx.font = CHART_FONT.replace('14px', '13px');
  const x = (order: number) => LEFT + ((width - LEFT - 12) * order) / ORDERS_MAX;
  drawFaults(ctx, scene, x);
  drawRows(ctx, scene, x, width);
  drawAxis(ctx, scene, x);
}

/** The first three harmonics of each fault frequency, labelled where there is room. */
function drawFaults(ctx: CanvasRenderingContext2D, { orders, palette, height }: Scene, x: (order: number) => number): void {
  const taken: [number, number][][] = [[], []];
  ctx.strokeStyle = palette.other;
  ctx.fillStyle = palette.other;
  ctx.setLineDash([4, 4]);
  ctx.textAlign = 'center';
  for (const k of [1, 2, 3]) {
    for (const { label, order } of orders) {
      if (ORDERS_MAX < order * k) continue;
      const at = x(order * k);
      ctx.globalAlpha = 1 / k;
      ctx.beginPath();
      ctx.moveTo(at, TOP);
      ctx.lineTo(at, height - BOTTOM);
      ctx.stroke();
      ctx.globalAlpha = 1;
      const text = `${label} ${k}×`;
      const half = ctx.measureText(text).width / 2 + 3;
      const row = taken.findIndex((all) => all.every(([from, to]) => to < at - half || at + half < from));
      if (row < 0) continue;
      taken[row]?.push([at - half, at + half]);
      ctx.fillText(text, at, TOP - 8 - 18 * row);
    }
  }
  ctx.setLineDash([]);
}

function drawRows(ctx: CanvasRenderingContext2D, scene: Scene, x: (order: number) => number, width: number): void {
  const { shown, palette, rowHeight, chosen } = scene;
  const labelEvery = Math.max(1, Math.ceil(22 / rowHeight));
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  [...shown].reverse().forEach((row, index) => {
    const y = TOP + index * rowHeight;
    if (row.sha256 === chosen) {
      ctx.fillStyle = faded(palette.series, 0.25);
      ctx.fillRect(LEFT, y, width - LEFT - 12, rowHeight);
    }
    for (const line of row.axes.flatMap((axis) => axis.lines)) {
      const order = line.hz / (row.shaft_hz ?? 1);
      if (ORDERS_MAX < order) continue;
      ctx.fillStyle = faded(palette.series, Math.min(1, 0.08 + line.ratio / FULL));
      ctx.fillRect(x(order) - 1.5, y, 3, Math.max(rowHeight - 1, 2));
    }
    if (index % labelEvery === 0) {
      ctx.fillStyle = palette.ink2;
      ctx.fillText(moment(row.t0), LEFT - 6, y + rowHeight / 2);
    }
  });
}

function drawAxis(ctx: CanvasRenderingContext2D, { palette, height }: Scene, x: (order: number) => number): void {
  ctx.fillStyle = palette.ink2;
  ctx.textAlign = 'center';
  for (let order = 0; order <= ORDERS_MAX; order += 2) ctx.fillText(`${order}×`, x(order), height - 12);
}
