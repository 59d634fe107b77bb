// State as shape and word: the shape says how grave, the word says what; colour only repeats it.

import type { Health, Outcome, Priority, RuleWord, StageWord, TicketState } from '../api/types';
import { t, word } from '../text/language';

export type Tone = 'ok' | 'watch' | 'warn' | 'alarm' | 'mute';

const OUTLINES: Record<Tone, string> = {
  ok: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z',
  watch: 'M8 1l7 7-7 7-7-7Z',
  warn: 'M8 1.5 15 14H1Z',
  alarm: 'M2 2h12v12H2Z',
  mute: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z',
};

const PRIORITY: Record<Priority, Tone> = { P1: 'alarm', P2: 'warn', P3: 'watch', P4: 'mute' };
const STAGE: Record<StageWord, Tone> = { ok: 'ok', idle: 'mute', degraded: 'warn', failed: 'alarm' };
const RULE: Record<RuleWord, Tone> = { learning: 'mute', armed: 'ok', active: 'alarm', waiting: 'mute' };
const OUTCOME: Record<Outcome, Tone> = {
  solved: 'ok',
  improved: 'watch',
  no_effect: 'alarm',
  nothing_found: 'mute',
  unknown: 'mute',
};

/** The bare shape; a word must stand beside it. */
export function Shape({ tone }: { tone: Tone }) {
  return (
    <svg class={`shape ${tone}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={OUTLINES[tone]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

/** The sign of a planned stop; a word must stand beside it. */
export function Pause() {
  return (
    <svg class="shape mute" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d="M3 2h3.5v12H3ZM9.5 2H13v12H9.5Z" fill="currentColor" />
    </svg>
  );
}

/** A shape with its word. */
export function Tag({ tone, text, strong }: { tone: Tone; text: string; strong?: boolean }) {
  return (
    <span class={strong ? 'tag strong' : 'tag'}>
      <Shape tone={tone} />
      {text}
    </span>
  );
}

/** Priority while a ticket is open; afterwards only how it ended. */
export function TicketTag({ priority, state }: { priority: Priority; state: TicketState }) {
  if (state === 'closed' || state === 'verified') return <Shape tone="ok" />;
  if (state === 'false_alarm' || state === 'duplicate') return <Shape tone="mute" />;
  return <Tag tone={PRIORITY[priority]} text={priority} strong />;
}

export function HealthTag({ health }: { health: Health }) {
  return <Tag tone={health === 'unknown' ? 'mute' : health} text={t(`health.${health}`)} />;
}

export function StageTag({ status }: { status: StageWord }) {
  return <Tag tone={STAGE[status] ?? 'mute'} text={word('stage', status)} />;
}

export function RuleTag({ status }: { status: RuleWord }) {
  return <Tag tone={RULE[status] ?? 'mute'} text={word('rule', status)} />;
}

export function OutcomeTag({ outcome }: { outcome: Outcome }) {
  return <Tag tone={OUTCOME[outcome] ?? 'mute'} text={word('outcome', outcome)} />;
}

/** Whether a reading may be trusted, e.g. `bad:timeout`. */
export function QualityTag({ quality }: { quality: string }) {
  const grade = quality.split(':')[0];
  const tone = grade === 'good' ? 'ok' : grade === 'uncertain' ? 'watch' : 'mute';
  return <Tag tone={tone} text={word('quality', quality)} />;
}
