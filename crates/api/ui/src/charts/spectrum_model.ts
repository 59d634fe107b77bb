// A spectrum as columns: from the stored burst, else from the lines that the evidence kept.

import type { SpectrumEvidence, Waveform } from '../api/types';

export interface SpectrumData {
  hz: number[];
  /** Height over the noise floor. */
  ratio: number[];
  /** Whether every bin is there, not only the strongest lines. */
  isRaw: boolean;
}

/** Harmonics of a fault frequency that get a label. */
export const HARMONICS = 4;

export function spectrumData(evidence: SpectrumEvidence, raw: Waveform | null): SpectrumData {
  const spectrum = raw?.spectrum;
  if (spectrum && spectrum.ratio.length) {
    const hz = spectrum.ratio.map((_, bin) => bin * spectrum.df_hz);
    return { hz, ratio: spectrum.ratio, isRaw: true };
  }
  const lines = [...evidence.lines].sort((a, b) => a.hz - b.hz);
  return { hz: lines.map((it) => it.hz), ratio: lines.map((it) => it.ratio), isRaw: false };
}

/** How far the frequency axis reaches: the labelled harmonics, not the whole band. */
export function spectrumReach(evidence: SpectrumEvidence, data: SpectrumData): number {
  const matched = evidence.cursors.filter((it) => it.matched);
  const wanted = matched.length ? matched : evidence.cursors;
  const farthest = Math.max(0, ...wanted.map((it) => it.hz * (HARMONICS + 0.4)));
  const last = data.hz[data.hz.length - 1] ?? 0;
  const end = data.isRaw ? last : Math.max(last * 1.05, farthest);
  return farthest ? Math.min(farthest, end || farthest) : end || 600;
}

/** A finger is wider than a bin: the highest bin near the cursor is what was meant. */
export function nearestPeak(data: SpectrumData, index: number): number {
  const reach = data.isRaw ? Math.max(1, Math.round(data.hz.length / 300)) : 0;
  let best = Math.min(index, data.hz.length - 1);
  for (let at = Math.max(0, index - reach); at <= Math.min(index + reach, data.hz.length - 1); at += 1) {
    if ((data.ratio[best] ?? 0) < (data.ratio[at] ?? 0)) best = at;
  }
  return best;
}
