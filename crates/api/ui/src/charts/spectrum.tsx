// The envelope spectrum of the telling burst, with the fault frequencies of the bearing on it.
//
// Drawn from the stored burst; where its raw samples are gone, from the strongest lines that the
// evidence kept. Heights are multiples of the noise floor, which is shaded.

import { useMemo, useState } from 'preact/hooks';
import { useResource } from '../api/resource';
import type { FaultCursor, SpectrumEvidence, Waveform } from '../api/types';
import { Skeleton } from '../parts/notice';
import { hertz, moment, number } from '../text/format';
import { language, t, word } from '../text/language';
import { usePalette } from './palette';
import { Plot } from './plot';
import { nearestPeak, spectrumData, spectrumReach, type SpectrumData } from './spectrum_model';
import { spectrumOptions } from './spectrum_options';

export interface SpectrumProps {
  evidence: SpectrumEvidence;
}

export function SpectrumChart({ evidence }: SpectrumProps) {
  const raw = useResource<Waveform>(`/waveforms/${evidence.waveform}`);
  const matched = evidence.cursors.filter((it) => it.matched).map((it) => it.label);
  const [shown, setShown] = useState<string[]>(matched.length ? matched : evidence.cursors.map((it) => it.label));
  if (!raw.value && !raw.problem) return <Skeleton rows={5} />;
  const data = spectrumData(evidence, raw.value);
  const toggle = (label: string) =>
    setShown(shown.includes(label) ? shown.filter((it) => it !== label) : [...shown, label]);
  const cursors = evidence.cursors.filter((it) => shown.includes(it.label));
  return (
    <figure class="chart">
      <h3>{t('spectrum.title')}</h3>
      <SpectrumCanvas evidence={evidence} data={data} cursors={cursors} />
      <figcaption class="summary">{sentence(evidence, data)}</figcaption>
      <div class="chips" role="group" aria-label={t('spectrum.cursors')}>
        {evidence.cursors.map((it) => (
          <button
            key={it.label}
            type="button"
            class="chip"
            aria-pressed={shown.includes(it.label)}
            onClick={() => toggle(it.label)}
          >
            {it.label} {word('defect', it.defect)} · {t(it.matched ? 'spectrum.found' : 'spectrum.not_found')}
          </button>
        ))}
      </div>
      <CursorTable cursors={evidence.cursors} />
    </figure>
  );
}

interface CanvasProps {
  evidence: SpectrumEvidence;
  data: SpectrumData;
  cursors: FaultCursor[];
}

function SpectrumCanvas({ evidence, data, cursors }: CanvasProps) {
  const palette = usePalette();
  const [hover, setHover] = useState<number | null>(null);
  const reach = spectrumReach(evidence, data);
  const shape = [palette.name, language.value, data.isRaw, cursors.map((it) => it.label).join(), reach].join();
  const columns = useMemo<[number[], number[]]>(() => [data.hz, data.ratio], [data.hz, data.ratio]);
  const at = hover === null ? null : nearestPeak(data, hover);
  return (
    <>
      <p class="readout">
        {at === null
          ? t('spectrum.axis')
          : t('spectrum.reading', {
              hz: hertz(data.hz[at] ?? 0),
              order: number((data.hz[at] ?? 0) / evidence.shaft_hz),
              ratio: number(data.ratio[at]),
            })}
      </p>
      <Plot
        shape={shape}
        options={() => spectrumOptions(palette, { cursors, reach, isRaw: data.isRaw, onHover: setHover })}
        data={columns}
        height={270}
        label={sentence(evidence, data)}
      />
    </>
  );
}

function CursorTable({ cursors }: { cursors: FaultCursor[] }) {
  return (
    <details class="more">
      <summary>{t('spectrum.table')}</summary>
      <div class="table-room" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>{t('spectrum.line')}</th>
              <th class="num">Hz</th>
              <th class="num">{t('spectrum.order')}</th>
              <th class="num">{t('spectrum.height')}</th>
            </tr>
          </thead>
          <tbody>
            {cursors.flatMap((cursor) => [
              <tr key={cursor.label}>
                <td>{cursor.label} {word('defect', cursor.defect)}</td>
                <td class="num">{cursor.hz.toFixed(1)}</td>
                <td class="num">{cursor.order.toFixed(2)}</td>
                <td class="num">{t(cursor.matched ? 'spectrum.found' : 'spectrum.not_found')}</td>
              </tr>,
              ...cursor.harmonics.map((it) => (
                <tr key={`${cursor.label}${it.k}`}>
                  <td>{cursor.label} {it.k}×</td>
                  <td class="num">{it.hz.toFixed(1)}</td>
                  <td class="num">{(cursor.order * it.k).toFixed(2)}</td>
                  <td class="num">{number(it.ratio)}×</td>
                </tr>
              )),
            ])}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function sentence(evidence: SpectrumEvidence, data: SpectrumData): string {
  const found = evidence.cursors.filter((it) => it.matched);
  const parts = [t('spectrum.captured', { time: moment(evidence.captured), shaft: hertz(evidence.shaft_hz) })];
  for (const it of found) {
    const n = it.harmonics.length;
    parts.push(t('spectrum.match', { label: it.label, hz: hertz(it.hz), order: number(it.order), n }));
  }
  if (found.length === 0) parts.push(t('spectrum.none'));
  if (!data.isRaw) parts.push(t('spectrum.lines_only'));
  return parts.join(t('chart.join'));
}
