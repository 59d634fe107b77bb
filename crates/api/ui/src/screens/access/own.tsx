// My account: who I am here, my password, where I am signed in, and the way out.

import { useState } from 'preact/hooks';
import { changePassword, type OwnSession } from '../../api/access';
import { type Resource, useResource } from '../../api/resource';
import type { Page, Session } from '../../api/types';
import { who } from '../../api/who';
import { wrongPassword } from '../../parts/checks';
import { FormProblem, SecretField } from '../../parts/field';
import { useForm } from '../../parts/form';
import { Skeleton } from '../../parts/notice';
import { SignOut } from '../../parts/sign_out';
import { phrase, pick, t, word } from '../../text/language';
import { useTitle } from '../title';
import { OwnSessions } from './sessions';

export function OwnScreen() {
  useTitle(t('nav.account'));
  const own = who.value;
  if (!own) return <Skeleton rows={6} />;
  return (
    <section class="access-screen">
      <h1>{t('nav.account')}</h1>
      {own.demo ? <NobodyHere /> : <Own session={own} />}
    </section>
  );
}

/** The demo asks nobody, so nobody has a password there. */
function NobodyHere() {
  return (
    <div class="empty">
      <p class="title">{t('own.demo')}</p>
      <p>{t('own.demo_next')}</p>
      <a href="/tickets">{t('notice.to_list')}</a>
    </div>
  );
}

function Own({ session }: { session: Session }) {
  const sessions = useResource<Page<OwnSession>>('/sessions');
  return (
    <>
      <section class="card own-head">
        <p><strong>{session.name}</strong> {session.name !== session.account && <span class="meta">{session.account}</span>}</p>
        {session.role && <RoleWords role={session.role} />}
        {session.site && <p class="meta">{pick(session.site.name)}</p>}
        <SignOut />
      </section>
      <div class="own-columns">
        <OwnPassword session={session} sessions={sessions} />
        <OwnSessions sessions={sessions} />
      </div>
    </>
  );
}

function RoleWords({ role }: { role: string }) {
  return <p>{word('role', role)} <span class="meta">{phrase('role_may', role)}</span></p>;
}

interface PasswordProps {
  session: Session;
  sessions: Resource<Page<OwnSession>>;
}

function OwnPassword({ session, sessions }: PasswordProps) {
  const [old, setOld] = useState('');
  const [wanted, setWanted] = useState('');
  const [isDone, setDone] = useState(false);
  const form = useForm<'old' | 'new'>({
    'wrong-password': ['old', 'own.wrong_old'],
    'too-many-tries': 'old',
    'weak-password': 'new',
  });
  const done = () => {
    setOld('');
    setWanted('');
    setDone(true);
    sessions.reload();
  };
  const send = form.sends({
    check: () => ({
      old: old === '' ? ('form.needed' as const) : null,
      new: old !== '' && wanted === old ? ('own.same_password' as const) : wrongPassword(wanted, session.account),
    }),
    ask: () => changePassword({ old, new: wanted }),
    done,
  });
  const isShown = isDone && old === '' && wanted === '';
  return (
    <form class="card form" id="own-password" ref={form.place} noValidate onSubmit={send}>
      <h2>{t('own.password')}</h2>
      {/* Password stores want to know whose password it is. */}
      <input type="text" name="username" autocomplete="username" value={session.account} readOnly hidden />
      <SecretField
        label={t('own.old')}
        name="current-password"
        complete="current-password"
        value={old}
        {...form.of('old', setOld)}
      />
      <SecretField
        label={t('own.new')}
        name="new-password"
        complete="new-password"
        value={wanted}
        {...form.of('new', setWanted)}
        hint={t('sign_in.password_hint')}
      />
      <FormProblem problem={form.problem} />
      <p role="status" class={isShown ? 'told' : 'meta'}>{t(isShown ? 'own.changed' : 'own.effect')}</p>
      <button type="submit" class="big primary" disabled={form.isBusy}>{t('own.change')}</button>
    </form>
  );
}
