// Lets somebody in: by name and password, or at the first start with the setup token.

import { useState } from 'preact/hooks';
import { setUp, signIn } from '../api/client';
import { reopen } from '../api/live';
import { useResource } from '../api/resource';
import type { Session } from '../api/types';
import { t } from '../text/language';
import { wrongName, wrongPassword } from './checks';
import { FormProblem, SecretField, TextField } from './field';
import { useForm } from './form';
import { Loaded } from './notice';

type OnSession = (session: Session) => void;

export function SignIn({ onSession }: { onSession: OnSession }) {
  const setup = useResource<{ needed: boolean }>('/setup');
  const done = (session: Session) => {
    reopen();
    onSession(session);
  };
  return (
    <Loaded resource={setup} rows={2}>
      {({ needed }) => (needed ? <FirstAdmin onSession={done} /> : <NameAndPassword onSession={done} />)}
    </Loaded>
  );
}

function NameAndPassword({ onSession }: { onSession: OnSession }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const form = useForm<'name' | 'password'>({ 'wrong-password': 'password', 'too-many-tries': 'password' });
  const needed = (text: string) => (text.trim() === '' ? ('form.needed' as const) : null);
  const check = () => ({ name: needed(name), password: needed(password) });
  const asked = { check, ask: () => signIn(name.trim(), password), done: onSession };
  return (
    <form class="card narrow" ref={form.place} noValidate onSubmit={form.sends(asked)}>
      <h1>{t('sign_in.title')}</h1>
      <TextField
        label={t('sign_in.name')}
        name="username"
        complete="username"
        value={name}
        {...form.of('name', setName)}
      />
      <SecretField
        label={t('sign_in.password')}
        name="current-password"
        complete="current-password"
        value={password}
        {...form.of('password', setPassword)}
      />
      <FormProblem problem={form.problem} />
      <button type="submit" class="big primary" disabled={form.isBusy}>{t('sign_in.go')}</button>
    </form>
  );
}

function FirstAdmin({ onSession }: { onSession: OnSession }) {
  const [token, setToken] = useState('');
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [password, setPassword] = useState('');
  const form = useForm<'token' | 'name' | 'password'>({
    'wrong-token': 'token',
    'too-many-tries': 'token',
    'weak-password': 'password',
  });
  const check = () => ({
    token: token.trim() === '' ? ('form.needed' as const) : null,
    name: wrongName(name.trim()),
    password: wrongPassword(password, name.trim()),
  });
  const ask = () =>
    setUp({ token: token.trim(), name: name.trim(), display_name: display.trim(), password });
  return (
    <form class="card narrow" ref={form.place} noValidate onSubmit={form.sends({ check, ask, done: onSession })}>
      <h1>{t('sign_in.first_title')}</h1>
      <p>{t('sign_in.first_next')}</p>
      <TextField
        label={t('sign_in.token')}
        name="one-time-code"
        complete="one-time-code"
        value={token}
        {...form.of('token', setToken)}
      />
      <TextField
        label={t('sign_in.name')}
        name="username"
        complete="username"
        value={name}
        {...form.of('name', setName)}
        hint={t('sign_in.name_hint')}
      />
      <TextField label={t('sign_in.display')} name="name" complete="name" max={80} isPlain value={display} onValue={setDisplay} />
      <SecretField
        label={t('sign_in.password')}
        name="new-password"
        complete="new-password"
        value={password}
        {...form.of('password', setPassword)}
        hint={t('sign_in.password_hint')}
      />
      <FormProblem problem={form.problem} />
      <button type="submit" class="big primary" disabled={form.isBusy}>{t('sign_in.first_go')}</button>
    </form>
  );
}
