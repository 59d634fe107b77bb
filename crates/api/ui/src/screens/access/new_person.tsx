// Makes an account.

import { useState } from 'preact/hooks';
import { addAccount, type Role, type Sites } from '../../api/access';
import { wrongName, wrongPassword } from '../../parts/checks';
import { FormProblem, TextField } from '../../parts/field';
import { useForm } from '../../parts/form';
import { Sheet } from '../../parts/sheet';
import { t } from '../../text/language';
import type { Reach } from './access';
import type { Told } from './people';
import { GivenPassword, NOT_GIVEN, RoleField } from './person_fields';
import { firstSites, SitesField, wrongSites } from './sites';

interface Props {
  reach: Reach;
  onClose: () => void;
  onDone: (told: Told) => void;
}

export function NewPerson({ reach, onClose, onDone }: Props) {
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [role, setRole] = useState<Role>('maintainer');
  const [sites, setSites] = useState<Sites>(firstSites(reach));
  const [given, setGiven] = useState(NOT_GIVEN);
  const form = useForm<'name' | 'role' | 'sites' | 'password'>({
    'account-taken': 'name',
    'not-allowed': ['sites', 'access.sites_refused'],
    'weak-password': 'password',
  });
  const send = form.sends({
    check: () => ({
      name: wrongName(name.trim()),
      sites: wrongSites(sites),
      password: wrongPassword(given.text, name.trim()),
    }),
    ask: () =>
      addAccount({ name: name.trim(), display_name: display.trim(), role, sites, password: given.text }),
    done: (made) => onDone({ what: 'made', name: made.name }),
  });
  return (
    <Sheet isForm title={t('access.new')} onClose={onClose}>
      <form class="form" ref={form.place} noValidate onSubmit={send}>
        <TextField
          label={t('sign_in.name')}
          name="account"
          value={name}
          max={64}
          {...form.of('name', setName)}
          hint={t('access.name_hint')}
        />
        <TextField label={t('sign_in.display')} name="display" max={80} isPlain value={display} onValue={setDisplay} />
        <RoleField value={role} {...form.of('role', setRole)} />
        <SitesField value={sites} reach={reach} {...form.of('sites', setSites)} />
        <GivenPassword label={t('access.first_password')} value={given} {...form.of('password', setGiven)} />
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" disabled={form.isBusy}>{t('access.make')}</button>
      </form>
    </Sheet>
  );
}
