// What stands where content is missing: loading, empty, failed, not signed in. Each says the next step.

import type { ComponentChildren } from 'preact';
import type { Problem } from '../api/client';
import type { Resource } from '../api/resource';
import { clock } from '../text/format';
import { phrase, t } from '../text/language';

/** Grey lines that keep the layout. */
export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t('notice.loading')}>
      {Array.from({ length: rows }, (_, row) => <div key={row} />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/** The problem in words, with the server's own detail. */
export function ProblemText({ problem }: { problem: Problem }) {
  return <>{sentence(problem)}</>;
}

export function Failure({ problem, retry }: { problem: Problem; retry: () => void }) {
  if (problem.status === 404) return <NotFound />;
  return (
    <div class="empty" role="alert">
      <p class="title">{t('notice.failed')}</p>
      <p><ProblemText problem={problem} /></p>
      <button type="button" onClick={retry}>{t('notice.retry')}</button>
    </div>
  );
}

export function NotFound() {
  return (
    <div class="empty" role="alert">
      <h1>{t('notice.not_found')}</h1>
      <p>{t('notice.not_found_next')}</p>
      <a href="/tickets">{t('notice.to_list')}</a>
    </div>
  );
}

interface Shown<T> {
  resource: Resource<T>;
  rows?: number;
  children: (value: T) => ComponentChildren;
}

/** Shows a resource in whichever state it is. */
export function Loaded<T>({ resource, rows, children }: Shown<T>) {
  const { value, problem, reload, readAt } = resource;
  if (value === null) {
    return problem ? <Failure problem={problem} retry={reload} /> : <Skeleton rows={rows} />;
  }
  return (
    <>
      {problem && (
        <p class="stale" role="status">
          {t('notice.old', { time: clock(readAt) })} <ProblemText problem={problem} />
        </p>
      )}
      {children(value)}
    </>
  );
}

function sentence(problem: Problem): string {
  if (problem.status === 0) return t('notice.unreachable');
  if (problem.code === 'too-many-tries' && problem.waitS !== null) return t('problem.wait', { n: problem.waitS });
  const known = phrase('problem', problem.code);
  if (known) return known;
  if (problem.status === 401) return t('notice.signed_out');
  if (problem.status === 403) return t('notice.forbidden');
  if (problem.status === 404) return problem.detail || t('notice.not_found_next');
  return problem.detail || problem.title;
}
