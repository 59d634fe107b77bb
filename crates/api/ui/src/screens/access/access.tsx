// People & access: who may come in, and which programs. The tab lives in the URL.

import type { Account, Site, Sites } from '../../api/access';
import { useResource } from '../../api/resource';
import type { Page } from '../../api/types';
import { may, who } from '../../api/who';
import { Loaded, Skeleton } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { t } from '../../text/language';
import { useTitle } from '../title';
import { Keys } from './keys';
import { People } from './people';

const TABS = ['people', 'keys'] as const;

export function AccessScreen() {
  useTitle(t('access.title'));
  if (!who.value) return <Skeleton rows={6} />;
  return (
    <section class="access-screen">
      <h1>{t('access.title')}</h1>
      {may('administer') ? <Access /> : <NotYours />}
    </section>
  );
}

function NotYours() {
  return (
    <div class="empty" data-refused>
      <p class="title">{t('access.not_yours')}</p>
      <p>{t('access.not_yours_next')}</p>
      {who.value?.demo ? <a href="/tickets">{t('notice.to_list')}</a> : <a href="/account">{t('nav.account')}</a>}
    </div>
  );
}

function Access() {
  const accounts = useResource<Page<Account>>('/accounts');
  const sites = useResource<Page<Site>>('/sites');
  const wanted = place.value.query.get('tab');
  const tab = TABS.find((it) => it === wanted) ?? 'people';
  const own = accounts.value?.items.find((it) => it.name === who.value?.account);
  const reach = reachOf(own?.sites ?? null, sites.value?.items ?? []);
  return (
    <div class="card">
      <div class="tabs" role="tablist" aria-label={t('access.title')}>
        {TABS.map((it) => (
          <button
            key={it}
            type="button"
            role="tab"
            id={`tab-${it}`}
            aria-selected={tab === it}
            aria-controls="access-panel"
            onClick={() => setQuery({ tab: it === 'people' ? null : it })}
          >
            {t(`access_tab.${it}`)}
          </button>
        ))}
      </div>
      <div id="access-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <Loaded resource={accounts} rows={5}>
          {({ items }) =>
            tab === 'people'
              ? <People accounts={items} reach={reach} reload={accounts.reload} />
              : <Keys reach={reach} />}
        </Loaded>
      </div>
    </div>
  );
}

/** Which sites the admin may give, and under which names. */
export interface Reach {
  /** An admin for some sites gives these only. */
  mayGiveAll: boolean;
  sites: Site[];
}

function reachOf(own: Sites, known: Site[]): Reach {
  const strange = (own ?? []).filter((id) => !known.some((it) => it.id === id));
  return { mayGiveAll: own === null, sites: [...known, ...strange.map((id) => ({ id, name: id }))] };
}
