// Keys of programs: what opens what, since when unused, until when. A new key is shown once.

import { useState } from 'preact/hooks';
import { type Key, type MadeKey, revokeKey } from '../../api/access';
import { useResource } from '../../api/resource';
import type { Page } from '../../api/types';
import { FormProblem } from '../../parts/field';
import { useForm } from '../../parts/form';
import { Empty, Loaded } from '../../parts/notice';
import { Tag, type Tone } from '../../parts/shape';
import { Sheet } from '../../parts/sheet';
import { ago, day, now } from '../../text/format';
import { t } from '../../text/language';
import type { Reach } from './access';
import { MadeKeyCard } from './made_key';
import { NewKeySheet } from './new_key';
import { keyState, type KeyState } from './reckon';
import { sitesText } from './sites';

const TONES: Record<KeyState, Tone> = { works: 'ok', ends_soon: 'warn', ended: 'mute', revoked: 'mute' };

export function Keys({ reach }: { reach: Reach }) {
  const keys = useResource<Page<Key>>('/keys');
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<MadeKey | null>(null);
  const [leaving, setLeaving] = useState<Key | null>(null);
  const done = (key: MadeKey) => {
    setNew(false);
    setMade(key);
    keys.reload();
  };
  const revoked = () => {
    if (made?.id === leaving?.id) setMade(null);
    setLeaving(null);
    keys.reload();
  };
  return (
    <>
      <div class="panel-head">
        <p class="meta">{t('keys.next')}</p>
        <button type="button" id="new-key" onClick={() => setNew(true)}>{t('keys.new')}</button>
      </div>
      {made && <MadeKeyCard made={made} onKept={() => setMade(null)} />}
      <Loaded resource={keys} rows={3}>
        {({ items }) => <List keys={items} reach={reach} onRevoke={setLeaving} />}
      </Loaded>
      {isNew && <NewKeySheet reach={reach} onClose={() => setNew(false)} onDone={done} />}
      {leaving && <RevokeSheet secret={leaving} onClose={() => setLeaving(null)} onDone={revoked} />}
    </>
  );
}

interface ListProps {
  keys: Key[];
  reach: Reach;
  onRevoke: (key: Key) => void;
}

function List({ keys, reach, onRevoke }: ListProps) {
  const isOver = (it: Key) => ['ended', 'revoked'].includes(keyState(it, now.value));
  const over = keys.filter(isOver);
  const open = keys.filter((it) => !isOver(it));
  return (
    <>
      {open.length === 0 && <Empty title={t('keys.none')}>{t('keys.none_next')}</Empty>}
      <Rows keys={open} reach={reach} onRevoke={onRevoke} />
      {0 < over.length && (
        <details class="more">
          <summary>{t('keys.over', { n: over.length })}</summary>
          <Rows keys={over} reach={reach} />
        </details>
      )}
    </>
  );
}

function Rows({ keys, reach, onRevoke }: Omit<ListProps, 'onRevoke'> & Partial<ListProps>) {
  if (keys.length === 0) return null;
  return (
    <ul class="plain-rows">
      {keys.map((it) => <Row key={it.id} secret={it} reach={reach} onRevoke={onRevoke} />)}
    </ul>
  );
}

interface RowProps {
  secret: Key;
  reach: Reach;
  onRevoke?: (key: Key) => void;
}

function Row({ secret, reach, onRevoke }: RowProps) {
  const state = keyState(secret, now.value);
  return (
    <li class="key-row" data-key={secret.id} data-state={state}>
      <span class="c-name"><strong>{secret.name}</strong> <span class="meta">fw_{secret.id}_…</span></span>
      <span class="c-state"><Tag tone={TONES[state]} text={stateText(secret, state)} /></span>
      <span class="c-scopes">
        {secret.scopes.map((it) => t(`scope.${it}`)).join(' · ')}
        <span class="meta"> · {sitesText(secret.sites, reach)}</span>
      </span>
      <span class="c-used meta">
        {secret.used_at ? t('keys.used', { span: ago(secret.used_at) }) : t('keys.never_used')}
        {' · '}
        {t('keys.made_by', { name: secret.created_by, day: day(secret.created_at) })}
      </span>
      {onRevoke && (
        <button type="button" class="small" onClick={() => onRevoke(secret)}>{t('keys.revoke')}</button>
      )}
    </li>
  );
}

function stateText(secret: Key, state: KeyState): string {
  if (state === 'revoked') return t('keys.revoked', { day: day(secret.revoked_at ?? '') });
  if (!secret.expires_at) return t('keys.endless');
  return t(state === 'ended' ? 'keys.ended' : 'keys.until', { day: day(secret.expires_at) });
}

interface RevokeProps {
  secret: Key;
  onClose: () => void;
  onDone: () => void;
}

function RevokeSheet({ secret, onClose, onDone }: RevokeProps) {
  const form = useForm<never>({});
  const send = form.sends({ check: () => ({}), ask: () => revokeKey(secret.id), done: onDone });
  return (
    <Sheet title={t('keys.revoke_title', { name: secret.name })} onClose={onClose}>
      <form class="form" ref={form.place} onSubmit={send}>
        <p>{t('keys.revoke_effect')}</p>
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" data-act="revoke" disabled={form.isBusy}>{t('keys.revoke')}</button>
      </form>
    </Sheet>
  );
}
