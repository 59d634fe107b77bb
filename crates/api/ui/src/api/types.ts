// The shapes of `/api/v1` that this page reads.
//
// Only fields that are used are named; the server may add others. Times are RFC 3339 in UTC.
// What each field means is said once, at the nouns of the domain.

export interface Text {
  en: string;
  zh: string;
}

/** A name that may be the same in every language. */
export type Name = Text | string;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** What a role may do, in the server's words. */
export type Duty = 'administer' | 'lead' | 'look' | 'own' | 'tell' | 'tune' | 'work';

export interface Session {
  account: string;
  name: string;
  role: string | null;
  duties: Duty[];
  demo: boolean;
  language: 'en' | 'zh' | 'zh-CN' | null;
  /** Null for an account of other sites. */
  site: { id: string; name: Name; time_zone: string } | null;
}

export type Health = 'ok' | 'watch' | 'warn' | 'alarm' | 'unknown';

export interface DeviceRow {
  id: string;
  name: Name;
  class: string;
  area: string;
  production_line: string;
  criticality: 'high' | 'medium' | 'low';
  state: string | null;
  data_age_s: number | null;
  health: Health;
  open_tickets: number;
}

export interface Device extends DeviceRow {
  components: { id: string; name: Name; bearing: string | null; kind: string | null }[];
  siblings: string[];
  channels: Channel[];
}

export interface Channel {
  id: string;
  name: Name;
  quantity: string;
  unit: string;
  unit_symbol: string;
  component: string;
  axis: string | null;
  interval_s: number | null;
  is_text: boolean;
  last: { t: string; value: number | null; text: string | null; quality: string; age_s: number } | null;
  normal: Normal | null;
  rules: RuleStatus[];
}

export type RuleWord = 'learning' | 'armed' | 'active' | 'waiting';

export interface RuleStatus {
  rule: string;
  status: RuleWord;
  why: Text;
}

export interface Normal {
  median: number;
  low: number;
  high: number;
  samples: number;
  state: string;
}

export interface Bucket {
  t: string;
  /** Null where every reading was bad. */
  min: number | null;
  max: number | null;
  mean: number | null;
  n: number;
  bad: number;
}

export interface Series {
  channel: string;
  unit: string;
  from: string;
  to: string;
  buckets: Bucket[];
  states: { from: string; to: string; state: string }[];
}

export interface Waveform {
  spectrum?: { df_hz: number; ratio: number[] } | null;
}

export type Priority = 'P1' | 'P2' | 'P3' | 'P4';

export type TicketState =
  | 'to_assign'
  | 'assigned'
  | 'accepted'
  | 'departed'
  | 'on_site'
  | 'in_progress'
  | 'waiting'
  | 'done'
  | 'verified'
  | 'closed'
  | 'false_alarm'
  | 'duplicate';

export type CommandWord =
  | 'accept'
  | 'arrive'
  | 'assign'
  | 'close'
  | 'depart'
  | 'duplicate'
  | 'false_alarm'
  | 'finish'
  | 'reopen'
  | 'resume'
  | 'shelve'
  | 'start'
  | 'unshelve'
  | 'verify'
  | 'wait';

export type Verdict = 'confirmed' | 'wrong_cause' | 'nothing_found' | 'sensor_fault';
export type WaitingFor = 'part' | 'window' | 'outside';

export type Command =
  | { command: 'accept' | 'arrive' | 'depart' | 'resume' | 'start' | 'unshelve' | 'verify' }
  | { command: 'assign'; to: string }
  | { command: 'close'; verdict: Verdict }
  | { command: 'duplicate'; of: string }
  | { command: 'false_alarm' | 'reopen'; reason: string }
  | { command: 'finish'; cause: string; note: string; part: string | null }
  | { command: 'shelve'; until: string; reason: string }
  | { command: 'wait'; reason: WaitingFor };

export interface TicketRow {
  id: string;
  number: string;
  device: string;
  device_name: Name;
  component: string;
  component_name: Name;
  fault_family: string;
  kind: 'machine' | 'instrumentation' | 'process';
  priority: Priority;
  state: TicketState;
  opened_at: string;
  onset_at: string;
  confidence: number;
  headline: Text;
  owner: string | null;
  cleared_at: string | null;
  occurrences: number;
  revision: number;
  incident: string | null;
}

/** Many tickets within minutes. */
export interface Incident {
  number: string;
  began_at: string;
  newest_at: string;
  ended_at: string | null;
  tickets: number;
  devices: number;
  shared: Shared[];
}

/** What most devices of an incident share, and the rest of the plant does not. */
export interface Shared {
  respect: 'agent' | 'link' | 'area' | 'production_line' | 'class';
  name: string;
  in_trouble: number;
  of: number;
  of_plant: number;
}

export interface Ticket extends Omit<TicketRow, 'headline'> {
  detected_at: string;
  causes: Cause[];
  past_repairs: PastRepair[];
  similar_cases: SimilarCase[];
  brief: Brief;
  evidence: Evidence;
  evidence_sha256: string;
  rule: { id: string; version: number };
  waiting_for: WaitingFor | null;
  finish: { cause: string; note: string; part: string | null } | null;
  verdict: Verdict | null;
  repair_check: RepairCheck | null;
  timeline: TimelineEntry[];
  allowed: CommandWord[];
  causes_to_choose: { code: string; name: Name }[];
  course: Course;
}

export interface Named {
  id: string;
  name: Name;
}

/** What the plant's own rules make of a ticket. */
export interface Course {
  ticket_type: (Named & { version: number }) | null;
  group: Named | null;
  shelved_until: string | null;
  clocks: TicketClock[];
  calls: Call[];
  missing: { command: CommandWord; evidence: string }[];
  evidence: { at: string; actor: string; kind: string; body: string }[];
}

export interface TicketClock {
  kind: 'respond' | 'arrive' | 'repair' | 'verify';
  name: Name;
  state: 'running' | 'paused' | 'met' | 'missed' | 'dropped';
  calendar: Named;
  since: string;
  due_at: string | null;
  breached_at: string | null;
  trace: Text[];
}

export interface Call {
  at: string;
  what: string;
  note: Text;
  people: { id: string; name: string }[];
}

export interface Sentence {
  text: Text;
  source: string;
}

export interface Brief {
  headline: Text;
  urgency: Text;
  observations: Sentence[];
  unchanged: Sentence[];
  history: Sentence[];
  consequence: Sentence | null;
  actions: Sentence[];
  footer: Sentence[];
}

export interface Cause {
  code: string;
  name: Name;
  p: number;
  for: Text[];
  against: Text[];
  test: Text | null;
  confirmed: number;
  closes: number;
}

export type Outcome = 'improved' | 'no_effect' | 'nothing_found' | 'solved' | 'unknown';
export type Relation = 'this_device_recent' | 'this_device' | 'sibling';

export interface PastRepair {
  id: string;
  at: string;
  device: string;
  component: string;
  part: string | null;
  text: string;
  outcome: Outcome;
  ticket: string | null;
  relation: Relation;
}

/** A repair as the records store has it; `text` is in the words of whoever did it. */
export type RepairRecord = Omit<PastRepair, 'relation'>;

/** A past case that is like the present trouble; `shape` is how alike the signals are, -1 to 1. */
export interface SimilarCase extends RepairRecord {
  cause: string | null;
  likeness: number;
  shape: number | null;
  words: string[];
}

/** What the machine's own signals say of a repair. */
export interface RepairCheck {
  at: string;
  verdict: 'returned' | 'not_returned' | 'unknown';
  signals: CheckedSignal[];
}

export interface CheckedSignal {
  channel: string;
  unit: string;
  state: string;
  before: number;
  low: number | null;
  high: number | null;
  after: number | null;
  samples: number;
}

export interface Trend {
  channel: string;
  from: string;
  to: string;
  normal: Normal | null;
  limit: number | null;
}

export interface Harmonic {
  k: number;
  hz: number;
  ratio: number;
}

export interface FaultCursor {
  defect: string;
  label: string;
  hz: number;
  order: number;
  harmonics: Harmonic[];
  matched: boolean;
}

export interface SpectrumEvidence {
  channel: string;
  captured: string;
  waveform: string;
  shaft_hz: number;
  df_hz: number;
  lines: { hz: number; ratio: number }[];
  cursors: FaultCursor[];
}

export interface Evidence {
  onset: string;
  confirmed: string;
  state: string;
  trends: Trend[];
  spectrum: SpectrumEvidence | null;
  quality: { over: string; good: number; uncertain: number; bad: number; late: number };
}

export interface TimelineEntry {
  at: string;
  actor: string;
  what: string;
  state: TicketState;
  note: Text;
}

export type StageWord = 'ok' | 'idle' | 'degraded' | 'failed';
export type Counters = Record<string, unknown>;

export interface MessageChannel {
  id: string;
  kind: string;
  failing: boolean;
  last_ok: string | null;
  last_error: string | null;
  holds: Text | null;
  paused_until: string | null;
  stand_in: string | null;
  expires: string | null;
  waiting: number;
  given_up: number;
  delivered: number;
}

export interface Tested {
  delivered: boolean;
  reason: string | null;
  busy_until: string | null;
}

export interface HealthReport {
  stages: {
    stage: string;
    status: StageWord;
    last_run: string | null;
    why: Text | null;
    counters: Counters | null;
  }[];
  agents: {
    id: string;
    online: boolean;
    last_seen: string | null;
    lag_s: number | null;
    version: string | null;
    spool: Counters | null;
  }[];
  store: Counters | null;
  alarm_load: Counters | null;
  message_channels: MessageChannel[];
  setup: Counters | null;
  notices?: Text[];
}
