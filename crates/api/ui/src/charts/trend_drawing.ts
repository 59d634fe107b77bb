// Draws what uPlot does not: normal band, limit, markers, bad quality, and the ribbon of states.
//
// All measures are device pixels; `ratio` turns page pixels into them.

import type uPlot from 'uplot';
import { operatingState } from '../text/format';
import { t } from '../text/language';
import { seconds, usualStep } from './columns';
import { CHART_FONT, faded, type Palette } from './palette';
import { ribbonShade, stretches, type Mark, type TrendModel } from './trend_model';

/** Room above the plot for markers, and below for the ribbon, in page pixels. */
export const MARK_ROOM = 24;
export const RIBBON_ROOM = 20;

interface Pen {
  ctx: CanvasRenderingContext2D;
  plot: uPlot;
  ratio: number;
  palette: Palette;
}

/** Behind the line: the normal band and stretches of bad quality. */
export function drawBehind(plot: uPlot, model: TrendModel, palette: Palette): void {
  const pen = penOf(plot, palette);
  const { ctx } = pen;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  if (model.normal) drawBand(pen, model.normal.low, model.normal.high);
  drawBad(pen, model);
  ctx.restore();
}

/** Before the line: limit, markers and ribbon. */
export function drawBefore(plot: uPlot, model: TrendModel, palette: Palette): void {
  const pen = penOf(plot, palette);
  pen.ctx.save();
  pen.ctx.font = scaledFont(pen.ratio);
  if (model.limit !== null) drawLimit(pen, model.limit);
  drawMarks(pen, model);
  drawRibbon(pen, model);
  pen.ctx.restore();
}

function penOf(plot: uPlot, palette: Palette): Pen {
  return { ctx: plot.ctx, plot, ratio: window.devicePixelRatio || 1, palette };
}

function scaledFont(ratio: number): string {
  return CHART_FONT.replace('14px', `${Math.round(13 * ratio)}px`);
}

function drawBand({ ctx, plot, palette, ratio }: Pen, low: number, high: number): void {
  const { left, width } = plot.bbox;
  const [top, bottom] = [plot.valToPos(high, 'y', true), plot.valToPos(low, 'y', true)];
  ctx.fillStyle = faded(palette.series, palette.name === 'dark' ? 0.16 : 0.1);
  ctx.fillRect(left, top, width, bottom - top);
  ctx.strokeStyle = faded(palette.series, 0.45);
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 4 * ratio]);
  for (const y of [top, bottom]) line(ctx, left, y, left + width, y);
  ctx.setLineDash([]);
}

function drawBad({ ctx, plot, palette, ratio }: Pen, model: TrendModel): void {
  const buckets = model.series?.buckets ?? [];
  const step = usualStep(buckets);
  const { top, height } = plot.bbox;
  ctx.strokeStyle = faded(palette.mute, 0.6);
  ctx.lineWidth = ratio;
  for (const bucket of buckets.filter((it) => 0 < it.bad)) {
    const at = seconds(bucket.t);
    const x = plot.valToPos(at, 'x', true);
    const width = Math.max(plot.valToPos(at + step, 'x', true) - x, 2 * ratio);
    for (let y = top; y < top + height; y += 6 * ratio) line(ctx, x, y + 5 * ratio, x + width, y);
  }
}

function drawLimit({ ctx, plot, palette, ratio }: Pen, limit: number): void {
  const { left, top, width } = plot.bbox;
  const y = plot.valToPos(limit, 'y', true);
  if (y < top) return;
  ctx.strokeStyle = palette.alarm;
  ctx.fillStyle = palette.alarm;
  ctx.lineWidth = ratio;
  ctx.setLineDash([8 * ratio, 4 * ratio]);
  line(ctx, left, y, left + width, y);
  ctx.setLineDash([]);
  ctx.textAlign = 'right';
  ctx.textBaseline = y - top < 20 * ratio ? 'top' : 'bottom';
  ctx.fillText(t('chart.limit'), left + width - 4 * ratio, y + (y - top < 20 * ratio ? 3 : -3) * ratio);
}

function drawMarks(pen: Pen, model: TrendModel): void {
  const { ctx, plot, ratio, palette } = pen;
  const { left, top, width, height } = plot.bbox;
  const y = top - (MARK_ROOM / 2) * ratio;
  let labelsEnd = left;
  const inside = model.marks.filter((it) => model.from <= it.at && it.at <= model.to);
  const marks = [...inside].sort((a, b) => a.at - b.at);
  marks.forEach((mark, index) => {
    const x = plot.valToPos(mark.at, 'x', true);
    ctx.strokeStyle = ctx.fillStyle = mark.kind === 'onset' ? palette.warn : palette.ink2;
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    line(ctx, x, top, x, top + height);
    ctx.setLineDash([]);
    drawGlyph(ctx, mark.kind, x, y, ratio);
    // A label is left out where it would run into its neighbour; the list below the chart has them all.
    const size = ctx.measureText(mark.label).width;
    const next = marks[index + 1];
    const room = (next ? plot.valToPos(next.at, 'x', true) - 8 * ratio : left + width) - x - 10 * ratio;
    ctx.textBaseline = 'middle';
    if (size <= room) {
      ctx.textAlign = 'left';
      ctx.fillText(mark.label, x + 9 * ratio, y);
      labelsEnd = x + 9 * ratio + size;
    } else if (labelsEnd < x - size - 12 * ratio) {
      ctx.textAlign = 'right';
      ctx.fillText(mark.label, x - 9 * ratio, y);
      labelsEnd = x + 7 * ratio;
    } else {
      labelsEnd = x + 7 * ratio;
    }
  });
}

function drawGlyph(ctx: CanvasRenderingContext2D, kind: Mark['kind'], x: number, y: number, ratio: number): void {
  const r = 6 * ratio;
  ctx.beginPath();
  if (kind === 'onset') {
    ctx.moveTo(x - r, y - r * 0.8);
    ctx.lineTo(x + r, y - r * 0.8);
    ctx.lineTo(x, y + r);
  } else if (kind === 'ticket') {
    ctx.arc(x, y, r * 0.85, 0, 2 * Math.PI);
  } else if (kind === 'stop') {
    ctx.rect(x - r * 0.7, y - r * 0.8, r * 0.5, r * 1.6);
    ctx.rect(x + r * 0.2, y - r * 0.8, r * 0.5, r * 1.6);
  } else {
    // A hammer: head and handle.
    ctx.rect(x - r, y - r, 2 * r, r * 0.8);
    ctx.rect(x - r * 0.22, y - r * 0.2, r * 0.44, r * 1.3);
  }
  ctx.fill();
}

function drawRibbon({ ctx, plot, palette, ratio }: Pen, model: TrendModel): void {
  const { left, width } = plot.bbox;
  const height = (RIBBON_ROOM - 4) * ratio;
  const y = ctx.canvas.height - height - ratio;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  ctx.lineWidth = ratio;
  for (const { from, to, state } of stretches(model)) {
    const x = Math.max(plot.valToPos(from, 'x', true), left);
    const end = Math.min(plot.valToPos(to, 'x', true), left + width);
    ctx.fillStyle = faded(palette.ink3, ribbonShade(state));
    ctx.fillRect(x, y, end - x, height);
    const name = operatingState(state);
    if (ctx.measureText(name).width + 8 * ratio < end - x) {
      ctx.fillStyle = palette.ink;
      ctx.fillText(name, (x + end) / 2, y + height / 2 + ratio);
    }
  }
  ctx.strokeStyle = palette.line;
  ctx.strokeRect(left, y, width, height);
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}
