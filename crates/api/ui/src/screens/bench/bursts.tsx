// The captured waveforms of a machine: a waterfall of their envelopes, and the spectrum of one.

import { useResource } from '../../api/resource';
import type { SpectrumEvidence } from '../../api/types';
import { SpectrumChart, Waterfall } from '../../charts/later';
import type { BurstRow } from '../../charts/waterfall';
import { Empty, Loaded } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { hertz, moment, number, operatingState } from '../../text/format';
import { t } from '../../text/language';

interface Answer {
  channel: string | null;
  orders: { label: string; order: number }[];
  items: BurstRow[];
}

interface Props {
  device: string;
  from: string;
  to: string;
}

export function Bursts({ device, from, to }: Props) {
  const query = new URLSearchParams({ device, from, to });
  const answer = useResource<Answer>(`/bursts?${query}`, { keep: true });
  return (
    <Loaded resource={answer} rows={6}>
      {(value) => (value.items.length === 0 ? <Nothing has={value.channel !== null} /> : <Shown answer={value} />)}
    </Loaded>
  );
}

function Nothing({ has }: { has: boolean }) {
  return (
    <Empty title={t(has ? 'waterfall.none' : 'waterfall.no_channel')}>
      {t(has ? 'waterfall.none_next' : 'waterfall.no_channel_next')}
    </Empty>
  );
}

function Shown({ answer }: { answer: Answer }) {
  const wanted = place.value.query.get('b');
  const newest = answer.items[answer.items.length - 1];
  const chosen = answer.items.find((it) => it.sha256 === wanted) ?? newest;
  return (
    <>
      <Waterfall
        rows={answer.items}
        orders={answer.orders}
        chosen={chosen?.sha256 ?? null}
        onChoose={(sha256) => setQuery({ b: sha256 })}
      />
      {chosen && (
        <>
          <p class="line">
            <strong>{moment(chosen.t0)}</strong>
            <span>{operatingState(chosen.state)}</span>
            {chosen.shaft_hz !== null && <span>{t('waterfall.shaft', { hz: hertz(chosen.shaft_hz) })}</span>}
            {chosen.axes.map((it) => (
              <span key={it.axis} class="meta">
                {t('waterfall.features', { v: number(it.velocity_rms), hf: number(it.hf_rms), k: number(it.kurtosis) })}
              </span>
            ))}
          </p>
          <SpectrumChart key={chosen.sha256} evidence={evidenceOf(answer, chosen)} />
        </>
      )}
    </>
  );
}

const DEFECTS: Record<string, string> = {
  BPFO: 'outer_race',
  BPFI: 'inner_race',
  FTF: 'cage',
};

function evidenceOf(answer: Answer, burst: BurstRow): SpectrumEvidence {
  const shaft = burst.shaft_hz ?? 0;
  const axis = burst.axes.reduce((a, b) => (peak(a) < peak(b) ? b : a), burst.axes[0]!);
  return {
    channel: answer.channel ?? '',
    captured: burst.t0,
    waveform: burst.sha256,
    shaft_hz: shaft,
    df_hz: 0,
    lines: axis?.lines ?? [],
    cursors: answer.orders.map((it) => ({
      defect: DEFECTS[it.label] ?? 'rolling_element',
      label: it.label,
      hz: it.order * shaft,
      order: it.order,
      harmonics: [],
      matched: false,
    })),
  };
}

function peak(axis: BurstRow['axes'][number]): number {
  return Math.max(0, ...axis.lines.map((it) => it.ratio));
}
