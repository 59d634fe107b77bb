// What an admin does with an account: name, role and sites; another password; closing and opening it.

import { useState } from 'preact/hooks';
import { type Account, changeAccount } from '../../api/access';
import { who } from '../../api/who';
import { wrongPassword } from '../../parts/checks';
import { FormProblem, TextField } from '../../parts/field';
import { useForm } from '../../parts/form';
import { Sheet } from '../../parts/sheet';
import { t } from '../../text/language';
import type { Reach } from './access';
import type { Told } from './people';
import { GivenPassword, NOT_GIVEN, RoleField } from './person_fields';
import { changes } from './reckon';
import { SitesField, wrongSites } from './sites';

interface Props {
  account: Account;
  reach: Reach;
  onClose: () => void;
  onDone: (told: Told) => void;
}

type View = 'change' | 'password' | 'disable';

export function PersonSheet(props: Props) {
  const [view, setView] = useState<View>('change');
  const { account, onClose } = props;
  const title = account.display_name === account.name ? account.name : `${account.display_name} · ${account.name}`;
  return (
    <Sheet isForm key={view} title={title} onClose={onClose}>
      {view === 'change' && <Change {...props} onView={setView} />}
      {view === 'password' && <Password {...props} />}
      {view === 'disable' && <Disable {...props} />}
    </Sheet>
  );
}

function Change({ account, reach, onClose, onDone, onView }: Props & { onView: (view: View) => void }) {
  const [display, setDisplay] = useState(account.display_name);
  const [role, setRole] = useState(account.role);
  const [sites, setSites] = useState(account.sites);
  const form = useForm<'role' | 'sites'>({ 'last-admin': 'role', 'not-allowed': ['sites', 'access.sites_refused'] });
  const wanted = changes(account, { display_name: display, role, sites });
  const isSame = Object.keys(wanted).length === 0;
  const send = form.sends({
    check: () => ({ sites: wrongSites(sites) }),
    ask: () => (isSame ? Promise.resolve(account) : changeAccount(account.name, wanted)),
    done: () => (isSame ? onClose() : onDone({ what: 'changed', name: account.name })),
  });
  return (
    <>
      <form class="form" ref={form.place} noValidate onSubmit={send}>
        <TextField label={t('sign_in.display')} name="display" max={80} isPlain value={display} onValue={setDisplay} />
        <RoleField value={role} {...form.of('role', setRole)} />
        <SitesField value={sites} reach={reach} {...form.of('sites', setSites)} />
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" disabled={form.isBusy}>{t('access.save')}</button>
      </form>
      {account.name === who.value?.account ? (
        <p class="meta">{t('access.own_elsewhere')} <a href="/account">{t('nav.account')}</a></p>
      ) : (
        <Further account={account} onDone={onDone} onView={onView} />
      )}
    </>
  );
}

/** What has effect at once, apart from the form. */
function Further({ account, onDone, onView }: Pick<Props, 'account' | 'onDone'> & { onView: (view: View) => void }) {
  const form = useForm<never>({});
  const enable = form.sends({
    check: () => ({}),
    ask: () => changeAccount(account.name, { disabled: false }),
    done: () => onDone({ what: 'enabled', name: account.name }),
  });
  return (
    <>
      <FormProblem problem={form.problem} />
      <div class="sheet-chips">
        <button type="button" class="big" data-act="password" onClick={() => onView('password')}>
          {t('access.new_password')}
        </button>
        {account.disabled ? (
          <button type="button" class="big" data-act="enable" disabled={form.isBusy} onClick={enable}>
            {t('access.enable')}
          </button>
        ) : (
          <button type="button" class="big" data-act="disable" onClick={() => onView('disable')}>
            {t('access.disable')}
          </button>
        )}
      </div>
    </>
  );
}

function Password({ account, onDone }: Props) {
  const [given, setGiven] = useState(NOT_GIVEN);
  const form = useForm<'password'>({ 'weak-password': 'password' });
  const send = form.sends({
    check: () => ({ password: wrongPassword(given.text, account.name) }),
    ask: () => changeAccount(account.name, { password: given.text }),
    done: () => onDone({ what: 'password', name: account.name }),
  });
  return (
    <form class="form" ref={form.place} noValidate onSubmit={send}>
      <GivenPassword label={t('own.new')} value={given} {...form.of('password', setGiven)} />
      <p>{t('access.password_effect')}</p>
      <FormProblem problem={form.problem} />
      <button type="submit" class="big primary" disabled={form.isBusy}>{t('access.set_password')}</button>
    </form>
  );
}

function Disable({ account, onDone }: Props) {
  const form = useForm<never>({});
  const send = form.sends({
    check: () => ({}),
    ask: () => changeAccount(account.name, { disabled: true }),
    done: () => onDone({ what: 'disabled', name: account.name }),
  });
  return (
    <form class="form" ref={form.place} onSubmit={send}>
      <p>{t('access.disable_effect')}</p>
      <FormProblem problem={form.problem} />
      <button type="submit" class="big primary" data-act="confirm" disabled={form.isBusy}>{t('access.disable')}</button>
    </form>
  );
}
