// The shapes and requests of the process engineer's bench: anomalies, labels, rules, runs, proposals.

import { newKey, send } from './client';
import type { Name, Normal, Text, TicketState } from './types';

export type Judgement = 'confirmed' | 'rejected' | 'merged';
export type Standing = 'open' | 'confirmed' | 'rejected';
export const REASONS = [
  'normal_state',
  'process_change',
  'too_tight',
  'sensor_fault',
  'maintenance',
  'other',
] as const;
export type Reason = (typeof REASONS)[number];

export interface Label {
  number: number;
  at: string;
  author: string;
  episode: string | null;
  device: string;
  component: string;
  family: string;
  channel: string;
  since: string;
  until: string;
  judgement: Judgement;
  reason: Reason | null;
  note: string;
  merged_into: string | null;
  opened_ticket: string | null;
}

export interface AnomalyPart {
  rule: string;
  rule_version: number;
  kind: string;
  channel: string;
  channel_name: Name;
  unit_symbol: string;
  state: string;
  severity: 'watch' | 'warning' | 'alarm';
  onset: string;
  confirmed: string;
  value: number | null;
  limit: number | null;
  normal: Normal | null;
}

export interface Anomaly {
  episode: string;
  device: string;
  device_name: Name;
  component: string;
  component_name: Name;
  family: string;
  onset: string;
  confirmed: string;
  updated: string;
  phase: 'active' | 'cleared';
  recurrences: number;
  ticket: string | null;
  ticket_state: TicketState | null;
  origin: 'live' | 'shadow';
  standing: Standing;
  label: Label | null;
  parts: AnomalyPart[];
  sisters: { device: string; name: Name; channel: string }[];
}

export interface RuleVersion {
  version: number;
  at: string;
  author: string;
  reason: string;
  sha256: string;
}

export interface RuleFacts {
  id: string;
  line: number;
  kind: string;
  is_shadow: boolean;
  severity: string;
  fault_family: string;
  looks_at: string[];
  states: string[] | null;
  devices: string[];
  channels: number;
  toml: string;
}

export interface RuleStanding extends RuleFacts {
  changed: RuleVersion;
  open: number;
  confirmed: number;
  rejected: number;
}

export interface Rules {
  version: RuleVersion;
  toml: string;
  rules: RuleStanding[];
}

export interface RuleProblem {
  line: number;
  column: number;
  rule: string | null;
  detail: Text;
}

export interface RuleCheck {
  problems: RuleProblem[];
  rules: RuleFacts[];
}

export interface Finding {
  id: string;
  device: string;
  component: string;
  fault_family: string;
  rule: string;
  channel: string;
  state: string;
  onset: string;
  confirmed: string;
  judgement: 'confirmed' | 'rejected' | null;
}

export interface Side {
  version: number;
  found: number;
  per_week: number;
  precision: number | null;
  recall: number | null;
}

export interface Report {
  since: string;
  until: string;
  learned_from: string;
  readings: number;
  bursts: number;
  devices: string[];
  changed_rules: string[];
  base: Side;
  candidate: Side;
  gone: Finding[];
  new: Finding[];
  kept: { finding: Finding; later_s: number }[];
  lost: Finding[];
  judged: {
    confirmed: number;
    confirmed_in_base: number;
    confirmed_in_candidate: number;
    rejected: number;
    rejected_in_base: number;
    rejected_in_candidate: number;
  };
  recorded: number;
  reproduced: number;
}

export type TrialWord = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Backtest {
  number: number;
  at: string;
  author: string;
  purpose: 'diff' | 'proposal' | 'shadow';
  base_version: number;
  since: string;
  until: string;
  state: TrialWord;
  progress: number;
  why: string | null;
  report: Report | null;
}

export interface Proposal {
  number: number;
  at: string;
  rule: string;
  kind: string;
  why: Text;
  base_version: number;
  toml: string;
  evidence: { state?: string; states?: string[]; rejected?: string[] };
  state: 'open' | 'approved' | 'dismissed' | 'outdated';
  decided_by: string | null;
  decided_at: string | null;
  version: number | null;
  backtest: Backtest;
}

export interface Saying {
  anomalies: string[];
  judgement: Judgement;
  reason?: Reason;
  note?: string;
  into?: string;
}

export const say = (saying: Saying) =>
  send<{ labels: Label[] }>('/anomalies/labels', saying, newKey());
export const undo = (labels: number[]) => send<{ labels: Label[] }>('/labels/undo', { labels });
export const checkRules = (toml: string) => send<RuleCheck>('/rules/check', { toml });
export const putRules = (toml: string, reason: string, base_version: number) =>
  send<RuleVersion & { toml: string }>('/rules/versions', { toml, reason, base_version });
export const askBacktest = (toml: string, days: number, purpose: 'diff' | 'shadow') =>
  send<Backtest>('/backtests', { toml, days, purpose });
export const cancelBacktest = (number: number) => send<Backtest>(`/backtests/${number}/cancel`, {});
export const decide = (number: number, decision: 'approve' | 'dismiss', with_losses = false) =>
  send<Proposal>(`/proposals/${number}/decision`, { decision, with_losses });

export interface Mark {
  channel: string;
  since: string;
  until: string;
  judgement: 'confirmed' | 'rejected';
  reason?: Reason;
  fault_family?: string;
  note?: string;
}
export const mark = (stretch: Mark) => send<Label>('/labels', stretch);
