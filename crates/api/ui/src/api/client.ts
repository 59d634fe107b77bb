// Speaks HTTP to `/api/v1`: reads, and commands that carry If-Match and Idempotency-Key.
//
// Every failure comes out as a `Problem`, so that screens show one kind of thing. Retrying is the
// caller's decision: it passes the same key again, and the server does the work once.

import { signal } from '@preact/signals';
import type { Command, Session, Ticket } from './types';

const BASE = '/api/v1';
const SESSION = '/session';
/** The server itself gives up after 30 s. */
const PATIENCE_MS = 35_000;

/** A refusal or failure, as RFC 9457 says it; `status` 0 means that no answer came. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly code: string,
    /** How long to wait before the next try, in seconds. */
    readonly waitS: number | null = null,
  ) {
    super(detail || title);
  }
}

/** Counts the answers that say that nobody is signed in any more; who the page is for must be asked again. */
export const turnedAway = signal(0);

/** Reads one resource. What the page asks for by itself keeps nobody signed in. */
export async function read<T>(path: string, isUnattended = false): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (isUnattended) headers['x-forewarn-unattended'] = '1';
  const answer = await ask(path, { headers });
  return (await answer.json()) as T;
}

/** Sends a command on the revision that the person was looking at. */
export async function sendCommand(ticket: Ticket, command: Command, key: string): Promise<Ticket> {
  const answer = await ask(`/tickets/${ticket.id}/commands`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'if-match': `"${ticket.revision}"`,
      'idempotency-key': key,
    },
    body: JSON.stringify(command),
  });
  return (await answer.json()) as Ticket;
}

/** Sends JSON; with a key the same intention may be sent again. Where nothing comes back, `T` is null. */
export async function send<T>(path: string, body: unknown, key?: string): Promise<T> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (key) headers['idempotency-key'] = key;
  const answer = await ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return (answer.status === 204 ? null : await answer.json()) as T;
}

/** Changes what `body` names of a resource, and reads what it is now. */
export async function change<T>(path: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const answer = await ask(path, { method: 'PATCH', headers, body: JSON.stringify(body) });
  return (await answer.json()) as T;
}

/** Ends a resource. */
export async function end(path: string): Promise<void> {
  await ask(path, { method: 'DELETE' });
}

/** Exchanges name and password for a session cookie. */
export function signIn(name: string, password: string): Promise<Session> {
  return send<Session>('/sessions', { name, password });
}

/** Makes the first admin with the setup token, and signs it in. */
export function setUp(first: Record<'token' | 'name' | 'display_name' | 'password', string>): Promise<Session> {
  return send<Session>('/setup', first);
}

/** Ends this browser's session. */
export function signOut(): Promise<void> {
  return end(SESSION);
}

/** A key for one intention of one person; `randomUUID` is missing on plain http. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function ask(path: string, request: RequestInit): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(BASE + path, { ...request, signal: patience.signal });
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (problem.code === 'not-signed-in' && path !== SESSION) turnedAway.value += 1;
    throw problem;
  } catch (failure) {
    if (failure instanceof Problem) throw failure;
    throw new Problem(0, 'unreachable', '', 'unreachable');
  } finally {
    clearTimeout(timer);
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  try {
    const body = (await answer.json()) as Record<string, unknown>;
    const wait = Number(answer.headers.get('retry-after') ?? NaN);
    const waitS = Number.isFinite(wait) ? wait : null;
    return new Problem(answer.status, text(body.title), text(body.detail), text(body.code), waitS);
  } catch {
    return new Problem(answer.status, `HTTP ${answer.status}`, '', '');
  }
}
