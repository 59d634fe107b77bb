// Lets somebody in: by name and password, or at the first start with the setup token.
//
// Browsers and their password stores know the fields by their `autocomplete` words.

import { useState } from 'preact/hooks';
import { type Problem, setUp, signIn } from '../api/client';
import { reopen } from '../api/live';
import { useResource } from '../api/resource';
import type { Session } from '../api/types';
import { t } from '../text/language';
import { Loaded, ProblemText } from './notice';

type OnSession = (session: Session) => void;

export function SignIn({ onSession }: { onSession: OnSession }) {
  const setup = useResource<{ needed: boolean }>('/setup');
  return (
    <Loaded resource={setup} rows={2}>
      {({ needed }) =>
        needed ? <FirstAdmin onSession={onSession} /> : <NameAndPassword onSession={onSession} />}
    </Loaded>
  );
}

function NameAndPassword({ onSession }: { onSession: OnSession }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const form = useForm(onSession);
  const isReady = name.trim() !== '' && password !== '';
  return (
    <form class="card narrow" onSubmit={form.sends(() => signIn(name.trim(), password))}>
      <h1>{t('sign_in.title')}</h1>
      <Field label={t('sign_in.name')} complete="username" value={name} onValue={setName} />
      <Field label={t('sign_in.password')} complete="current-password" value={password} onValue={setPassword} />
      <Refusal problem={form.problem} />
      <button type="submit" class="big primary" disabled={!isReady || form.isBusy}>
        {t('sign_in.go')}
      </button>
    </form>
  );
}

function FirstAdmin({ onSession }: { onSession: OnSession }) {
  const [token, setToken] = useState('');
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [password, setPassword] = useState('');
  const form = useForm(onSession);
  const isReady = [token, name, password].every((it) => it.trim() !== '');
  const ask = () =>
    setUp({ token: token.trim(), name: name.trim(), display_name: display.trim(), password });
  return (
    <form class="card narrow" onSubmit={form.sends(ask)}>
      <h1>{t('sign_in.first_title')}</h1>
      <p>{t('sign_in.first_next')}</p>
      <Field label={t('sign_in.token')} complete="one-time-code" value={token} onValue={setToken} />
      <Field label={t('sign_in.name')} complete="username" value={name} onValue={setName} hint={t('sign_in.name_hint')} />
      <Field label={t('sign_in.display')} complete="name" value={display} onValue={setDisplay} />
      <Field
        label={t('sign_in.password')}
        complete="new-password"
        value={password}
        onValue={setPassword}
        hint={t('sign_in.password_hint')}
      />
      <Refusal problem={form.problem} />
      <button type="submit" class="big primary" disabled={!isReady || form.isBusy}>
        {t('sign_in.first_go')}
      </button>
    </form>
  );
}

interface FieldProps {
  label: string;
  complete: 'username' | 'name' | 'current-password' | 'new-password' | 'one-time-code';
  value: string;
  onValue: (value: string) => void;
  hint?: string;
}

function Field({ label, complete, value, onValue, hint }: FieldProps) {
  const shared = {
    name: complete,
    autocomplete: complete,
    autocapitalize: 'none',
    spellcheck: false,
    value,
    onInput: (event: { currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value),
  } as const;
  const isSecret = complete.endsWith('password');
  return (
    <label>
      {label}
      {isSecret ? <input type="password" {...shared} /> : <input type="text" {...shared} />}
      {hint && <span class="meta">{hint}</span>}
    </label>
  );
}

function Refusal({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  return (
    <p class="error" role="alert">
      {problem.code === 'too-many-tries' && problem.waitS !== null
        ? t('sign_in.wait', { n: problem.waitS })
        : <ProblemText problem={problem} />}
    </p>
  );
}

function useForm(onSession: OnSession) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const sends = (ask: () => Promise<Session>) => (event: Event) => {
    event.preventDefault();
    setBusy(true);
    ask().then(
      (session) => {
        reopen();
        onSession(session);
      },
      (failure: Problem) => {
        setBusy(false);
        setProblem(failure);
      },
    );
  };
  return { problem, isBusy, sends };
}
