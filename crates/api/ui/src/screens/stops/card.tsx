// One planned stop: until when, why, by whom, what was set aside in it, and the way to end it.

import { useState } from 'preact/hooks';
import { useResource } from '../../api/resource';
import type { Found, Stop } from '../../api/stops';
import type { Channel, Device, Page } from '../../api/types';
import { may } from '../../api/who';
import { ProblemText } from '../../parts/notice';
import { Pause } from '../../parts/shape';
import { clock, lasting, lately, now } from '../../text/format';
import { sentence, t, word } from '../../text/language';
import { EndSheet } from './end_sheet';
import { countsFrom, folded } from './machines';
import { phase, type Phase } from './reckon';
import { endWord, machineName, machinesText, type Plant, setAsideText, untilText, usePlant } from './words';

export interface CardProps {
  stop: Stop;
  /** On the page of a machine only its own findings are shown. */
  device?: Device;
  /** Where the card may be led to. */
  id?: string;
  onEnded: (stop: Stop) => void;
}

/** More of them are behind a line that opens. */
const SHOWN_MAX = 5;

export function StopCard({ stop: listed, device, id, onEnded }: CardProps) {
  const path = `/planned-stops/${encodeURIComponent(listed.number)}`;
  const isOver = listed.ended_at !== null;
  const whole = useResource<Stop>(path, { topic: 'stops', ids: [listed.number], everyMs: isOver ? undefined : 10_000 });
  const machines = usePlant();
  const [isEnding, setEnding] = useState(false);
  const stop = whole.value ?? listed;
  const state = phase(stop, now.value);
  const isOpen = state === 'going_on' || state === 'to_come';
  const ended = (it: Stop) => {
    setEnding(false);
    whole.put(it);
    onEnded(it);
  };
  return (
    <section class={`card stop-card ${state}`} id={id} data-stop={stop.number} data-phase={state} aria-labelledby={`title-${stop.number}`}>
      <div class="stop-head">
        <h2 id={`title-${stop.number}`}><Pause /> {title(stop, state)}</h2>
        {isOpen && may('work') && (
          <button type="button" class="big" data-act="end" aria-haspopup="dialog" onClick={() => setEnding(true)}>
            {t(endWord(stop, state))}
          </button>
        )}
      </div>
      {state === 'going_on' && <p>{t('stop.nobody')}</p>}
      <Facts stop={stop} state={state} machines={machines} isOfMachine={device !== undefined} />
      {state !== 'to_come' && state !== 'called_off' && (
        <SetAside stop={stop} device={device} machines={machines} isRead={whole.value !== null} />
      )}
      {whole.problem && <p class="stale" role="status">{t('stop.not_loaded')} <ProblemText problem={whole.problem} /></p>}
      {isEnding && <EndSheet stop={stop} state={state} machines={machines} onClose={() => setEnding(false)} onDone={ended} />}
    </section>
  );
}

function title(stop: Stop, state: Phase): string {
  switch (state) {
    case 'going_on':
      return t('stop.stands', { time: lately(stop.until) });
    case 'to_come':
      return t('stop.will_stand', { from: lately(stop.from), until: untilText(stop.from, stop.until) });
    case 'over':
      return t('stop.was', { time: lately(stop.ended_at ?? stop.until) });
    case 'called_off':
      return t('stop.called_off', { time: lately(stop.ended_at ?? stop.from) });
  }
}

interface FactsProps {
  stop: Stop;
  state: Phase;
  machines: Plant;
  isOfMachine: boolean;
}

function Facts({ stop, state, machines, isOfMachine }: FactsProps) {
  const left = (Date.parse(stop.until) - now.value) / 1000;
  const isAlone = isOfMachine && stop.devices.length === 1;
  return (
    <dl class="stop-facts">
      <dt>{t('stop.number')}</dt>
      <dd class="num">{stop.number}</dd>
      <dt>{t('stop.why')}</dt>
      <dd>{stop.reason}</dd>
      {!isAlone && <dt>{t('stop.machines')}</dt>}
      {!isAlone && <dd><Machines stop={stop} machines={machines} /></dd>}
      {state !== 'to_come' && <dt>{t('stop.since')}</dt>}
      {state !== 'to_come' && (
        <dd>
          {lately(stop.from)}
          {state === 'going_on' && 0 < left && <span class="meta"> · {t('stop.left', { span: lasting(left) })}</span>}
          {(state === 'over' || state === 'called_off') && <span class="meta"> · {t('stop.planned_until', { time: lately(stop.until) })}</span>}
        </dd>
      )}
      <dt>{t('stop.by')}</dt>
      <dd>
        {stop.planned_by} <span class="meta">{lately(stop.planned_at)}</span>
      </dd>
      {stop.ended_by && <dt>{t('stop.ended_by')}</dt>}
      {stop.ended_by && <dd>{stop.ended_by === 'forewarn' ? t('stop.by_time') : stop.ended_by}</dd>}
    </dl>
  );
}

/** The place by its name, and each machine as a way to its page. */
function Machines({ stop, machines }: { stop: Stop; machines: Plant }) {
  const links = stop.devices.map((it) => <a key={it} href={`/d/${it}`}>{machineName(it, machines)}</a>);
  if (stop.devices.length <= SHOWN_MAX) return <span class="stop-machines">{links}</span>;
  return (
    <details class="more">
      <summary>{machinesText(stop.devices, machines)}</summary>
      <span class="stop-machines">{links}</span>
    </details>
  );
}

interface SetAsideProps {
  stop: Stop;
  device?: Device;
  machines: Plant;
  /** A list does not know what was found, only how many. */
  isRead: boolean;
}

function SetAside({ stop, device, machines, isRead }: SetAsideProps) {
  const own = device ? stop.found.filter((it) => it.device === device.id) : stop.found;
  const lines = folded(own);
  // The server tells the newest; how many of the others are this machine's it does not say.
  const isWhole = stop.found.length === stop.set_aside;
  const isElsewhere = device !== undefined && 1 < stop.devices.length && own.length !== stop.set_aside;
  const only = stop.devices.length === 1 ? `?device=${encodeURIComponent(stop.devices[0] ?? '')}` : '';
  const read = useResource<Page<NamedChannel>>(device || lines.length === 0 ? null : `/channels${only}`);
  const channels: readonly NamedChannel[] = device?.channels ?? read.value?.items ?? [];
  const row = (it: Found & { times: number }) => {
    const machine = device ? null : machineName(it.device, machines);
    const channel = channels.find((other) => other.id === it.channel);
    const part = device?.components.find((other) => other.id === it.component);
    // A channel of captured waveforms has no name; the part that it watches has one, and its place in the id.
    const place = channel ? [sentence(channel.name)] : [sentence(part?.name), it.channel.replace(`${it.device}/`, '')];
    const where = [machine, ...place].filter(Boolean).join(' · ');
    return <FoundRow key={`${it.channel} ${it.rule}`} found={it} where={where} />;
  };
  return (
    <div class="set-aside">
      <h3>
        {device && isRead && isWhole ? setAsideText(own.length) : setAsideText(stop.set_aside)}
      </h3>
      {isElsewhere && <p class="meta">{t('stop.elsewhere', { n: stop.set_aside, number: stop.number })}</p>}
      {isRead && !isWhole && <p class="meta">{t('stop.newest', { n: stop.found.length })}</p>}
      {stop.set_aside > 0 && stop.ended_at && now.value < countsFrom(stop.ended_at) && (
        <p>{t('stop.ended_next', { time: clock(countsFrom(stop.ended_at)) })}</p>
      )}
      <ul class="plain-rows">{lines.slice(0, SHOWN_MAX).map(row)}</ul>
      {SHOWN_MAX < lines.length && (
        <details class="more">
          <summary>{t('stop.further', { n: lines.length - SHOWN_MAX })}</summary>
          <ul class="plain-rows">{lines.slice(SHOWN_MAX).map(row)}</ul>
        </details>
      )}
    </div>
  );
}

type NamedChannel = Pick<Channel, 'id' | 'name'>;

function FoundRow({ found, where }: { found: Found & { times: number }; where: string }) {
  return (
    <li class="found-row" data-rule={found.rule}>
      <span class="c-what">{sentence(word('rule_name', found.rule))}</span>
      <a class="c-where" href={`/d/${found.device}?channel=${encodeURIComponent(found.channel)}`}>{where}</a>
      <span class="c-when meta num">
        {1 < found.times && `${t('stop.times', { n: found.times })} · `}{lately(found.found_at)}
      </span>
    </li>
  );
}
