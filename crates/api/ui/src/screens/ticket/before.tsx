// What this machine and its sisters had before, and whether it helped.

import type { ComponentChildren } from 'preact';
import type { PastRepair, RepairRecord, Ticket } from '../../api/types';
import { OutcomeTag } from '../../parts/shape';
import { ago, day } from '../../text/format';
import { sentence, t } from '../../text/language';
import { GROUNDS } from './causes';
import { Source } from './seen';

interface Props {
  ticket: Ticket;
  nameOf: (device: string) => string;
}

export function Before({ ticket, nameOf }: Props) {
  const of = (...relations: PastRepair['relation'][]) =>
    ticket.past_repairs.filter((it) => relations.includes(it.relation));
  const cited = new Set([...ticket.past_repairs, ...ticket.similar_cases].map((it) => it.id));
  const further = ticket.brief.history.filter((it) => !cited.has(it.source) && it.source !== GROUNDS);
  return (
    <section class="card" id="before">
      <h2>{t('before.title')}</h2>
      {further.map((it, index) => <p key={index}>{sentence(it.text)} <Source source={it.source} /></p>)}
      <Group title={t('before.recent')} repairs={of('this_device_recent')} empty={t('before.no_recent')} />
      <Group title={t('before.earlier')} repairs={of('this_device')} />
      <Group title={t('before.sisters')} repairs={of('sibling')} nameOf={nameOf} empty={t('before.no_sisters')} />
    </section>
  );
}

/** So many repairs of a group are read at once; the others are one tap away. */
const SHOWN = 3;

interface GroupProps {
  title: string;
  repairs: PastRepair[];
  nameOf?: (device: string) => string;
  empty?: string;
}

function Group({ title, repairs, nameOf, empty }: GroupProps) {
  if (repairs.length === 0 && !empty) return null;
  const rest = repairs.slice(SHOWN);
  const row = (it: PastRepair) => (
    <RepairRow key={it.id} repair={it}>
      {nameOf && <a href={`/d/${it.device}`}>{nameOf(it.device)}</a>}
    </RepairRow>
  );
  return (
    <>
      <h3>{title}</h3>
      {repairs.length === 0 ? <p class="meta">{empty}</p> : <ul class="repairs">{repairs.slice(0, SHOWN).map(row)}</ul>}
      {0 < rest.length && (
        <details class="more">
          <summary>{t('before.further', { n: rest.length })}</summary>
          <ul class="repairs">{rest.map(row)}</ul>
        </details>
      )}
    </>
  );
}

interface RowProps {
  repair: RepairRecord;
  /** Whether links to the repair lead here; a repair may stand on the page twice. */
  isAnchor?: boolean;
  children?: ComponentChildren;
  more?: ComponentChildren;
}

export function RepairRow({ repair, isAnchor = true, children, more }: RowProps) {
  return (
    <li id={isAnchor ? `repair-${repair.id}` : undefined}>
      <p class="line">
        <span class="num">{day(repair.at)}</span>
        <span class="meta">{t('span.ago', { span: ago(repair.at) })}</span>
        {children}
        <OutcomeTag outcome={repair.outcome} />
      </p>
      <p>
        {repair.text}
        {repair.part && <span class="meta"> · {t('before.part', { part: repair.part })}</span>}
        {repair.ticket && <> · <a class="source" href={`/t/${repair.ticket}`}>{repair.ticket}</a></>}
      </p>
      {more}
    </li>
  );
}
