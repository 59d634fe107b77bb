// Planned stops of `/api/v1`: their shape, and what may be asked of them.

import { Problem, send } from './client';

/** Hours in which machines stand by plan; `found` is empty in lists. */
export interface Stop {
  number: string;
  devices: string[];
  from: string;
  until: string;
  reason: string;
  planned_by: string;
  planned_at: string;
  ended_at: string | null;
  ended_by: string | null;
  set_aside: number;
  found: Found[];
}

/** Something that was found meanwhile. */
export interface Found {
  device: string;
  component: string;
  fault_family: string;
  rule: string;
  channel: string;
  found_at: string;
}

/** Machines by id, or all of a line or an area; `from` is now where it is null. */
export interface NewStop {
  devices?: string[];
  production_line?: string;
  area?: string;
  from: string | null;
  until: string;
  reason: string;
}

/** Asked for the same again, the server answers with what was planned. */
export const planStop = (stop: NewStop) => send<Stop>('/planned-stops', stop).catch(placeRefusal);

/** One that is over already stays as it is. */
export const endStop = (number: string) => send<Stop>(`/planned-stops/${encodeURIComponent(number)}/end`, {});

/** What the server quotes where it refuses a plan, and the word of ours for that part of the form. */
export const REFUSED = [
  ['60 days', 'stop-until'],
  ['`until`', 'stop-until'],
  ['a time such as', 'stop-until'],
  ['`reason`', 'stop-reason'],
  ['`devices`', 'stop-machines'],
] as const;

/** The server has one word for every part that does not fit; which one it is stands in its sentence only. */
function placeRefusal(refusal: unknown): never {
  if (!(refusal instanceof Problem) || refusal.code !== 'bad-parameter') throw refusal;
  const expected = refusal.detail.slice(refusal.detail.lastIndexOf('does not fit; '));
  const code = REFUSED.find(([quoted]) => expected.includes(quoted))?.[1] ?? refusal.code;
  throw new Problem(refusal.status, refusal.title, refusal.detail, code);
}
