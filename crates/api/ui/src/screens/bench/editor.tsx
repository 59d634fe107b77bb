// The rules as text: checked while one types, run over the stored history, then put into force.
//
// A text comes into force only after a run of exactly that text: the button says so until then.

import { useEffect, useRef, useState } from 'preact/hooks';
import {
  askBacktest,
  checkRules,
  putRules,
  type Backtest,
  type RuleCheck,
  type RuleProblem,
  type Rules,
} from '../../api/bench';
import type { Problem } from '../../api/client';
import { ProblemText } from '../../parts/notice';
import { Shape } from '../../parts/shape';
import { place, setQuery } from '../../router';
import { pick, t } from '../../text/language';
import { RunningTrial } from './report';
import { setMode } from './rule_text';

/** A pause in typing. */
const TYPED_MS = 350;
const DAYS = [1, 3, 7, 14, 30];

/** What was typed survives a look at another tab; it is for this version only. */
const drafts = new Map<number, string>();

export function Editor({ rules, onDone }: { rules: Rules; onDone: () => void }) {
  const version = rules.version.version;
  const [text, setText] = useState(drafts.get(version) ?? rules.toml);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [trial, setTrial] = useState<{ text: string; run: Backtest } | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const check = useCheck(text);
  const isChanged = text !== rules.toml;
  const isSound = check !== null && check.problems.length === 0;
  const change = (next: string) => {
    drafts.set(version, next);
    setText(next);
  };
  useRuleInSight(area, text);
  const jump = (line: number) => showLine(area.current, line);
  const rule = check?.rules.find((it) => it.id === place.value.query.get('rule'));
  return (
    <div class="editor">
      <div class="editor-text">
        <label>
          {t('rules.text')}
          <textarea
            ref={area}
            class="code"
            id="rules-text"
            spellcheck={false}
            autocapitalize="off"
            rows={26}
            value={text}
            onInput={(event) => change(event.currentTarget.value)}
          />
        </label>
        <div class="choices">
          <select
            aria-label={t('rules.go_to')}
            value={rule?.id ?? ''}
            onChange={(event) => setQuery({ rule: event.currentTarget.value })}
          >
            <option value="">{t('rules.go_to')}</option>
            {(check?.rules ?? []).map((it) => <option key={it.id} value={it.id}>{it.id}</option>)}
          </select>
          {rule && (
            <button type="button" onClick={() => change(setMode(text, rule.id, !rule.is_shadow))}>
              {t(rule.is_shadow ? 'rules.to_live' : 'rules.to_shadow')}
            </button>
          )}
          <button type="button" disabled={!isChanged} onClick={() => change(rules.toml)}>{t('rules.discard')}</button>
        </div>
      </div>
      <div class="editor-side">
        <CheckList check={check} text={text} jump={jump} />
        {problem && <p class="error" role="alert"><ProblemText problem={problem} /></p>}
        <Trial
          isReady={isSound}
          hasShadow={(check?.rules ?? []).some((it) => it.is_shadow)}
          ask={(days, purpose) =>
            askBacktest(text, days, purpose).then((run) => {
              setProblem(null);
              setTrial({ text, run });
            }, setProblem)}
        />
        {trial && <RunningTrial key={trial.run.number} first={trial.run} onEnd={(run) => setTrial({ ...trial, run })} />}
        <PutIntoForce
          isChanged={isChanged}
          isSound={isSound}
          isTried={trial?.text === text && trial.run.purpose === 'diff' && trial.run.state === 'done'}
          losses={trial?.text === text ? (trial.run.report?.lost.length ?? 0) : 0}
          put={(reason) =>
            putRules(text, reason, version).then(() => {
              drafts.delete(version);
              onDone();
            }, setProblem)}
        />
      </div>
    </div>
  );
}

function useCheck(text: string): RuleCheck | null {
  const [check, setCheck] = useState<RuleCheck | null>(null);
  useEffect(() => {
    let isGone = false;
    const timer = setTimeout(
      () => void checkRules(text).then((it) => isGone || setCheck(it), () => {}),
      TYPED_MS,
    );
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [text]);
  return check;
}

/** Scrolls to the rule of the URL, once for each rule. */
function useRuleInSight(area: { current: HTMLTextAreaElement | null }, text: string): void {
  const wanted = place.value.query.get('rule');
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (!wanted || shown.current === wanted) return;
    shown.current = wanted;
    const line = text.split('\n').findIndex((it) => new RegExp(`^\\s*id\\s*=\\s*"${wanted}"`).test(it));
    if (0 <= line) showLine(area.current, line + 1);
  }, [wanted, text]);
}

/** Puts the cursor on a line and the line into sight. */
function showLine(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return;
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, it) => sum + it.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  const height = area.scrollHeight / Math.max(lines.length, 1);
  area.scrollTop = Math.max(0, (line - 4) * height);
}

interface CheckProps {
  check: RuleCheck | null;
  text: string;
  jump: (line: number) => void;
}

function CheckList({ check, jump }: CheckProps) {
  if (!check) return <p class="meta" role="status">{t('rules.checking')}</p>;
  if (check.problems.length === 0) {
    return (
      <p class="line check-ok" role="status">
        <Shape tone="ok" /> {t('rules.sound', { n: check.rules.length })}
      </p>
    );
  }
  return (
    <ul class="problems" role="alert">
      {check.problems.map((it) => (
        <li key={`${it.line}:${it.column}`}>
          <Shape tone="alarm" />
          <button type="button" class="link" onClick={() => jump(it.line)}>{where(it)}</button>
          <span>{pick(it.detail)}</span>
        </li>
      ))}
    </ul>
  );
}

function where({ line, rule }: RuleProblem): string {
  return rule ? t('rules.line_of', { line, rule }) : t('rules.line', { line });
}

interface TrialProps {
  isReady: boolean;
  hasShadow: boolean;
  ask: (days: number, purpose: 'diff' | 'shadow') => void;
}

function Trial({ isReady, hasShadow, ask }: TrialProps) {
  const [days, setDays] = useState(7);
  return (
    <section class="trial">
      <h2>{t('trial.title')}</h2>
      <p class="meta">{t('trial.next')}</p>
      <div class="choices">
        <select aria-label={t('trial.days')} id="trial-days" value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
          {DAYS.map((it) => <option key={it} value={it}>{t('trial.last', { n: it })}</option>)}
        </select>
        <button type="button" id="ask-backtest" disabled={!isReady} onClick={() => ask(days, 'diff')}>{t('trial.run')}</button>
        {hasShadow && (
          <button type="button" id="ask-shadow" disabled={!isReady} onClick={() => ask(days, 'shadow')}>{t('trial.fill')}</button>
        )}
      </div>
    </section>
  );
}

interface PutProps {
  isChanged: boolean;
  isSound: boolean;
  isTried: boolean;
  losses: number;
  put: (reason: string) => void;
}

function PutIntoForce({ isChanged, isSound, isTried, losses, put }: PutProps) {
  const [reason, setReason] = useState(place.value.query.get('why') ?? '');
  const missing = !isChanged
    ? t('rules.nothing_changed')
    : !isSound
      ? t('rules.not_sound')
      : !isTried
        ? t('rules.not_tried')
        : reason.trim() === ''
          ? t('rules.no_reason')
          : null;
  return (
    <section class="put">
      <label>
        {t('rules.reason')}
        <input id="rules-reason" value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {0 < losses && <p class="error" role="alert">{t('trial.loses', { n: losses })}</p>}
      <button type="button" class="big primary" id="put-rules" disabled={missing !== null} onClick={() => put(reason)}>
        {t('rules.put')}
      </button>
      {missing && <p class="meta">{missing}</p>}
    </section>
  );
}
