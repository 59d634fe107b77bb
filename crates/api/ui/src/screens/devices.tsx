// The device list: how is every machine, and how fresh is what we know?

import { useResource } from '../api/resource';
import type { DeviceRow, Health, Page } from '../api/types';
import { Empty, Loaded } from '../parts/notice';
import { HealthTag } from '../parts/shape';
import { lasting, now, operatingState } from '../text/format';
import { pick, t, word } from '../text/language';
import { useTitle } from './title';

const GRAVITY: Record<Health, number> = { alarm: 0, warn: 1, watch: 2, unknown: 3, ok: 4 };

export function DevicesScreen() {
  const page = useResource<Page<DeviceRow>>('/devices', { topic: 'devices', everyMs: 10_000 });
  useTitle(t('nav.devices'));
  return (
    <section class="list-screen">
      <h1>{t('nav.devices')}</h1>
      <Loaded resource={page} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t('devices.none')}>{t('devices.none_next')}</Empty>
          ) : (
            <Rows rows={items} readAt={page.readAt} />
          )}
      </Loaded>
    </section>
  );
}

function Rows({ rows, readAt }: { rows: DeviceRow[]; readAt: number }) {
  const graveFirst = [...rows].sort(
    (a, b) => (GRAVITY[a.health] ?? 3) - (GRAVITY[b.health] ?? 3) || a.id.localeCompare(b.id),
  );
  return (
    <>
      <div class="device-row column-names" aria-hidden="true">
        <span>{t('devices.health')}</span>
        <span>{t('tickets.device')}</span>
        <span>{t('devices.place')}</span>
        <span>{t('devices.state')}</span>
        <span class="num">{t('devices.age')}</span>
        <span class="num">{t('devices.open')}</span>
      </div>
      <ul class="rows">
        {graveFirst.map((row) => <li key={row.id}><Row row={row} readAt={readAt} /></li>)}
      </ul>
    </>
  );
}

function Row({ row, readAt }: { row: DeviceRow; readAt: number }) {
  const elapsed = Math.max(0, (now.value - readAt) / 1000);
  return (
    <a class="device-row" href={`/d/${row.id}`}>
      <span class="c-state"><HealthTag health={row.health} /></span>
      <span class="c-device">{pick(row.name)} <span class="meta">{word('class', row.class)}</span></span>
      <span class="c-place meta">{[row.area, row.production_line].filter(Boolean).join(' · ')}</span>
      <span class="c-run">{row.state ? operatingState(row.state) : '–'}</span>
      <span class="c-age num">
        {row.data_age_s === null ? t('devices.no_data') : lasting(row.data_age_s + elapsed)}
      </span>
      <span class="c-open num">{row.open_tickets ? t('devices.tickets', { n: row.open_tickets }) : '–'}</span>
    </a>
  );
}
