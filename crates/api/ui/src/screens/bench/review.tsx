// The queue of anomalies: is this one real? Left the list, right the evidence; everything by keys too.
//
// j and k move, x marks for a bulk, a confirms, r rejects with a reason, m merges, u takes the last
// word back. Filters and the chosen anomaly live in the URL.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { say, undo, type Anomaly, type AnomalyPart, type Judgement, type Label, type Saying } from '../../api/bench';
import type { Problem } from '../../api/client';
import { useResource } from '../../api/resource';
import type { Page } from '../../api/types';
import { Empty, Loaded, ProblemText } from '../../parts/notice';
import { Shape, Tag, type Tone } from '../../parts/shape';
import { place, setQuery } from '../../router';
import { ago, amount, operatingState } from '../../text/format';
import { pick, t, word } from '../../text/language';
import { useTitle } from '../title';
import { Evidence } from './evidence';
import { useReviewKeys } from './review_keys';
import { MergeSheet, RejectSheet } from './review_sheets';

const FILTERS = ['standing', 'origin', 'device', 'rule'] as const;
const PAGE = 100;

export function ReviewScreen() {
  useTitle(t('nav.review'));
  const query = place.value.query;
  const wanted = new URLSearchParams({ limit: String(PAGE) });
  for (const name of FILTERS) {
    const value = query.get(name) ?? (name === 'standing' ? 'open' : null);
    if (value && value !== 'all') wanted.set(name, value);
  }
  const page = useResource<Page<Anomaly>>(`/anomalies?${wanted}`, { topic: 'anomalies', keep: true });
  return (
    <section class="review">
      <div class="head-row">
        <h1>{t('nav.review')}</h1>
        <Filters />
      </div>
      <Loaded resource={page} rows={8}>
        {({ items, next_cursor }) => (
          <Desk items={items} hasMore={next_cursor !== null} reload={page.reload} />
        )}
      </Loaded>
    </section>
  );
}

function Filters() {
  const query = place.value.query;
  const choose = (name: string) => (event: Event) =>
    setQuery({ [name]: (event.currentTarget as HTMLSelectElement).value, a: null });
  const device = query.get('device');
  const rule = query.get('rule');
  return (
    <form class="filters narrow-filters" onSubmit={(event) => event.preventDefault()}>
      <select aria-label={t('review.standing')} value={query.get('standing') ?? 'open'} onChange={choose('standing')}>
        {['open', 'confirmed', 'rejected', 'all'].map((it) => (
          <option key={it} value={it}>{word('standing', it)}</option>
        ))}
      </select>
      <select aria-label={t('review.origin')} value={query.get('origin') ?? ''} onChange={choose('origin')}>
        <option value="">{t('review.any_origin')}</option>
        <option value="live">{t('origin.live')}</option>
        <option value="shadow">{t('origin.shadow')}</option>
      </select>
      {(device || rule) && (
        <button type="button" onClick={() => setQuery({ device: null, rule: null, a: null })}>
          {[device, rule].filter(Boolean).join(' · ')} ✕
        </button>
      )}
    </form>
  );
}

interface DeskProps {
  items: Anomaly[];
  hasMore: boolean;
  reload: () => void;
}

function Desk({ items, hasMore, reload }: DeskProps) {
  const chosenId = place.value.query.get('a');
  const place_ = items.findIndex((it) => it.episode === chosenId);
  const lastPlace = useRef(0);
  if (0 <= place_) lastPlace.current = place_;
  // What was just judged leaves the list; its successor takes its place.
  const at = 0 <= place_ ? place_ : Math.min(lastPlace.current, items.length - 1);
  const chosen = items[at] ?? null;
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const bulk = useMemo(() => items.filter((it) => marked.has(it.episode)), [items, marked]);
  const [sheet, setSheet] = useState<'reject' | 'merge' | null>(null);
  const word_ = useWord(reload);
  const targets = bulk.length ? bulk : chosen ? [chosen] : [];

  const go = (step: number) => {
    const next = items[Math.min(Math.max(at + step, 0), items.length - 1)];
    if (next) setQuery({ a: next.episode });
  };
  const toggle = (id: string) => {
    const next = new Set(marked);
    if (!next.delete(id)) next.add(id);
    setMarked(next);
  };
  const tell = (saying: Omit<Saying, 'anomalies'>, of = targets) => {
    setSheet(null);
    if (of.length === 0) return;
    setMarked(new Set());
    setQuery({ a: null });
    word_.tell({ ...saying, anomalies: of.map((it) => it.episode) });
  };
  const confirm = () => tell({ judgement: 'confirmed' });
  useReviewKeys({
    isBlocked: sheet !== null,
    move: go,
    mark: () => chosen && toggle(chosen.episode),
    confirm,
    reject: () => targets.length && setSheet('reject'),
    merge: () => targets.length && setSheet('merge'),
    undo: word_.undo,
  });
  const isOpenOnPhone = chosenId !== null && 0 <= place_;
  return (
    <>
      <WordBar {...word_} />
      {items.length === 0 ? (
        <Empty title={t('review.none')}>{t('review.none_next')} <a href="/rules">{t('nav.rules')}</a></Empty>
      ) : (
        <div class={isOpenOnPhone ? 'review-desk chosen' : 'review-desk'}>
          <div class="review-list">
            <div class="review-count">
              <span role="status">{t('review.left', { n: items.length, more: hasMore ? '+' : '' })}</span>
              <button
                type="button"
                class="small"
                onClick={() => setMarked(new Set(marked.size ? [] : items.map((it) => it.episode)))}
              >
                {marked.size ? t('review.unmark', { n: marked.size }) : t('review.mark_all')}
              </button>
            </div>
            <ul class="rows" role="listbox" aria-label={t('nav.review')} aria-multiselectable="true">
              {items.map((it) => (
                <Row
                  key={it.episode}
                  anomaly={it}
                  isChosen={it === chosen}
                  isMarked={marked.has(it.episode)}
                  onMark={() => toggle(it.episode)}
                />
              ))}
            </ul>
            <p class="keys">{t('review.keys')}</p>
          </div>
          {chosen && (
            <div class="review-evidence">
              <button type="button" class="small only-phone" onClick={() => setQuery({ a: null })}>
                ← {t('review.back')}
              </button>
              <Evidence anomaly={chosen} />
            </div>
          )}
          {chosen && (
            <Actions
              n={targets.length}
              isShown={isOpenOnPhone || 0 < bulk.length}
              confirm={confirm}
              reject={() => setSheet('reject')}
              merge={() => setSheet('merge')}
            />
          )}
        </div>
      )}
      {sheet === 'reject' && (
        <RejectSheet
          n={targets.length}
          onClose={() => setSheet(null)}
          onReason={(reason, note) => tell({ judgement: 'rejected', reason, note })}
        />
      )}
      {sheet === 'merge' && (
        <MergeSheet
          targets={targets}
          items={items}
          onClose={() => setSheet(null)}
          onInto={(into) =>
            tell({ judgement: 'merged', into }, targets.filter((it) => it.episode !== into))}
        />
      )}
    </>
  );
}

interface RowProps {
  anomaly: Anomaly;
  isChosen: boolean;
  isMarked: boolean;
  onMark: () => void;
}

const TONES: Record<string, Tone> = { watch: 'watch', warning: 'warn', alarm: 'alarm' };

function Row({ anomaly, isChosen, isMarked, onMark }: RowProps) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isChosen) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isChosen]);
  const first = anomaly.parts[0];
  return (
    <li ref={row} class="review-row" role="option" aria-selected={isChosen} data-anomaly={anomaly.episode}>
      <label class="review-mark" aria-label={t('review.mark')}>
        <input type="checkbox" checked={isMarked} onChange={onMark} />
      </label>
      <button type="button" class="review-open" onClick={() => setQuery({ a: anomaly.episode })}>
        <Shape tone={TONES[first?.severity ?? 'watch'] ?? 'mute'} />
        <span class="c-device">{pick(anomaly.device_name)}</span>
        <span class="c-age num">{ago(anomaly.confirmed)}</span>
        <span class="c-line">
          {first ? signalOf(first) : word('family', anomaly.family)}
          {first && first.value !== null && ` ${amount(first.value, first.unit_symbol)}`}
          {first && ` · ${operatingState(first.state)}`}
        </span>
        <span class="meta c-rule">
          {first?.rule}
          {anomaly.origin === 'shadow' && ` · ${t('origin.shadow')}`}
          {anomaly.standing !== 'open' && ` · ${word('standing', anomaly.standing)}`}
        </span>
      </button>
    </li>
  );
}

/** A line of an envelope belongs to no channel that people know by name. */
function signalOf(part: AnomalyPart): string {
  return part.kind === 'bearing_line' ? t('finding.bearing_line') : pick(part.channel_name);
}

interface ActionProps {
  n: number;
  isShown: boolean;
  confirm: () => void;
  reject: () => void;
  merge: () => void;
}

function Actions({ n, isShown, confirm, reject, merge }: ActionProps) {
  const many = 1 < n ? ` (${n})` : '';
  return (
    <div class={isShown ? 'review-actions' : 'review-actions only-desk'}>
      <button type="button" class="big primary" data-act="confirm" onClick={confirm}>
        {t('review.confirm')}{many}
      </button>
      <button type="button" class="big" data-act="reject" onClick={reject}>{t('review.reject')}{many}</button>
      <button type="button" class="big" data-act="merge" onClick={merge}>{t('review.merge')}{many}</button>
    </div>
  );
}

interface Word {
  last: { labels: Label[]; judgement: Judgement } | null;
  problem: Problem | null;
  tell: (saying: Saying) => void;
  undo: () => void;
}

/** What was said last, so that it can be taken back. */
function useWord(reload: () => void): Word {
  const [last, setLast] = useState<Word['last']>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const done = () => {
    setProblem(null);
    reload();
  };
  return {
    last,
    problem,
    tell: (saying) =>
      void say(saying).then(({ labels }) => {
        setLast({ labels, judgement: saying.judgement });
        done();
      }, setProblem),
    undo: () => {
      if (!last) return;
      void undo(last.labels.map((it) => it.number)).then(() => {
        setLast(null);
        done();
      }, setProblem);
    },
  };
}

function WordBar({ last, problem, undo: takeBack }: Word) {
  if (problem) return <p class="error" role="alert"><ProblemText problem={problem} /></p>;
  if (!last) return null;
  const tickets = last.labels.filter((it) => it.opened_ticket).length;
  return (
    <div class="undo-bar" role="status">
      <Tag tone={last.judgement === 'confirmed' ? 'alarm' : 'mute'} text={t(`said.${last.judgement}`, { n: last.labels.length })} />
      {0 < tickets && <a href="/tickets">{t('review.opened', { n: tickets })}</a>}
      <button type="button" class="small" data-act="undo" onClick={takeBack}>{t('review.undo')}</button>
    </div>
  );
}
