// What the screens of access reckon without asking: what a form changes, whether a key still works, and
// when a day ends where the plant is.

import type { Account, AccountChange, Key, Role, Sites } from '../../api/access';

/** What an admin may change at once. */
export interface Wanted {
  display_name: string;
  role: Role;
  sites: Sites;
}

/** What is different now; an empty change needs no request. */
export function changes(before: Account, after: Wanted): AccountChange {
  const change: AccountChange = {};
  const display = after.display_name.trim();
  if (display !== before.display_name) change.display_name = display;
  if (after.role !== before.role) change.role = after.role;
  if (!areSame(after.sites, before.sites)) change.sites = after.sites;
  return change;
}

function areSame(one: Sites, other: Sites): boolean {
  if (one === null || other === null) return one === other;
  return [...one].sort().join() === [...other].sort().join();
}

export type KeyState = 'works' | 'ends_soon' | 'ended' | 'revoked';

/** Two weeks are enough to put another key in its place. */
const SOON_MS = 14 * 86_400_000;

/** Whether a key still opens anything, at a time in ms. */
export function keyState(key: Pick<Key, 'expires_at' | 'revoked_at'>, at: number): KeyState {
  if (key.revoked_at) return 'revoked';
  if (!key.expires_at) return 'works';
  const left = new Date(key.expires_at).getTime() - at;
  if (left <= 0) return 'ended';
  return left < SOON_MS ? 'ends_soon' : 'works';
}

/** The last second of a day such as `2026-12-31` in a time zone; null where that is no day. */
export function endOfDay(day: string, zone: string): Date | null {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight)) return null;
  const wanted = midnight + 86_399_000;
  // The offset may change at that very time, so it is looked up twice.
  const first = wanted - offsetMs(wanted, zone);
  return new Date(wanted - offsetMs(first, zone));
}

/** How far the clocks of a zone are ahead of UTC at a time. */
function offsetMs(at: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(at).map((it) => [it.type, Number(it.value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}
