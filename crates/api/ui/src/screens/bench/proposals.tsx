// Changes of the rules that follow from what people said, each with the run that shows its effect.

import { useState } from 'preact/hooks';
import { decide, type Proposal, type Rules } from '../../api/bench';
import type { Problem } from '../../api/client';
import { Empty, ProblemText } from '../../parts/notice';
import { moment } from '../../text/format';
import { pick, t, word } from '../../text/language';
import { Diff } from './diff';
import { RunningTrial, Trial } from './report';

interface Props {
  items: Proposal[];
  rules: Rules;
  reload: () => void;
}

export function Proposals({ items, rules, reload }: Props) {
  if (items.length === 0) {
    return <Empty title={t('proposals.none')}>{t('proposals.none_next')} <a href="/review">{t('nav.review')}</a></Empty>;
  }
  return (
    <ul class="plain-rows">
      {items.map((it) => <Card key={it.number} proposal={it} rules={rules} reload={reload} />)}
    </ul>
  );
}

function Card({ proposal, rules, reload }: { proposal: Proposal; rules: Rules; reload: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const isOpen = proposal.state === 'open';
  const report = proposal.backtest.report;
  const losses = report?.lost.length ?? 0;
  const send = (decision: 'approve' | 'dismiss') =>
    void decide(proposal.number, decision, 0 < losses).then(reload, setProblem);
  return (
    <li class="proposal" data-proposal={proposal.number} data-state={proposal.state}>
      <h2>
        {proposal.rule} <span class="meta">· {word('proposal', proposal.state)}</span>
      </h2>
      <p>{pick(proposal.why)}</p>
      {isOpen && <Diff before={rules.toml} after={proposal.toml} />}
      {isOpen ? (
        <RunningTrial key={`${proposal.backtest.number}${proposal.backtest.state}`} first={proposal.backtest} onEnd={reload} />
      ) : (
        <details class="more">
          <summary>{t('proposals.backtest')}</summary>
          <Trial run={proposal.backtest} />
        </details>
      )}
      {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
      {isOpen ? (
        <>
          {0 < losses && <p class="error" role="alert">{t('trial.loses', { n: losses })}</p>}
          <div class="review-actions in-place">
            <button type="button" class="big primary" data-act="approve" disabled={!report} onClick={() => send('approve')}>
              {t('proposals.approve')}
            </button>
            <button type="button" class="big" data-act="dismiss" onClick={() => send('dismiss')}>
              {t('proposals.dismiss')}
            </button>
          </div>
          {!report && <p class="meta">{t('proposals.wait')}</p>}
        </>
      ) : (
        proposal.decided_at && (
          <p class="meta">
            {proposal.decided_by} · {moment(proposal.decided_at)}
            {proposal.version && ` · ${t('rules.in_force', { n: proposal.version })}`}
          </p>
        )
      )}
    </li>
  );
}
