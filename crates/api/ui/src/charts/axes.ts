// Axes in the words, the digits and the time zone of the reader.

import uPlot from 'uplot';
import { clock, number, zone } from '../text/format';
import { locale } from '../text/language';
import { CHART_FONT, type Palette } from './palette';

/** Turns seconds into a date on the site's clock, so that ticks fall on its full hours. */
export function siteDate(at: number): Date {
  return uPlot.tzDate(new Date(at * 1000), zone.peek());
}

export function timeAxis(palette: Palette): uPlot.Axis {
  return {
    ...look(palette),
    size: 44,
    space: 76,
    values: (_plot, splits, _axis, _space, step) => timeLabels(splits, step),
  };
}

export function valueAxis(palette: Palette): uPlot.Axis {
  return { ...look(palette), size: 58, space: 34, values: (_plot, splits) => splits.map(number) };
}

export function numberAxis(palette: Palette): uPlot.Axis {
  return { ...look(palette), size: 30, space: 60, values: (_plot, splits) => splits.map(number) };
}

/** Clock times, with the date below where a day begins; only dates when steps are whole days. */
function timeLabels(splits: number[], step: number): string[] {
  const date = new Intl.DateTimeFormat(locale.peek(), { month: 'short', day: 'numeric', timeZone: zone.peek() });
  let shown = '';
  return splits.map((at) => {
    const today = date.format(at * 1000);
    if (86_400 <= step) return today;
    const time = clock(at * 1000, step < 60);
    const text = today === shown ? time : `${time}\n${today}`;
    shown = today;
    return text;
  });
}

function look(palette: Palette): uPlot.Axis {
  return {
    stroke: palette.ink2,
    font: CHART_FONT,
    grid: { stroke: palette.line, width: 1 },
    ticks: { stroke: palette.line, width: 1, size: 4 },
    gap: 4,
  };
}
