// Every version of the rules: who, when, why, what it changed, and the way back to it.

import { askBacktest, putRules, type Backtest, type RuleVersion, type Rules } from '../../api/bench';
import { useState } from 'preact/hooks';
import type { Problem } from '../../api/client';
import { useResource } from '../../api/resource';
import type { Page } from '../../api/types';
import { Loaded, ProblemText } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { moment } from '../../text/format';
import { t } from '../../text/language';
import { Diff } from './diff';
import { RunningTrial } from './report';

export function Versions({ rules }: { rules: Rules }) {
  const versions = useResource<Page<RuleVersion>>('/rules/versions', { topic: 'rules' });
  const chosen = Number(place.value.query.get('version') ?? 0);
  return (
    <Loaded resource={versions} rows={4}>
      {({ items }) => (
        <ul class="plain-rows">
          {items.map((it) => (
            <li key={it.version} data-version={it.version}>
              <p class="line">
                <button
                  type="button"
                  class="link"
                  aria-expanded={chosen === it.version}
                  onClick={() => setQuery({ version: chosen === it.version ? null : String(it.version) })}
                >
                  {t('rules.version', { n: it.version })}
                </button>
                <span>{it.reason}</span>
                <span class="meta">{it.author} · {moment(it.at)}</span>
                {it.version === rules.version.version && <strong>{t('rules.now')}</strong>}
              </p>
              {chosen === it.version && <Text version={it.version} rules={rules} />}
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}

type Whole = RuleVersion & { toml: string };

function Text({ version, rules }: { version: number; rules: Rules }) {
  const whole = useResource<Whole>(`/rules/versions/${version}`);
  const before = useResource<Whole>(1 < version ? `/rules/versions/${version - 1}` : null);
  return (
    <Loaded resource={whole} rows={4}>
      {(value) => (
        <>
          {before.value ? (
            <>
              <h3>{t('rules.what_changed')}</h3>
              <Diff before={before.value.toml} after={value.toml} />
            </>
          ) : (
            <details class="more"><summary>{t('rules.text')}</summary><pre tabIndex={0}>{value.toml}</pre></details>
          )}
          {version !== rules.version.version && <Rollback whole={value} rules={rules} />}
        </>
      )}
    </Loaded>
  );
}

/** Back to an earlier text: also a new version, and also tried before. */
function Rollback({ whole, rules }: { whole: Whole; rules: Rules }) {
  const [run, setRun] = useState<Backtest | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const reason = t('rules.back_to', { n: whole.version });
  return (
    <>
      {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
      {run && <RunningTrial key={run.number} first={run} onEnd={setRun} />}
      <div class="choices">
        {run?.report ? (
          <button
            type="button"
            onClick={() => void putRules(whole.toml, reason, rules.version.version).then(() => setQuery({ version: null }), setProblem)}
          >
            {t('rules.roll_back', { n: whole.version })}
          </button>
        ) : (
          <button type="button" disabled={run !== null} onClick={() => void askBacktest(whole.toml, 7, 'diff').then(setRun, setProblem)}>
            {t('rules.try_back', { n: whole.version })}
          </button>
        )}
      </div>
    </>
  );
}
