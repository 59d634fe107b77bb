// Draws a spectrum: line or stems, the shaded noise floor, and labelled fault frequencies.
//
// Labels are elements above the canvas, not pixels in it: sharp at any zoom and readable by machines.

import uPlot from 'uplot';
import type { FaultCursor } from '../api/types';
import { numberAxis, valueAxis } from './axes';
import { faded, type Palette } from './palette';
import { HARMONICS } from './spectrum_model';

interface Drawn {
  cursors: FaultCursor[];
  reach: number;
  isRaw: boolean;
  onHover: (index: number | null) => void;
}

const LABEL_ROOM = 44;

export function spectrumOptions(palette: Palette, drawn: Drawn): Omit<uPlot.Options, 'width' | 'height'> {
  const { bars } = uPlot.paths;
  const stems = drawn.isRaw || !bars ? {} : { paths: bars({ size: [0.9, 3], align: 0 }) };
  return {
    padding: [LABEL_ROOM, 22, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: () => [0, drawn.reach] },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 3)] },
    },
    axes: [numberAxis(palette), valueAxis(palette)],
    series: [{}, { stroke: palette.series, width: drawn.isRaw ? 1.5 : 3, points: { show: false }, ...stems }],
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    hooks: {
      drawAxes: [(plot) => drawFloor(plot, palette), (plot) => drawCursors(plot, drawn, palette)],
      draw: [(plot) => placeLabels(plot, drawn)],
      setCursor: [(plot) => drawn.onHover(plot.cursor.idx ?? null)],
    },
  };
}

function drawFloor(plot: uPlot, palette: Palette): void {
  const { left, width } = plot.bbox;
  const [top, bottom] = [plot.valToPos(1, 'y', true), plot.valToPos(0, 'y', true)];
  plot.ctx.fillStyle = faded(palette.mute, 0.18);
  plot.ctx.fillRect(left, top, width, bottom - top);
}

function drawCursors(plot: uPlot, { cursors, reach }: Drawn, palette: Palette): void {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.lineWidth = ratio;
  for (const cursor of cursors) {
    ctx.strokeStyle = cursor.matched ? palette.other : palette.ink3;
    ctx.setLineDash(cursor.matched ? [] : [4 * ratio, 4 * ratio]);
    for (const { hz } of multiples(cursor, reach)) {
      const x = plot.valToPos(hz, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
  }
  ctx.restore();
}

/** Labels in two rows: matches above, the others below, so that neighbours do not meet. */
function placeLabels(plot: uPlot, { cursors, reach }: Drawn): void {
  plot.over.querySelectorAll('.cursor-label').forEach((it) => it.remove());
  const rows: [number, number][][] = [[], []];
  const labels = cursors.flatMap((cursor) => multiples(cursor, reach).map((it) => ({ cursor, ...it })));
  labels.sort((a, b) => Number(b.cursor.matched) - Number(a.cursor.matched) || a.hz - b.hz);
  for (const { cursor, k, hz } of labels) {
    const element = document.createElement('span');
    element.className = cursor.matched ? 'cursor-label matched' : 'cursor-label';
    element.textContent = `${cursor.label} ${k}×`;
    plot.over.append(element);
    const x = plot.valToPos(hz, 'x');
    const half = element.offsetWidth / 2;
    const middle = Math.min(Math.max(x, half), plot.over.clientWidth - half);
    const isFree = (taken: [number, number][]) =>
      taken.every(([from, to]) => to < middle - half - 4 || middle + half + 4 < from);
    const row = rows.findIndex(isFree);
    if (row < 0) {
      element.remove();
      continue;
    }
    rows[row]?.push([middle - half, middle + half]);
    element.style.left = `${middle}px`;
    element.style.top = `${-20 - 20 * row}px`;
  }
}

function multiples({ hz }: FaultCursor, reach: number): { k: number; hz: number }[] {
  return Array.from({ length: HARMONICS }, (_, index) => ({ k: index + 1, hz: hz * (index + 1) })).filter(
    (it) => it.hz <= reach,
  );
}
