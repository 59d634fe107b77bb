// When did it start, and what changed with it? Up to six signals under one cross-hair.
//
// Everything that is seen stands in the URL: signals, stretch of time, comparison, view, burst.

import { useMemo } from 'preact/hooks';
import type { Label } from '../../api/bench';
import { useResource } from '../../api/resource';
import type { Device, DeviceRow, Page } from '../../api/types';
import { seconds } from '../../charts/columns';
import { OverlayChart } from '../../charts/later';
import type { Band } from '../../charts/overlay';
import { DEFAULT_RANGE, RANGES, usePresent } from '../../charts/range';
import { Empty } from '../../parts/notice';
import { place, setQuery, setQueryAll } from '../../router';
import { moment } from '../../text/format';
import { pick, sentence, t, word } from '../../text/language';
import { useTitle } from '../title';
import { MarkPanel } from './mark_panel';
import { Bursts } from './bursts';

/** More lines than that nobody compares. */
const SIGNALS_MAX = 6;
const WEEK_MS = 7 * 86_400_000;
const VIEWS = ['trend', 'waterfall'] as const;

export function ExploreScreen() {
  useTitle(t('nav.explore'));
  const query = place.value.query;
  const devices = useResource<Page<DeviceRow>>('/devices');
  const all = devices.value?.items ?? [];
  const channels = query.getAll('c').slice(0, SIGNALS_MAX);
  const shownDevice = query.get('d') ?? channels[0]?.split('/')[0] ?? all[0]?.id ?? null;
  const device = useResource<Device>(shownDevice ? `/devices/${encodeURIComponent(shownDevice)}` : null);
  const view = VIEWS.find((it) => it === query.get('view')) ?? 'trend';
  const range = useRange();
  return (
    <section class="explore">
      <div class="head-row">
        <h1>{t('nav.explore')}</h1>
        <RangeChoice isFixed={range.isFixed} />
      </div>
      <div class="card">
        <div class="choices">
          <select
            aria-label={t('explore.device')}
            value={shownDevice ?? ''}
            onChange={(event) => setQuery({ d: event.currentTarget.value })}
          >
            {all.map((it) => <option key={it.id} value={it.id}>{pick(it.name)}</option>)}
          </select>
          {view === 'trend' && device.value && <AddSignal device={device.value} channels={channels} />}
          {view === 'trend' && <Compare device={device.value} devices={all} />}
        </div>
        <div class="tabs explore-tabs" role="tablist" aria-label={t('explore.view')}>
          {VIEWS.map((it) => (
            <button
              key={it}
              type="button"
              role="tab"
              id={`tab-${it}`}
              aria-selected={view === it}
              onClick={() => setQuery({ view: it === 'trend' ? null : it })}
            >
              {t(`explore_view.${it}`)}
            </button>
          ))}
        </div>
        {view === 'trend' ? (
          <Stack channels={channels} devices={all} range={range} />
        ) : (
          shownDevice && <Bursts device={shownDevice} from={range.from} to={range.to} />
        )}
      </div>
    </section>
  );
}

interface Range {
  from: string;
  to: string;
  isFixed: boolean;
}

/** A stretch that the URL names, or one that ends now. */
function useRange(): Range {
  const present = usePresent();
  const query = place.value.query;
  const [from, to] = [query.get('from'), query.get('to')];
  if (from && to) return { from, to, isFixed: true };
  const length = RANGES[query.get('range') ?? DEFAULT_RANGE] ?? WEEK_MS;
  return {
    from: new Date(present - length).toISOString(),
    to: new Date(present).toISOString(),
    isFixed: false,
  };
}

function RangeChoice({ isFixed }: { isFixed: boolean }) {
  const query = place.value.query;
  const [from, to] = [query.get('from'), query.get('to')];
  return (
    <select
      class="range"
      aria-label={t('chart.range')}
      value={isFixed ? 'fixed' : (query.get('range') ?? DEFAULT_RANGE)}
      onChange={(event) => setQuery({ range: event.currentTarget.value, from: null, to: null })}
    >
      {isFixed && from && to && <option value="fixed">{moment(from)} – {moment(to)}</option>}
      {Object.keys(RANGES).map((it) => <option key={it} value={it}>{word('range', it)}</option>)}
    </select>
  );
}

function AddSignal({ device, channels }: { device: Device; channels: string[] }) {
  const free = device.channels.filter((it) => !it.is_text && !channels.includes(it.id));
  return (
    <select
      aria-label={t('explore.add')}
      id="add-signal"
      value=""
      disabled={SIGNALS_MAX <= channels.length}
      onChange={(event) => setQueryAll('c', [...channels, event.currentTarget.value])}
    >
      <option value="">{t('explore.add')}</option>
      {free.map((it) => <option key={it.id} value={it.id}>{sentence(it.name)}</option>)}
    </select>
  );
}

function Compare({ device, devices }: { device: Device | null; devices: DeviceRow[] }) {
  const sisters = (device?.siblings ?? []).flatMap((id) => devices.find((it) => it.id === id) ?? []);
  return (
    <select
      aria-label={t('explore.compare')}
      id="compare"
      value={place.value.query.get('cmp') ?? ''}
      onChange={(event) => setQuery({ cmp: event.currentTarget.value })}
    >
      <option value="">{t('explore.no_compare')}</option>
      <option value="week">{t('explore.last_week')}</option>
      {sisters.map((it) => <option key={it.id} value={it.id}>{pick(it.name)}</option>)}
    </select>
  );
}

interface StackProps {
  channels: string[];
  devices: DeviceRow[];
  range: Range;
}

function Stack({ channels, devices, range }: StackProps) {
  const labels = useResource<Page<Label>>('/labels', { topic: 'anomalies' });
  const isMarking = place.value.query.get('mark') === '1';
  if (channels.length === 0) return <Empty title={t('explore.none')}>{t('explore.none_next')}</Empty>;
  return (
    <>
      <div class="picked">
        {channels.map((it) => (
          <button
            key={it}
            type="button"
            class="chip"
            aria-label={t('explore.remove', { name: it })}
            onClick={() => setQueryAll('c', channels.filter((other) => other !== it))}
          >
            {it} ✕
          </button>
        ))}
      </div>
      <MarkPanel channels={channels} from={range.from} to={range.to} onDone={labels.reload} />
      <div class="stack">
        {channels.map((it) => (
          <Signal
            key={it}
            channel={it}
            devices={devices}
            range={range}
            labels={labels.value?.items ?? []}
            isMarking={isMarking}
          />
        ))}
      </div>
      <p class="keys">{t('explore.keys')}</p>
    </>
  );
}

interface SignalProps {
  channel: string;
  devices: DeviceRow[];
  range: Range;
  labels: Label[];
  isMarking: boolean;
}

function Signal({ channel, devices, range, labels, isMarking }: SignalProps) {
  const id = channel.split('/')[0] ?? '';
  const device = useResource<Device>(`/devices/${encodeURIComponent(id)}`);
  const known = device.value?.channels.find((it) => it.id === channel);
  const bands = useMemo(() => bandsOf(labels, channel), [labels, channel]);
  const name = pick(devices.find((it) => it.id === id)?.name ?? id);
  return (
    <OverlayChart
      channel={channel}
      title={`${name} · ${known ? sentence(known.name) : channel}`}
      unit={known?.unit_symbol ?? ''}
      from={range.from}
      to={range.to}
      other={otherOf(channel, devices)}
      bands={bands}
      isMarking={isMarking}
      onMark={(from, to) =>
        setQuery({ m: `${new Date(from * 1000).toISOString()}~${new Date(to * 1000).toISOString()}~${channel}` })}
    />
  );
}

/** What stands beside a signal: itself a week ago, or the same signal of a sister machine. */
function otherOf(channel: string, devices: DeviceRow[]): { channel: string; shiftMs: number; name: string } | null {
  const compare = place.value.query.get('cmp');
  if (!compare) return null;
  if (compare === 'week') return { channel, shiftMs: WEEK_MS, name: t('explore.last_week') };
  const [, ...rest] = channel.split('/');
  const sister = devices.find((it) => it.id === compare);
  return sister ? { channel: [compare, ...rest].join('/'), shiftMs: 0, name: pick(sister.name) } : null;
}

function bandsOf(labels: Label[], channel: string): Band[] {
  return labels
    .filter((it) => it.channel === channel && it.judgement !== 'merged')
    .map((it) => ({ from: seconds(it.since), to: seconds(it.until), isFault: it.judgement === 'confirmed' }));
}
