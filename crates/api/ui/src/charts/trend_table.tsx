// A trend as a table, newest first, and its markers as a list.

import type { Series } from '../api/types';
import { moment, number } from '../text/format';
import { t, word } from '../text/language';
import { baseState, ribbonShade } from './trend_model';
import type { Mark, MarkKind } from './trend_model';

/** More lines than this are for an export, not for reading. */
const LINES = 60;
const GLYPHS: Record<MarkKind, string> = { onset: '▼', ticket: '●', repair: '⚒', stop: '⏸\ufe0e' };

export function TrendTable({ series, unit }: { series: Series; unit: string }) {
  const every = Math.max(1, Math.ceil(series.buckets.length / LINES));
  const lines = series.buckets.filter((_, index) => index % every === 0).reverse();
  return (
    <div class="table-room" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>{t('table.time')}</th>
            <th class="num">{t('table.mean')} {unit}</th>
            <th class="num">{t('table.min')}</th>
            <th class="num">{t('table.max')}</th>
            <th class="num">{t('table.n')}</th>
            <th class="num">{t('table.bad')}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((it) => (
            <tr key={it.t}>
              <td>{moment(it.t)}</td>
              <td class="num">{number(it.mean)}</td>
              <td class="num">{number(it.min)}</td>
              <td class="num">{number(it.max)}</td>
              <td class="num">{it.n}</td>
              <td class="num">{it.bad}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Legend {
  marks: Mark[];
  series: Series;
  from: number;
  to: number;
}

/** Markers with their times, and the shades of the ribbon with their states. */
export function MarkList({ marks, series, from, to }: Legend) {
  const inside = marks.filter((it) => from <= it.at && it.at <= to).sort((a, b) => a.at - b.at);
  const states = [...new Set(series.states.map((it) => baseState(it.state)))].filter((it) => it !== 'unknown');
  return (
    <ul class="marks">
      {inside.map((it) => (
        <li key={it.kind + it.at}>
          <span aria-hidden="true" class={`glyph mark-${it.kind}`}>{GLYPHS[it.kind]}</span>
          {it.label} {moment(it.at * 1000)}
        </li>
      ))}
      {states.map((it) => (
        <li key={it}>
          <span aria-hidden="true" class="swatch" style={{ opacity: ribbonShade(it) }} />
          {word('running', it)}
        </li>
      ))}
    </ul>
  );
}
