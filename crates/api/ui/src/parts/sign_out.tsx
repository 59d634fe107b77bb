// The way out, in sight on every screen.

import { signOut } from '../api/client';
import { t } from '../text/language';
import { FormProblem } from './field';
import { useForm } from './form';

export function SignOut() {
  const form = useForm<never>({});
  // Everything that was read belongs to the account, so the page begins anew.
  const leave = form.sends({ check: () => ({}), ask: signOut, done: () => window.location.assign('/') });
  return (
    <form class="sign-out" ref={form.place} onSubmit={leave}>
      <FormProblem problem={form.problem} />
      <button type="submit" disabled={form.isBusy}>{t('shell.sign_out')}</button>
    </form>
  );
}
