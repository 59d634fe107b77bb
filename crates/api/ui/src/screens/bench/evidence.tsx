// What speaks for an anomaly: the signal with its normal, the sisters at the same time, and the rule.

import type { Anomaly, AnomalyPart } from '../../api/bench';
import { seconds } from '../../charts/columns';
import { TrendChart } from '../../charts/later';
import type { Mark } from '../../charts/trend_model';
import { Tag, type Tone } from '../../parts/shape';
import { amount, band, lasting, moment, operatingState } from '../../text/format';
import { pick, sentence, t, word } from '../../text/language';
import { Bursts } from './bursts';

const TONES: Record<string, Tone> = { watch: 'watch', warning: 'warn', alarm: 'alarm' };
/** Enough before the onset to see what was usual, in ms. */
const LEAD_MIN_MS = 30 * 60_000;
const TAIL_MIN_MS = 10 * 60_000;

export function Evidence({ anomaly }: { anomaly: Anomaly }) {
  const first = anomaly.parts[0];
  // A line in a spectrum is no series; another finding of the same trouble may be one.
  const drawn = anomaly.parts.find((it) => !isOfBurst(it));
  const range = rangeOf(anomaly);
  const marks: Mark[] = [{ kind: 'onset', at: seconds(anomaly.onset), label: t('mark.onset') }];
  const lasted = (new Date(anomaly.updated).getTime() - new Date(anomaly.onset).getTime()) / 1000;
  return (
    <article class="card anomaly" data-episode={anomaly.episode}>
      <header>
        <h2>
          <a href={`/d/${anomaly.device}`}>{pick(anomaly.device_name)}</a> · {pick(anomaly.component_name)}
        </h2>
        <p class="line">
          {first && <Tag tone={TONES[first.severity] ?? 'mute'} text={word('severity', first.severity)} strong />}
          <span>{word('family', anomaly.family)}</span>
          <span>{t(anomaly.origin === 'shadow' ? 'origin.shadow_long' : 'origin.live')}</span>
          {anomaly.ticket && <a href={`/t/${anomaly.ticket}`}>{anomaly.ticket}</a>}
        </p>
        <p class="meta">
          {moment(anomaly.onset)} · {t('review.lasted', { span: lasting(lasted) })} ·{' '}
          {word('phase', anomaly.phase)}
          {0 < anomaly.recurrences && ` · ${t('review.again', { n: anomaly.recurrences })}`}
        </p>
      </header>
      {anomaly.label && (
        <p class="stale">
          {t(`said.${anomaly.label.judgement}`, { n: 1 })} · {anomaly.label.author} · {moment(anomaly.label.at)}
          {anomaly.label.reason && ` · ${word('reason', anomaly.label.reason)}`}
          {anomaly.label.note && ` · ${anomaly.label.note}`}
        </p>
      )}
      {drawn && (
        <TrendChart
          key={anomaly.episode}
          channel={drawn.channel}
          title={sentence(drawn.channel_name)}
          unit={drawn.unit_symbol}
          {...range}
          normal={drawn.normal}
          limit={drawn.limit}
          marks={marks}
          height={200}
        />
      )}
      {anomaly.parts.some(isOfBurst) && (
        <Bursts key={anomaly.episode} device={anomaly.device} {...burstRange(anomaly)} />
      )}
      <Parts anomaly={anomaly} />
      {0 < anomaly.sisters.length && (
        <section class="sisters">
          <h3>{t('review.sisters')}</h3>
          {anomaly.sisters.map((it) => (
            <TrendChart
              key={anomaly.episode + it.channel}
              channel={it.channel}
              title={pick(it.name)}
              unit={drawn?.unit_symbol ?? ''}
              {...range}
              normal={drawn?.normal ?? null}
              limit={drawn?.limit ?? null}
              marks={marks}
              height={90}
            />
          ))}
        </section>
      )}
      {first && (
        <p><a href={exploreHref(anomaly, range)}>{t('review.explore')}</a></p>
      )}
    </article>
  );
}

function Parts({ anomaly }: { anomaly: Anomaly }) {
  return (
    <div class="table-room" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>{t('review.rule')}</th>
            <th>{t('review.signal')}</th>
            <th class="num">{t('review.value')}</th>
            <th class="num">{t('review.normal')}</th>
            <th>{t('review.state')}</th>
          </tr>
        </thead>
        <tbody>
          {anomaly.parts.map((it) => (
            <tr key={it.rule + it.channel}>
              <td><a href={`/rules?rule=${it.rule}`}>{it.rule}</a> <span class="meta">v{it.rule_version}</span></td>
              <td>{pick(it.channel_name)}</td>
              <td class="num">{it.value === null ? '–' : amount(it.value, it.unit_symbol)}</td>
              <td class="num">
                {it.normal
                  ? band(it.normal.low, it.normal.high, '–')
                  : it.limit !== null ? t('review.limit', { value: amount(it.limit, it.unit_symbol) }) : '–'}
              </td>
              <td>{operatingState(it.state)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const isOfBurst = (it: AnomalyPart) => it.kind === 'bearing_line';

/** Bursts are minutes to an hour apart, so a day shows what was usual. */
function burstRange(anomaly: Anomaly): { from: string; to: string } {
  const updated = new Date(anomaly.updated).getTime();
  return {
    from: new Date(updated - 86_400_000).toISOString(),
    to: new Date(Math.min(updated + TAIL_MIN_MS, Date.now())).toISOString(),
  };
}

function rangeOf(anomaly: Anomaly): { from: string; to: string } {
  const onset = new Date(anomaly.onset).getTime();
  const updated = new Date(anomaly.updated).getTime();
  const lasted = updated - onset;
  return {
    from: new Date(onset - Math.max(LEAD_MIN_MS, 2 * lasted)).toISOString(),
    to: new Date(Math.min(updated + Math.max(TAIL_MIN_MS, lasted), Date.now())).toISOString(),
  };
}

function exploreHref(anomaly: Anomaly, { from, to }: { from: string; to: string }): string {
  const query = new URLSearchParams({ from, to });
  const channels = new Set(anomaly.parts.filter((it) => !isOfBurst(it)).map((it) => it.channel));
  for (const it of anomaly.sisters.slice(0, 2)) channels.add(it.channel);
  for (const it of [...channels].slice(0, 6)) query.append('c', it);
  return `/explore?${query}`;
}
