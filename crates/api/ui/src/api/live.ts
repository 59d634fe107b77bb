// One event stream for the whole page: tells resources that they changed, and the shell whether
// the line to the server stands.
//
// Events carry no content; a resource that is on the screen reads itself again. A stream that breaks
// comes back with growing pauses, and everything on the screen is read again, since events were missed.

import { signal } from '@preact/signals';

export type Line = 'connecting' | 'live' | 'lost' | 'offline';
export type Topic = 'tickets' | 'devices' | 'health' | 'anomalies' | 'rules' | 'stops';

/** Whether news arrive. */
export const line = signal<Line>('connecting');
/** When the server was last heard, in ms. */
export const heardAt = signal(Date.now());

const PAUSE_MS = [1_000, 2_000, 5_000, 10_000, 30_000] as const;
/** Events of one storm lead to one reading. */
const GATHER_MS = 250;

type Listener = (ids: ReadonlySet<string>) => void;
const listeners = new Map<Topic, Set<Listener>>();
const gathered = new Map<Topic, Set<string>>();
let stream: EventSource | null = null;
let failures = 0;
let retry: number | undefined;

/** Calls back with the ids of changed tickets or devices; an empty set means "anything". */
export function listen(topic: Topic, listener: Listener): () => void {
  const known = listeners.get(topic) ?? new Set<Listener>();
  listeners.set(topic, known.add(listener));
  return () => known.delete(listener);
}

/** Opens the stream; call once. */
export function connect(): void {
  open();
  window.addEventListener('online', reopen);
  window.addEventListener('offline', () => (line.value = 'offline'));
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && line.value !== 'live') reopen();
  });
  // A page that is left keeps no connection: browsers allow only six to one host.
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => event.persisted && reopen());
}

/** Tries again at once. */
export function reopen(): void {
  failures = 0;
  close();
  open();
}

function open(): void {
  stream = new EventSource('/api/v1/events');
  stream.onopen = () => {
    const wasBroken = line.value !== 'connecting';
    failures = 0;
    heard();
    if (wasBroken) for (const topic of listeners.keys()) publish(topic, new Set());
  };
  stream.onerror = () => {
    close();
    line.value = navigator.onLine ? 'lost' : 'offline';
    const pause = PAUSE_MS[Math.min(failures, PAUSE_MS.length - 1)] ?? 30_000;
    failures += 1;
    retry = window.setTimeout(open, pause);
  };
  for (const name of ['ticket.opened', 'ticket.amended', 'ticket.changed']) {
    stream.addEventListener(name, (event) => received('tickets', event, 'id'));
  }
  for (const name of ['anomaly.found', 'anomaly.labelled']) {
    stream.addEventListener(name, (event) => received('anomalies', event, 'id'));
  }
  for (const name of ['rules.changed', 'proposal.made', 'proposal.decided', 'backtest.ended']) {
    stream.addEventListener(name, (event) => received('rules', event, 'id'));
  }
  for (const name of ['stop.planned', 'stop.ended']) {
    stream.addEventListener(name, (event) => received('stops', event, 'id'));
  }
  stream.addEventListener('device.state', (event) => received('devices', event, 'device'));
  stream.addEventListener('health', (event) => received('health', event, 'id'));
  stream.onmessage = heard;
}

function close(): void {
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

function heard(): void {
  line.value = 'live';
  heardAt.value = Date.now();
}

function received(topic: Topic, event: Event, field: 'id' | 'device'): void {
  heard();
  const ids = gathered.get(topic) ?? new Set<string>();
  if (gathered.size === 0) setTimeout(deliver, GATHER_MS);
  gathered.set(topic, ids.add(idIn(event, field)));
}

function idIn(event: Event, field: 'id' | 'device'): string {
  try {
    const content = JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown>;
    return String(content[field] ?? content.id ?? '');
  } catch {
    return '';
  }
}

function deliver(): void {
  const news = [...gathered];
  gathered.clear();
  for (const [topic, ids] of news) publish(topic, ids);
}

function publish(topic: Topic, ids: ReadonlySet<string>): void {
  for (const listener of listeners.get(topic) ?? []) listener(ids);
}
