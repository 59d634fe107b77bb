// What the screens of access reckon without asking: what a form changes, whether a key still works, and
// when a day ends where the plant is.

import type { Account, AccountChange, Key, Role, Sites } from '../../api/access';
import { instant } from '../../text/zoned';

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
  const at = instant(`${day}T23:59:59`, zone);
  return at === null ? null : new Date(at);
}
