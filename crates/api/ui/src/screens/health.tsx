// Health: do the data arrive, and can they be trusted? Each stage says why it did nothing.

import type { ComponentChildren } from 'preact';
import { useResource } from '../api/resource';
import type { Counters, HealthReport } from '../api/types';
import { Empty, Loaded } from '../parts/notice';
import { StageTag, Tag } from '../parts/shape';
import { ago, bytes, lasting, moment, number } from '../text/format';
import { pick, sentence, t, word } from '../text/language';
import { MessageChannels } from './health/message_channels';
import { useTitle } from './title';

export function HealthScreen() {
  const report = useResource<HealthReport>('/health', { topic: 'health', everyMs: 5_000 });
  useTitle(t('nav.health'));
  return (
    <section class="health-screen">
      <h1>{t('nav.health')}</h1>
      <Loaded resource={report} rows={8}>{(value) => <Report report={value} />}</Loaded>
    </section>
  );
}

function Report({ report }: { report: HealthReport }) {
  return (
    <>
      {(report.notices ?? []).map((it) => <p key={it.en} class="stale">{sentence(it)}</p>)}
      <Card title={t('health.stages')}>
        <ul class="plain-rows">
          {report.stages.map((stage) => (
            <li key={stage.stage} class="stage">
              <span class="name">{word('stage_name', stage.stage)}</span>
              <StageTag status={stage.status} />
              <span class="meta num">{stage.last_run ? t('span.ago', { span: ago(stage.last_run) }) : '–'}</span>
              <span class="why">{sentence(stage.why)}</span>
              <Figures counters={counted(stage.counters)} />
            </li>
          ))}
        </ul>
      </Card>
      <Agents agents={report.agents} />
      <MessageChannels channels={report.message_channels} />
      <div class="columns">
        <Card title={t('health.store')}><Figures counters={report.store} /></Card>
        <Card title={t('health.load')}><Figures counters={report.alarm_load} /></Card>
        <Card title={t('health.setup')}><Figures counters={report.setup} /></Card>
      </div>
    </>
  );
}

function Agents({ agents }: { agents: HealthReport['agents'] }) {
  return (
    <Card title={t('health.agents')}>
      {agents.length === 0 && <Empty title={t('health.no_agents')}>{t('health.no_agents_next')}</Empty>}
      <ul class="plain-rows">
        {agents.map((agent) => (
          <li key={agent.id} class="stage">
            <span class="name">{agent.id}</span>
            <Tag tone={agent.online ? 'ok' : 'alarm'} text={t(agent.online ? 'health.online' : 'health.silent')} />
            <span class="meta num">
              {agent.last_seen ? t('span.ago', { span: ago(agent.last_seen) }) : '–'}
            </span>
            <span class="why">
              {[
                agent.lag_s === null ? null : t('health.lag', { span: lasting(agent.lag_s) }),
                agent.version && t('health.version', { version: agent.version }),
              ].filter(Boolean).join(' · ')}
            </span>
            <Figures counters={counted(agent.spool)} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What a stage counted at all: a row of zeros hides the figure that is not one. */
function counted(counters: Counters | null): Counters {
  const isCounted = ([, value]: [string, unknown]) => typeof value !== 'number' || 0.5 <= Math.abs(value);
  return Object.fromEntries(Object.entries(counters ?? {}).filter(isCounted));
}

/** Whatever a stage counts, under its own names; a new counter needs no change here. */
function Figures({ counters }: { counters: Counters | null }) {
  const entries = Object.entries(counters ?? {}).filter(([, value]) => value !== null && value !== '');
  if (entries.length === 0) return null;
  return (
    <dl class="figures">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{word('counter', name)}</dt>
          <dd>{figure(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function figure(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (/bytes$/.test(name)) return bytes(value);
    if (/_s$/.test(name)) return lasting(value);
    return number(value);
  }
  if (typeof value === 'boolean') return t(value ? 'health.yes' : 'health.no');
  if (Array.isArray(value)) return value.map((it) => figure(name, it)).join(', ') || '–';
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : value;
  if (value && typeof value === 'object' && 'en' in value) return pick(value as { en: string; zh: string });
  return value === null || value === undefined ? '–' : JSON.stringify(value);
}
