// The pictures of a ticket: trends with onset, ticket and repairs on them, and the spectrum.
//
// Tab and range live in the URL. While a ticket is open its trends run on to the present.

import { useState } from 'preact/hooks';
import type { Device, Ticket, Trend } from '../../api/types';
import { seconds } from '../../charts/columns';
import { SpectrumChart, TrendChart } from '../../charts/later';
import { RANGES, usePresent } from '../../charts/range';
import type { Mark } from '../../charts/trend_model';
import { Empty } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { sentence, t, word } from '../../text/language';

/** So much of the time before the onset is always in sight, in ms. */
const LEAD_MIN_MS = 5 * 60_000;

/** Trends beside the first are one tap away on a phone, and in sight at a desk. */
const IS_DESK = () => window.matchMedia('(min-width: 1100px)').matches;

export function EvidencePanel({ ticket, device }: { ticket: Ticket; device: Device | null }) {
  const spectrum = ticket.evidence.spectrum;
  const tab = place.value.query.get('tab') === 'spectrum' && spectrum ? 'spectrum' : 'trend';
  const tabOf = (name: 'trend' | 'spectrum') => ({
    type: 'button' as const,
    role: 'tab' as const,
    id: `tab-${name}`,
    'aria-selected': tab === name,
    'aria-controls': 'evidence',
    onClick: () => setQuery({ tab: name === 'trend' ? null : name }),
  });
  return (
    <section class="card evidence" id="evidence-card">
      <div class="tabs" role="tablist" aria-label={t('ticket.evidence')}>
        <button {...tabOf('trend')}>{t('ticket.trend')}</button>
        {spectrum && <button {...tabOf('spectrum')}>{t('ticket.spectrum')}</button>}
        {tab === 'trend' && <RangeChoice />}
      </div>
      <div id="evidence" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'spectrum' && spectrum ? (
          <SpectrumChart evidence={spectrum} />
        ) : (
          <Trends ticket={ticket} device={device} />
        )}
      </div>
    </section>
  );
}

function RangeChoice() {
  return (
    <select
      class="range"
      aria-label={t('chart.range')}
      value={place.value.query.get('range') ?? ''}
      onChange={(event) => setQuery({ range: event.currentTarget.value })}
    >
      <option value="">{t('range.evidence')}</option>
      {Object.keys(RANGES).map((it) => <option key={it} value={it}>{word('range', it)}</option>)}
    </select>
  );
}

function Trends({ ticket, device }: { ticket: Ticket; device: Device | null }) {
  const [isOpen, setOpen] = useState(IS_DESK);
  const present = usePresent();
  // Two rules may tell of one channel; its line is the same.
  const channels = new Map([...ticket.evidence.trends].reverse().map((it) => [it.channel, it]));
  const [first, ...others] = ticket.evidence.trends.filter((it) => channels.get(it.channel) === it);
  if (!first) return <Empty title={t('chart.no_trend')}>{t('chart.no_trend_next')}</Empty>;
  const chart = (trend: Trend, height: number) => {
    const channel = device?.channels.find((it) => it.id === trend.channel);
    return (
      <TrendChart
        key={trend.channel}
        channel={trend.channel}
        title={channel ? sentence(channel.name) : trend.channel}
        unit={channel?.unit_symbol ?? ''}
        {...rangeOf(ticket, trend, present)}
        normal={trend.normal}
        limit={trend.limit}
        marks={marksOf(ticket)}
        height={height}
      />
    );
  };
  return (
    <>
      {chart(first, 220)}
      {isOpen && others.slice(0, 3).map((it) => chart(it, 120))}
      {others.length > 0 && (
        <button type="button" class="small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? t('chart.fewer') : t('chart.more', { n: Math.min(others.length, 3) })}
        </button>
      )}
    </>
  );
}

function rangeOf(ticket: Ticket, trend: Trend, present: number): { from: string; to: string } {
  const length = RANGES[place.value.query.get('range') ?? ''];
  const iso = (at: number) => new Date(at).toISOString();
  if (length) return { from: iso(present - length), to: iso(present) };
  const [from, to] = [Date.parse(trend.from), Date.parse(trend.to)];
  const isOver = ['closed', 'false_alarm', 'duplicate'].includes(ticket.state);
  // Much later the onset would be a hair at the left edge: the chart stops growing at twice its length.
  const end = isOver ? to : Math.max(to, Math.min(present, to + (to - from)));
  // A young trouble fills the last third of its chart, and the chart grows with it.
  const onset = Date.parse(ticket.onset_at);
  const start = Math.max(from, onset - Math.max(LEAD_MIN_MS, 2 * (end - onset)));
  return { from: iso(start), to: iso(end) };
}

function marksOf(ticket: Ticket): Mark[] {
  const repairs = ticket.past_repairs
    .filter((it) => it.device === ticket.device)
    .map((it): Mark => ({ kind: 'repair', at: seconds(it.at), label: t('mark.repair') }));
  return [
    { kind: 'onset', at: seconds(ticket.onset_at), label: t('mark.onset') },
    { kind: 'ticket', at: seconds(ticket.opened_at), label: t('mark.ticket') },
    ...repairs,
  ];
}
