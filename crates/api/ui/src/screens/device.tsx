// One machine: how is it now, what do the rules know of it, and what happened to it before?

import { useMemo } from 'preact/hooks';
import { useResource } from '../api/resource';
import type { Stop } from '../api/stops';
import type { Channel, Device, Page, RepairRecord, TicketRow } from '../api/types';
import { seconds } from '../charts/columns';
import { TrendChart } from '../charts/later';
import { DEFAULT_RANGE, RANGES, usePresent } from '../charts/range';
import type { Mark } from '../charts/trend_model';
import { Empty, Loaded } from '../parts/notice';
import { HealthTag } from '../parts/shape';
import { place, setQuery } from '../router';
import { lasting, now, operatingState } from '../text/format';
import { pick, sentence, t, word } from '../text/language';
import { Channels } from './device/channels';
import { PlanStop, type Stops, StopsHere, useStops, useStopsBefore } from './device/stops';
import { RepairRow } from './ticket/before';
import { Row } from './tickets';
import { useTitle } from './title';

export function DeviceScreen({ id }: { id: string }) {
  const path = encodeURIComponent(id);
  const device = useResource<Device>(`/devices/${path}`, { topic: 'devices', ids: [id], everyMs: 3_000 });
  useTitle(device.value ? pick(device.value.name) : id);
  return (
    <Loaded resource={device} rows={8}>
      {(value) => <DeviceSheet device={value} readAt={device.readAt} />}
    </Loaded>
  );
}

function DeviceSheet({ device, readAt }: { device: Device; readAt: number }) {
  const path = encodeURIComponent(device.id);
  const tickets = useResource<Page<TicketRow>>(`/tickets?state=all&limit=50&device=${path}`, { topic: 'tickets' });
  const repairs = useResource<Page<RepairRecord>>(`/repairs?device=${path}`, { topic: 'tickets' });
  const stops = useStops();
  const wanted = place.value.query.get('channel');
  const chosen = device.channels.find((it) => it.id === wanted) ?? mostTelling(device.channels);
  const stopsBefore = useStopsBefore(device.id, stops);
  const marks = useMemo(
    () => marksOf(tickets.value?.items ?? [], repairs.value?.items ?? [], stopsBefore),
    [tickets.value, repairs.value, stopsBefore.length, t('mark.repair')],
  );
  return (
    <article class="device">
      <DeviceHead device={device} readAt={readAt} stops={stops} />
      <StopsHere device={device} stops={stops} />
      {chosen && <ChannelChart device={device} channel={chosen} marks={marks} />}
      <Channels device={device} chosen={chosen?.id ?? null} readAt={readAt} />
      <section class="card">
        <h2>{t('nav.tickets')}</h2>
        <Loaded resource={tickets} rows={2}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={t('device.no_tickets')} />
            ) : (
              <ul class="rows">{items.map((it) => <li key={it.id}><Row row={it} /></li>)}</ul>
            )}
        </Loaded>
      </section>
      <section class="card">
        <h2>{t('device.repairs')}</h2>
        <Loaded resource={repairs} rows={2}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={t('device.no_repairs')}>{t('device.no_repairs_next')}</Empty>
            ) : (
              <ul class="repairs">{items.map((it) => <RepairRow key={it.id} repair={it} />)}</ul>
            )}
        </Loaded>
      </section>
    </article>
  );
}

function DeviceHead({ device, readAt, stops }: { device: Device; readAt: number; stops: Stops }) {
  const elapsed = Math.max(0, (now.value - readAt) / 1000);
  return (
    <header class="card device-head">
      <h1>{pick(device.name)}</h1>
      <p class="line">
        <HealthTag health={device.health} />
        <span>{t('device.state', { state: device.state ? operatingState(device.state) : '–' })}</span>
        <span class="meta">
          {device.data_age_s === null
            ? t('devices.no_data')
            : t('device.age', { span: lasting(device.data_age_s + elapsed) })}
        </span>
      </p>
      <p class="meta">
        {[word('class', device.class), device.area, device.production_line, t(`criticality.${device.criticality}`)]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <ul class="components">
        {device.components.map((it) => (
          <li key={it.id}>{pick(it.name)}{it.bearing && <span class="meta"> · {it.bearing}</span>}</li>
        ))}
      </ul>
      <PlanStop device={device} stops={stops} />
    </header>
  );
}

interface ChartProps {
  device: Device;
  channel: Channel;
  marks: Mark[];
}

function ChannelChart({ device, channel, marks }: ChartProps) {
  const present = usePresent();
  const range = place.value.query.get('range') ?? DEFAULT_RANGE;
  const length = RANGES[range] ?? RANGES[DEFAULT_RANGE] ?? 0;
  const numeric = device.channels.filter((it) => !it.is_text);
  return (
    <section class="card" id="chart">
      <div class="choices">
        <select
          aria-label={t('device.channel')}
          value={channel.id}
          onChange={(event) => setQuery({ channel: event.currentTarget.value })}
        >
          {numeric.map((it) => <option key={it.id} value={it.id}>{sentence(it.name)}</option>)}
        </select>
        <select
          aria-label={t('chart.range')}
          value={range}
          onChange={(event) => setQuery({ range: event.currentTarget.value })}
        >
          {Object.keys(RANGES).map((it) => <option key={it} value={it}>{word('range', it)}</option>)}
        </select>
      </div>
      <TrendChart
        channel={channel.id}
        title=""
        unit={channel.unit_symbol}
        from={new Date(present - length).toISOString()}
        to={new Date(present).toISOString()}
        normal={channel.normal}
        limit={null}
        marks={marks}
      />
    </section>
  );
}

/** A channel in alarm before one that rules watch, before the rest. */
function mostTelling(channels: Channel[]): Channel | null {
  const weight = (it: Channel) =>
    it.rules.some((rule) => rule.status === 'active') ? 0 : it.normal ? 1 : it.rules.length ? 2 : 3;
  const numeric = channels.filter((it) => !it.is_text);
  return numeric.reduce<Channel | null>((best, it) => (best && weight(best) <= weight(it) ? best : it), null);
}

function marksOf(tickets: TicketRow[], repairs: RepairRecord[], stops: Stop[]): Mark[] {
  return [
    ...tickets.map((it): Mark => ({ kind: 'ticket', at: seconds(it.opened_at), label: it.number })),
    ...repairs.map((it): Mark => ({ kind: 'repair', at: seconds(it.at), label: t('mark.repair') })),
    ...stops.map((it): Mark => ({ kind: 'stop', at: seconds(it.from), label: it.number })),
  ];
}
