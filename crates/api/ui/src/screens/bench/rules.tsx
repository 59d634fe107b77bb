// Rules: what is watched, what came of it, and what would change. Tab, rule and version live in the URL.

import type { Proposal, Rules } from '../../api/bench';
import { useResource } from '../../api/resource';
import type { Page } from '../../api/types';
import { Loaded } from '../../parts/notice';
import { place, setQuery } from '../../router';
import { moment } from '../../text/format';
import { t } from '../../text/language';
import { useTitle } from '../title';
import { Editor } from './editor';
import { Proposals } from './proposals';
import { RuleList } from './rule_list';
import { Versions } from './versions';

const TABS = ['list', 'edit', 'proposals', 'versions'] as const;

export function RulesScreen() {
  useTitle(t('nav.rules'));
  const rules = useResource<Rules>('/rules', { topic: 'rules' });
  const proposals = useResource<Page<Proposal>>('/proposals', { topic: 'rules', everyMs: 5_000 });
  const wanted = place.value.query.get('tab');
  const tab = TABS.find((it) => it === wanted) ?? 'list';
  const open = (proposals.value?.items ?? []).filter((it) => it.state === 'open').length;
  return (
    <section class="rules-screen">
      <div class="head-row">
        <h1>{t('nav.rules')}</h1>
        {rules.value && (
          <p class="meta">
            {t('rules.in_force', { n: rules.value.version.version })} · {moment(rules.value.version.at)} ·{' '}
            {rules.value.version.author}
          </p>
        )}
      </div>
      <div class="card">
        <div class="tabs" role="tablist" aria-label={t('nav.rules')}>
          {TABS.map((it) => (
            <button
              key={it}
              type="button"
              role="tab"
              id={`tab-${it}`}
              aria-selected={tab === it}
              aria-controls="rules-panel"
              onClick={() => setQuery({ tab: it === 'list' ? null : it, version: null })}
            >
              {t(`rules_tab.${it}`)}
              {it === 'proposals' && 0 < open && <span class="count">{open}</span>}
            </button>
          ))}
        </div>
        <div id="rules-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          <Loaded resource={rules} rows={8}>
            {(value) => (
              <>
                {tab === 'list' && <RuleList rules={value} />}
                {tab === 'edit' && <Editor key={value.version.version} rules={value} onDone={rules.reload} />}
                {tab === 'versions' && <Versions rules={value} />}
                {tab === 'proposals' && (
                  <Loaded resource={proposals} rows={3}>
                    {({ items }) => (
                      <Proposals items={items} rules={value} reload={() => (proposals.reload(), rules.reload())} />
                    )}
                  </Loaded>
                )}
              </>
            )}
          </Loaded>
        </div>
      </div>
    </section>
  );
}
