// The fields that a new account and a changed one share.

import { ROLES, type Role } from '../../api/access';
import { ChoiceField, SecretField } from '../../parts/field';
import type { Wrong } from '../../parts/form';
import { suggestPassword } from '../../parts/checks';
import { t } from '../../text/language';

interface RoleProps {
  value: Role;
  wrong: Wrong | null;
  onValue: (role: Role) => void;
}

export function RoleField({ value, wrong, onValue }: RoleProps) {
  return (
    <ChoiceField
      label={t('access.role')}
      name="role"
      value={value}
      onValue={(chosen) => onValue(ROLES.find((it) => it === chosen) ?? value)}
      wrong={wrong}
      hint={t(`role_may.${value}`)}
      options={ROLES.map((it) => ({ value: it, text: t(`role.${it}`) }))}
    />
  );
}

/** A password that an admin gives; nobody can look it up afterwards. */
export interface Given {
  text: string;
  isSuggested: boolean;
}

export const NOT_GIVEN: Given = { text: '', isSuggested: false };

interface GivenProps {
  label: string;
  value: Given;
  wrong: Wrong | null;
  onValue: (value: Given) => void;
}

export function GivenPassword({ label, value, wrong, onValue }: GivenProps) {
  const suggest = () =>
    onValue({ text: suggestPassword((bytes) => crypto.getRandomValues(bytes)), isSuggested: true });
  return (
    <SecretField
      label={label}
      name="new-password"
      complete="new-password"
      value={value.text}
      onValue={(text) => onValue({ ...value, text })}
      isShown={value.isSuggested}
      wrong={wrong}
      hint={t(value.isSuggested ? 'access.hand_over' : 'access.password_hint')}
    >
      {!value.isSuggested && (
        <button type="button" data-act="suggest" onClick={suggest}>{t('access.suggest')}</button>
      )}
    </SecretField>
  );
}
