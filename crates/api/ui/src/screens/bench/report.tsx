// A run over stored history: how far it is, and what it found, in figures and as lists.

import { useEffect, useState } from 'preact/hooks';
import { cancelBacktest, type Backtest, type Finding, type Report, type Side } from '../../api/bench';
import { read } from '../../api/client';
import { Shape, type Tone } from '../../parts/shape';
import { moment, number, operatingState, percent } from '../../text/format';
import { t, word } from '../../text/language';

const ASK_EVERY_MS = 700;
const LISTED = 30;

interface RunningProps {
  first: Backtest;
  onEnd: (run: Backtest) => void;
}

/** Follows a run to its end. */
export function RunningTrial({ first, onEnd }: RunningProps) {
  const [run, setRun] = useState(first);
  const isUnderWay = run.state === 'queued' || run.state === 'running';
  useEffect(() => {
    if (!isUnderWay) return undefined;
    const timer = setInterval(
      () =>
        void read<Backtest>(`/backtests/${run.number}`, true).then((now) => {
          setRun(now);
          if (now.state !== 'queued' && now.state !== 'running') onEnd(now);
        }, () => {}),
      ASK_EVERY_MS,
    );
    return () => clearInterval(timer);
  }, [isUnderWay, run.number]);
  return <Trial run={run} cancel={() => void cancelBacktest(run.number).then(setRun, () => {})} />;
}

export function Trial({ run, cancel }: { run: Backtest; cancel?: () => void }) {
  if (run.report) return <ReportView run={run} report={run.report} />;
  if (run.state === 'failed' || run.state === 'cancelled') {
    return <p class="error" role="alert">{word('trial_state', run.state)} {run.why ?? ''}</p>;
  }
  return (
    <div class="trial-progress" role="status">
      <label>
        {t('trial.under_way', { number: run.number })}
        <progress max={1} value={run.progress} />
      </label>
      <span class="num">{percent(run.progress)}</span>
      {cancel && <button type="button" class="small" onClick={cancel}>{t('trial.cancel')}</button>}
    </div>
  );
}

function ReportView({ run, report }: { run: Backtest; report: Report }) {
  const isShadow = run.purpose === 'shadow';
  return (
    <section class="report" data-backtest={run.number}>
      <p class="summary">
        {t('trial.span', { from: moment(report.since), to: moment(report.until) })} ·{' '}
        {t('trial.readings', { n: number(report.readings), devices: report.devices.length })}
      </p>
      {isShadow ? (
        <p>
          {t('trial.filled', { n: report.candidate.found })} <a href="/review?origin=shadow">{t('nav.review')}</a>
        </p>
      ) : (
        <>
          <Verdict report={report} />
          <Sides base={report.base} candidate={report.candidate} />
          <Findings title={t('trial.lost', { n: report.lost.length })} findings={report.lost} />
          <Findings title={t('trial.gone', { n: report.gone.length })} findings={report.gone} />
          <Findings title={t('trial.new', { n: report.new.length })} findings={report.new} />
          <Findings
            title={t('trial.kept', { n: report.kept.length })}
            findings={report.kept.map((it) => it.finding)}
          />
          {0 < report.recorded && (
            <p class="meta">{t('trial.reproduced', { n: report.reproduced, all: report.recorded })}</p>
          )}
        </>
      )}
    </section>
  );
}

/** The three figures on which a decision rests. */
function Verdict({ report }: { report: Report }) {
  const { judged } = report;
  const rejectedGone = judged.rejected_in_base - judged.rejected_in_candidate;
  const rows: [Tone, string, string][] = [
    [report.lost.length ? 'alarm' : 'ok', 'lost', t('trial.lost', { n: report.lost.length })],
    [0 < rejectedGone ? 'ok' : 'mute', 'rejected-gone',
      t('trial.rejected_gone', { n: rejectedGone, all: judged.rejected_in_base })],
    [report.new.length ? 'watch' : 'mute', 'new', t('trial.new', { n: report.new.length })],
  ];
  return (
    <ul class="verdict">
      {rows.map(([tone, name, text]) => (
        <li key={name} data-figure={name}><Shape tone={tone} /> {text}</li>
      ))}
    </ul>
  );
}

function Sides({ base, candidate }: { base: Side; candidate: Side }) {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  const rows: [string, string, string][] = [
    [t('trial.found'), String(base.found), String(candidate.found)],
    [t('trial.per_week'), number(base.per_week), number(candidate.per_week)],
    [t('trial.precision'), share(base.precision), share(candidate.precision)],
    [t('trial.recall'), share(base.recall), share(candidate.recall)],
  ];
  return (
    <table class="sides">
      <thead>
        <tr>
          <th />
          <th class="num">{t('trial.now', { n: base.version })}</th>
          <th class="num">{t('trial.then')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, now, then]) => (
          <tr key={name}>
            <td>{name}</td>
            <td class="num">{now}</td>
            <td class="num">{then}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Findings({ title, findings }: { title: string; findings: Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <details class="more">
      <summary>{title}</summary>
      <div class="table-room" tabIndex={0}>
        <table>
          <tbody>
            {findings.slice(0, LISTED).map((it) => (
              <tr key={it.id}>
                <td class="num">{moment(it.confirmed)}</td>
                <td><a href={`/d/${it.device}?channel=${encodeURIComponent(it.channel)}`}>{it.device}</a></td>
                <td>{it.rule}</td>
                <td>{operatingState(it.state)}</td>
                <td>{it.judgement && word('standing', it.judgement)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {LISTED < findings.length && <p class="meta">{t('trial.more', { n: findings.length - LISTED })}</p>}
      </div>
    </details>
  );
}
