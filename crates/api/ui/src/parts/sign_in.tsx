// Asks for the setup token when the server knows nobody at this browser.

import { useState } from 'preact/hooks';
import { Problem, signIn } from '../api/client';
import { reopen } from '../api/live';
import type { Session } from '../api/types';
import { t } from '../text/language';
import { ProblemText } from './notice';

export function SignIn({ onSession }: { onSession: (session: Session) => void }) {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    signIn(token.trim()).then((session) => {
      reopen();
      onSession(session);
    }, setProblem);
  };
  return (
    <form class="card narrow" onSubmit={submit}>
      <h1>{t('sign_in.title')}</h1>
      <p>{t('sign_in.next')}</p>
      <label>
        {t('sign_in.token')}
        <input
          type="password"
          autocomplete="current-password"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      {problem && (
        <p class="error" role="alert">
          {problem.status === 401 ? t('sign_in.refused') : <ProblemText problem={problem} />}
        </p>
      )}
      <button type="submit" class="big primary" disabled={token.trim() === ''}>
        {t('sign_in.go')}
      </button>
    </form>
  );
}
