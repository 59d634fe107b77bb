// Where one is signed in: a phone that was lost is ended from here.

import { useState } from 'preact/hooks';
import { endSession, type OwnSession } from '../../api/access';
import type { Problem } from '../../api/client';
import type { Resource } from '../../api/resource';
import type { Page } from '../../api/types';
import { FormProblem } from '../../parts/field';
import { Loaded } from '../../parts/notice';
import { Tag } from '../../parts/shape';
import { ago, lately } from '../../text/format';
import { t, word } from '../../text/language';
import { program } from './program';

export function OwnSessions({ sessions }: { sessions: Resource<Page<OwnSession>> }) {
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const endIt = async (id: string) => {
    setBusy(id);
    setProblem(null);
    // One that is gone already is what was wanted.
    await endSession(id).catch((failure: Problem) => failure.status !== 404 && setProblem(failure));
    setBusy(null);
    sessions.reload();
  };
  return (
    <section class="card" id="own-sessions">
      <h2>{t('own.sessions')}</h2>
      <FormProblem problem={problem} />
      <Loaded resource={sessions} rows={2}>
        {({ items }) => (
          <ul class="plain-rows">
            {items.map((it) => <Row key={it.id} session={it} isBusy={busy === it.id} onEnd={() => void endIt(it.id)} />)}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

interface RowProps {
  session: OwnSession;
  isBusy: boolean;
  onEnd: () => void;
}

function Row({ session, isBusy, onEnd }: RowProps) {
  return (
    <li class="session-row" data-session={session.id}>
      <span class="c-name"><strong>{programText(session.program)}</strong> <span class="meta">{session.address}</span></span>
      <span class="c-when meta">
        {t('own.opened', { time: lately(session.opened_at) })} · {t('own.seen', { span: ago(session.seen_at) })}
      </span>
      {session.current ? (
        <Tag tone="ok" text={t('own.this_one')} />
      ) : (
        <button type="button" class="small" disabled={isBusy} onClick={onEnd}>{t('own.end')}</button>
      )}
    </li>
  );
}

function programText(agent: string): string {
  const { browser, system } = program(agent);
  const name = browser ? word('browser', browser) : t('browser.unknown');
  return system ? t('own.program', { browser: name, system }) : name;
}
