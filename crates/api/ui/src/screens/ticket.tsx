// The ticket: what is wrong, why do we think so, what do I do first?
//
// The order on a phone is the order of the questions; at a desk the people's part (state, owner,
// actions, timeline) stands at the right.

import { useMemo } from 'preact/hooks';
import { useResource, type Resource } from '../api/resource';
import type { Device, DeviceRow, Page, Ticket } from '../api/types';
import { Loaded } from '../parts/notice';
import { pick } from '../text/language';
import { Actions } from './ticket/actions';
import { Before } from './ticket/before';
import { Causes } from './ticket/causes';
import { Check } from './ticket/check';
import { Course } from './ticket/course';
import { EvidencePanel } from './ticket/evidence';
import { Head, Ladder } from './ticket/head';
import { DoFirst, Quality, Seen } from './ticket/seen';
import { Similar } from './ticket/similar';
import { Timeline } from './ticket/timeline';
import { useTitle } from './title';

export function TicketScreen({ id }: { id: string }) {
  const ticket = useResource<Ticket>(`/tickets/${encodeURIComponent(id)}`, {
    topic: 'tickets',
    everyMs: 60_000,
  });
  useTitle(ticket.value ? `${ticket.value.number} ${pick(ticket.value.device_name)}` : id);
  return <Loaded resource={ticket} rows={8}>{(value) => <Sheet ticket={value} resource={ticket} />}</Loaded>;
}

function Sheet({ ticket, resource }: { ticket: Ticket; resource: Resource<Ticket> }) {
  const device = useResource<Device>(`/devices/${ticket.device}`);
  const devices = useResource<Page<DeviceRow>>('/devices');
  const names = useMemo(
    () => new Map((devices.value?.items ?? []).map((it) => [it.id, it.name])),
    [devices.value],
  );
  const nameOf = (id: string) => pick(names.get(id) ?? id);
  return (
    <article class="ticket">
      <div class="ticket-main">
        <Head ticket={ticket} />
        <EvidencePanel ticket={ticket} device={device.value} />
        <DoFirst brief={ticket.brief} causes={ticket.causes} />
        <Check check={ticket.repair_check} />
        <Seen brief={ticket.brief} />
        <div class="two">
          <Causes ticket={ticket} />
          <Before ticket={ticket} nameOf={nameOf} />
          <Similar ticket={ticket} nameOf={nameOf} />
          <Quality ticket={ticket} />
        </div>
      </div>
      <aside class="ticket-side">
        <section class="card">
          <Ladder ticket={ticket} />
          <Actions ticket={ticket} onTicket={resource.put} />
        </section>
        <Course ticket={ticket} />
        <Timeline ticket={ticket} />
      </aside>
    </article>
  );
}
