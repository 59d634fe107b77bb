// Planned stops above the ticket list, so that nobody wonders why a machine is silent: those that go on or begin
// within a day.

import { useResource } from '../../api/resource';
import type { Stop } from '../../api/stops';
import type { Page } from '../../api/types';
import { now } from '../../text/format';
import { StopLines } from '../stops';
import { byNext, isNear } from '../stops/reckon';

/** Those that are not over; more than a plant plans ahead. */
export const OPEN_STOPS = '/planned-stops?over=false&limit=200';

export function StopsNow() {
  const stops = useResource<Page<Stop>>(OPEN_STOPS, { topic: 'stops', everyMs: 30_000 });
  const near = byNext((stops.value?.items ?? []).filter((it) => isNear(it, now.value)), now.value);
  return 0 < near.length ? <StopLines stops={near} /> : null;
}
