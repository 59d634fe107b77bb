// The ticket list: is the team on top of it? Filters live in the URL; j, k, Enter and / work.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, read } from '../api/client';
import { useResource } from '../api/resource';
import type { Page, TicketRow } from '../api/types';
import { Empty, Loaded, ProblemText } from '../parts/notice';
import { TicketTag } from '../parts/shape';
import { go, place, setQuery } from '../router';
import { ago, day } from '../text/format';
import { pick, t } from '../text/language';
import { StopsNow } from './tickets/stops';
import { Storms } from './tickets/storms';
import { useTitle } from './title';

const PAGE = 100;
const FILTERS = ['state', 'priority', 'kind', 'device', 'incident', 'q'] as const;

export function TicketsScreen() {
  const query = place.value.query;
  const wanted = new URLSearchParams({ limit: String(PAGE), state: 'open' });
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) wanted.set(name, value);
  }
  const path = `/tickets?${wanted}`;
  const page = useResource<Page<TicketRow>>(path, { topic: 'tickets', everyMs: 60_000 });
  useTitle(t('nav.tickets'));
  useKeys();
  return (
    <section class="list-screen">
      <div class="head-row">
        <h1>{t('nav.tickets')}</h1>
        <Filters />
      </div>
      <Storms />
      <StopsNow />
      <Loaded resource={page} rows={8}>
        {(first) =>
          first.items.length === 0 ? <NoTickets /> : <Rows key={path} path={path} first={first} />}
      </Loaded>
      <p class="keys">{t('tickets.keys')}</p>
    </section>
  );
}

function Filters() {
  const query = place.value.query;
  const chosen = (name: string) => query.get(name) ?? '';
  const choose = (name: string) => (event: Event) =>
    setQuery({ [name]: (event.currentTarget as HTMLSelectElement).value });
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <select aria-label={t('tickets.state')} value={chosen('state')} onChange={choose('state')}>
        <option value="">{t('tickets.open')}</option>
        <option value="closed">{t('tickets.closed')}</option>
        <option value="all">{t('tickets.all')}</option>
      </select>
      <select aria-label={t('tickets.priority')} value={chosen('priority')} onChange={choose('priority')}>
        <option value="">{t('tickets.any_priority')}</option>
        {['P1', 'P2', 'P3', 'P4'].map((it) => <option key={it} value={it}>{it}</option>)}
      </select>
      <select aria-label={t('tickets.kind')} value={chosen('kind')} onChange={choose('kind')}>
        <option value="">{t('tickets.any_kind')}</option>
        <option value="machine">{t('kind.machine')}</option>
        <option value="instrumentation">{t('kind.instrumentation')}</option>
        <option value="process">{t('kind.process')}</option>
      </select>
      <Search />
    </form>
  );
}

function Search() {
  const timer = useRef<number | undefined>(undefined);
  return (
    <input
      type="search"
      id="search"
      placeholder={t('tickets.search')}
      aria-label={t('tickets.search')}
      value={place.value.query.get('q') ?? ''}
      onInput={(event) => {
        const q = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => setQuery({ q }), 250);
      }}
    />
  );
}

function NoTickets() {
  const isFiltered = FILTERS.some((name) => place.value.query.get(name));
  if (isFiltered) {
    return (
      <Empty title={t('tickets.none_match')}>
        <button type="button" onClick={() => go('/tickets')}>{t('tickets.clear')}</button>
      </Empty>
    );
  }
  return (
    <Empty title={t('tickets.none')}>
      {t('tickets.none_next')} <a href="/health">{t('nav.health')}</a>
    </Empty>
  );
}

function Rows({ path, first }: { path: string; first: Page<TicketRow> }) {
  const [more, setMore] = useState<Page<TicketRow>>({ items: [], next_cursor: first.next_cursor });
  const [problem, setProblem] = useState<Problem | null>(null);
  const known = new Set(first.items.map((it) => it.id));
  const all = [...first.items, ...more.items.filter((it) => !known.has(it.id))];
  // What is over is read by date; what is open, by how much it hurries.
  const rows = isOver(all) ? all : [...all].sort((a, b) => a.priority.localeCompare(b.priority));
  const cursor = more.items.length ? more.next_cursor : first.next_cursor;
  const loadMore = () =>
    read<Page<TicketRow>>(`${path}&cursor=${encodeURIComponent(cursor ?? '')}`).then(
      (next) => setMore({ items: [...more.items, ...next.items], next_cursor: next.next_cursor }),
      setProblem,
    );
  return (
    <>
      <div class="ticket-row column-names" aria-hidden="true">
        <span>{t('tickets.state')}</span>
        <span>{t('tickets.device')}</span>
        <span>{t('tickets.symptom')}</span>
        <span class="num">{t('tickets.since')}</span>
        <span>{t('tickets.owner')}</span>
      </div>
      <ul class="rows">
        {rows.map((row) => <li key={row.id}><Row row={row} /></li>)}
      </ul>
      {cursor && <button type="button" onClick={loadMore}>{t('tickets.more')}</button>}
      {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
    </>
  );
}

function isOver(rows: TicketRow[]): boolean {
  return rows.some((it) => ['closed', 'false_alarm', 'duplicate'].includes(it.state));
}

export function Row({ row }: { row: TicketRow }) {
  return (
    <a class="ticket-row" href={`/t/${row.number || row.id}`}>
      <span class="c-state">
        <TicketTag priority={row.priority} state={row.state} />
        <span class="word">{t(`ticket_state.${row.state}`)}</span>
      </span>
      <span class="c-device">{pick(row.device_name)} · {pick(row.component_name)}</span>
      <span class="c-line">{pick(row.headline)}</span>
      <span class="c-age num">{isOver([row]) ? day(row.onset_at) : ago(row.onset_at)}</span>
      <span class={row.owner || row.state !== 'to_assign' ? 'c-owner' : 'c-owner fresh'}>
        <span class="word">{t(`ticket_state.${row.state}`)}</span>
        <span class={row.owner ? '' : 'nobody'}>{row.owner ?? t('tickets.nobody')}</span>
      </span>
    </a>
  );
}

/** Moves the focus along the rows; Enter follows the link by itself. */
function useKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).matches('input, select, textarea, dialog *');
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '/') {
        event.preventDefault();
        document.getElementById('search')?.focus();
      }
      const step = { j: 1, k: -1 }[event.key];
      if (!step) return;
      const links = [...document.querySelectorAll<HTMLAnchorElement>('.rows a')];
      const at = links.indexOf(document.activeElement as HTMLAnchorElement);
      const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1);
      links[next]?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
