// Who may come in: one row for each account, behind it what can be changed.

import { useState } from 'preact/hooks';
import type { Account } from '../../api/access';
import { who } from '../../api/who';
import { Tag } from '../../parts/shape';
import { ago } from '../../text/format';
import { t, word } from '../../text/language';
import type { Reach } from './access';
import { NewPerson } from './new_person';
import { PersonSheet } from './person_sheet';
import { sitesText } from './sites';

interface Props {
  accounts: Account[];
  reach: Reach;
  reload: () => void;
}

/** What was done last, in words that follow the language of the page. */
export interface Told {
  what: 'made' | 'changed' | 'disabled' | 'enabled' | 'password';
  name: string;
}

export function People({ accounts, reach, reload }: Props) {
  const [isNew, setNew] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [told, setTold] = useState<Told | null>(null);
  const chosen = accounts.find((it) => it.name === open);
  const close = () => (setNew(false), setOpen(null));
  const done = (what: Told) => {
    // What the page shows depends on one's own role.
    if (what.name === who.value?.account) return window.location.reload();
    close();
    setTold(what);
    reload();
  };
  const usableFirst = [...accounts].sort((a, b) => Number(a.disabled) - Number(b.disabled));
  return (
    <>
      <div class="panel-head">
        <p class="meta">{t('access.people_next')}</p>
        <button type="button" id="new-account" onClick={() => setNew(true)}>{t('access.new')}</button>
      </div>
      <p role="status" class={told ? 'told' : ''}>{told && t(`told.${told.what}`, { name: told.name })}</p>
      <div class="person-row column-names" aria-hidden="true">
        <span>{t('access.person')}</span>
        <span>{t('access.role')}</span>
        <span>{t('access.sites')}</span>
        <span>{t('access.state')}</span>
        <span class="num">{t('access.last_in')}</span>
      </div>
      <ul class="rows">
        {usableFirst.map((it) => (
          <li key={it.name}><Row account={it} reach={reach} onOpen={() => setOpen(it.name)} /></li>
        ))}
      </ul>
      {isNew && <NewPerson reach={reach} onClose={close} onDone={done} />}
      {chosen && <PersonSheet key={chosen.name} account={chosen} reach={reach} onClose={close} onDone={done} />}
    </>
  );
}

function Row({ account, reach, onOpen }: { account: Account; reach: Reach; onOpen: () => void }) {
  const isOwn = account.name === who.value?.account;
  return (
    <button type="button" class="person-row" data-account={account.name} onClick={onOpen}>
      <span class="c-name">
        <strong>{account.display_name}</strong>{' '}
        <span class="meta">
          {account.display_name !== account.name && account.name} {isOwn && `(${t('access.you')})`}
        </span>
      </span>
      <span class="c-role">{word('role', account.role)}</span>
      <span class="c-sites">{sitesText(account.sites, reach)}</span>
      <span class="c-state">
        <Tag
          tone={account.disabled ? 'mute' : 'ok'}
          text={t(account.disabled ? 'access.disabled' : 'access.active')}
        />
      </span>
      <span class="c-in meta num">
        {account.signed_in_at ? t('span.ago', { span: ago(account.signed_in_at) }) : t('access.never_in')}
      </span>
    </button>
  );
}
