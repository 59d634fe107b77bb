// All planned stops: those that go on, those to come, those that are over. The chosen one lives in the URL.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Problem, read } from '../../api/client';
import { type Resource, useResource } from '../../api/resource';
import type { Stop } from '../../api/stops';
import type { Page } from '../../api/types';
import { Empty, Loaded, ProblemText } from '../../parts/notice';
import { Tag } from '../../parts/shape';
import { place, setQuery } from '../../router';
import { now } from '../../text/format';
import { t } from '../../text/language';
import { OPEN_STOPS } from '../tickets/stops';
import { useTitle } from '../title';
import { StopCard } from './card';
import { byNext, phase } from './reckon';
import { hoursText, machinesText, type Plant, setAsideText, usePlant } from './words';

const OVER = '/planned-stops?over=true&limit=30';

export function StopsScreen() {
  const open = useResource<Page<Stop>>(OPEN_STOPS, { topic: 'stops', everyMs: 30_000 });
  const over = useResource<Page<Stop>>(OVER, { topic: 'stops' });
  const machines = usePlant();
  const chosen = place.value.query.get('stop');
  const reload = () => {
    open.reload();
    over.reload();
  };
  useTitle(t('stop.title'));
  return (
    <section class="list-screen stops-screen">
      <div class="head-row">
        <h1>{t('stop.title')}</h1>
        <a class="button" href="/devices">{t('stop.plan_at')}</a>
      </div>
      <p class="meta">{t('stop.screen_next')}</p>
      <Loaded resource={open} rows={4}>
        {({ items }) => <Open stops={items} machines={machines} chosen={chosen} onEnded={reload} />}
      </Loaded>
      <section class="stop-part">
        <h2>{t('stop_phase.over')}</h2>
        <Over resource={over} machines={machines} chosen={chosen} />
      </section>
    </section>
  );
}

interface OpenProps {
  stops: Stop[];
  machines: Plant;
  chosen: string | null;
  onEnded: () => void;
}

function Open({ stops, machines, chosen, onEnded }: OpenProps) {
  const inOrder = byNext(stops, now.value);
  const goingOn = inOrder.filter((it) => phase(it, now.value) === 'going_on');
  const toCome = inOrder.filter((it) => phase(it, now.value) === 'to_come');
  const isGoingOn = goingOn.some((it) => it.number === chosen);
  // What was ended stays in sight with what happens next.
  const ended = ({ number }: Stop) => {
    setQuery({ stop: number });
    onEnded();
  };
  return (
    <>
      {chosen && !isGoingOn && <Chosen key={chosen} number={chosen} onEnded={onEnded} />}
      <section class="stop-part">
        <h2>{t('stop_phase.going_on')}</h2>
        {goingOn.length === 0 && <Empty title={t('stop.none_now')}>{t('stop.none_now_next')}</Empty>}
        {goingOn.map((it) => (
          <Reached key={it.number} isChosen={it.number === chosen}>
            <StopCard stop={it} onEnded={ended} />
          </Reached>
        ))}
      </section>
      {0 < toCome.length && (
        <section class="stop-part">
          <h2>{t('stop_phase.to_come')}</h2>
          <Rows stops={toCome} machines={machines} chosen={chosen} />
        </section>
      )}
    </>
  );
}

/** Brings what a link meant into sight. */
function Reached({ isChosen, children }: { isChosen: boolean; children: ComponentChildren }) {
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  useEffect(() => {
    if (isChosen) box?.scrollIntoView({ block: 'nearest' });
  }, [isChosen, box]);
  return <div ref={setBox}>{children}</div>;
}

function Chosen({ number, onEnded }: { number: string; onEnded: () => void }) {
  const stop = useResource<Stop>(`/planned-stops/${encodeURIComponent(number)}`, { topic: 'stops', ids: [number] });
  if (stop.problem?.status === 404) return <Empty title={t('stop.unknown', { number })} />;
  return (
    <Loaded resource={stop} rows={3}>
      {(value) => <StopCard stop={value} id="chosen-stop" onEnded={onEnded} />}
    </Loaded>
  );
}

interface OverProps {
  resource: Resource<Page<Stop>>;
  machines: Plant;
  chosen: string | null;
}

function Over({ resource, machines, chosen }: OverProps) {
  const [more, setMore] = useState<Page<Stop> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const loadMore = (cursor: string) =>
    read<Page<Stop>>(`${OVER}&cursor=${encodeURIComponent(cursor)}`).then(
      (next) => setMore({ ...next, items: [...(more?.items ?? []), ...next.items] }),
      setProblem,
    );
  return (
    <Loaded resource={resource} rows={3}>
      {(first) => {
        const known = new Set(first.items.map((it) => it.number));
        const all = [...first.items, ...(more?.items ?? []).filter((it) => !known.has(it.number))];
        const cursor = more ? more.next_cursor : first.next_cursor;
        return (
          <>
            {all.length === 0 ? <Empty title={t('stop.none_over')} /> : <Rows stops={all} machines={machines} chosen={chosen} />}
            {cursor && <button type="button" onClick={() => void loadMore(cursor)}>{t('tickets.more')}</button>}
            {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
          </>
        );
      }}
    </Loaded>
  );
}

function Rows({ stops, machines, chosen }: Omit<OverProps, 'resource'> & { stops: Stop[] }) {
  return (
    <ul class="rows">
      {stops.map((it) => (
        <li key={it.number}>
          <a class="stop-row" href={`/stops?stop=${it.number}`} data-stop={it.number} aria-current={it.number === chosen ? 'true' : undefined}>
            <span class="c-when num">{hoursText(it, now.value)}</span>
            <span class="c-machines">{machinesText(it.devices, machines)}</span>
            <span class="c-reason">{it.reason}</span>
            <span class="c-found meta">
              {phase(it, now.value) === 'called_off' ? <Tag tone="mute" text={t('stop_phase.called_off')} /> : rowFound(it)}
            </span>
            <span class="c-number meta num">{it.number}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Nothing is found before it begins. */
function rowFound(stop: Stop): string {
  return phase(stop, now.value) === 'to_come' ? '' : setAsideText(stop.set_aside);
}
