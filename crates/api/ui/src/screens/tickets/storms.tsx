// Storms on the ticket list: a line for each that goes on, and the chosen one seen as one thing, since what
// many machines share is the place to look first.

import { useResource } from '../../api/resource';
import type { Incident, Page, Shared } from '../../api/types';
import { Loaded } from '../../parts/notice';
import { Tag } from '../../parts/shape';
import { place } from '../../router';
import { ago, lately } from '../../text/format';
import { t } from '../../text/language';

export function Storms() {
  const chosen = place.value.query.get('incident');
  return (
    <>
      {chosen && <Storm key={chosen} number={chosen} />}
      <GoingOn besides={chosen} />
    </>
  );
}

function GoingOn({ besides }: { besides: string | null }) {
  const storms = useResource<Page<Incident>>('/incidents?limit=5', { topic: 'tickets', everyMs: 60_000 });
  const shown = (storms.value?.items ?? []).filter((it) => !it.ended_at && it.number !== besides);
  return (
    <>
      {shown.map((it) => (
        <p key={it.number} class="storm" role="status">
          <strong>{it.number}</strong> {t('storm.what', { n: it.tickets, devices: it.devices, since: lately(it.began_at) })}
          {it.shared.slice(0, 1).map((common) => (
            <span key={common.respect}> {t('storm.shared', {
              x: common.in_trouble,
              of: common.of,
              what: t(`storm.${common.respect}`),
              name: common.name,
              plant: common.of_plant,
            })}</span>
          ))}{' '}
          <a href={`/tickets?state=all&incident=${it.number}`}>{t('storm.show')}</a>
        </p>
      ))}
    </>
  );
}

function Storm({ number }: { number: string }) {
  const path = `/incidents/${encodeURIComponent(number)}`;
  const storm = useResource<Incident>(path, { topic: 'tickets', everyMs: 60_000 });
  const isUnknown = storm.problem?.status === 404;
  return (
    <section class="card storm-head" id="storm" aria-labelledby="storm-title">
      <div class="storm-title">
        <h2 id="storm-title">{t('storm.title')} <span class="num">{number}</span></h2>
        <a class="button" href="/tickets">{t('storm.leave')}</a>
      </div>
      {isUnknown ? (
        <p>{t('storm.unknown', { number })}</p>
      ) : (
        <Loaded resource={storm} rows={2}>{(value) => <WhatItIs storm={value} />}</Loaded>
      )}
    </section>
  );
}

function WhatItIs({ storm }: { storm: Incident }) {
  return (
    <>
      <p class="line">
        <Tag
          strong
          tone={storm.ended_at ? 'mute' : 'warn'}
          text={storm.ended_at ? t('storm.over', { time: lately(storm.ended_at) }) : t('storm.goes_on')}
        />
        <strong>{t('storm.tickets', { n: storm.tickets })}</strong>
        <span>{t('storm.devices', { n: storm.devices })}</span>
      </p>
      <dl class="figures">
        <When name={t('storm.began')} at={storm.began_at} />
        <When name={t('storm.newest')} at={storm.newest_at} />
      </dl>
      <h3>{t('storm.common')}</h3>
      {storm.shared.length === 0 && <p>{t('storm.nothing')}</p>}
      <ol class="storm-shared">
        {storm.shared.map((it, index) => (
          <li key={`${it.respect} ${it.name}`}><Common common={it} isFirst={index === 0} /></li>
        ))}
      </ol>
    </>
  );
}

function When({ name, at }: { name: string; at: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{lately(at)} <span class="meta">{t('span.ago', { span: ago(at) })}</span></dd>
    </div>
  );
}

function Common({ common, isFirst }: { common: Shared; isFirst: boolean }) {
  const share = `${Math.round((100 * common.in_trouble) / Math.max(common.of, 1))}%`;
  // Whether a gateway lives is told on the health page.
  const isOfGateway = common.respect === 'agent' || common.respect === 'link';
  return (
    <>
      <div class="cause-bar">
        <span class="bar" style={{ width: share }} />
        <span class="bar-name">
          <span class="meta">{t(`storm.${common.respect}`)}</span> {common.name}
        </span>
        <span class="bar-value num">{t('storm.share', { x: common.in_trouble, of: common.of })}</span>
      </div>
      <p class="storm-note meta">
        {t('storm.plant', { what: t(`storm.${common.respect}`), plant: common.of_plant })}
        {isFirst && <strong> · {t('storm.first')}</strong>}
        {isFirst && isOfGateway && <> <a href="/health">{t('storm.links')}</a></>}
      </p>
    </>
  );
}
