// Who is looking, and what that person may do. The server decides; this only spares people buttons that
// would be refused.

import { signal } from '@preact/signals';
import type { Duty, Session } from './types';

/** Who is signed in; null before that is known, and when nobody is. */
export const who = signal<Session | null>(null);

/** Whether the person may do this. */
export function may(duty: Duty): boolean {
  return who.value?.duties.includes(duty) ?? false;
}
