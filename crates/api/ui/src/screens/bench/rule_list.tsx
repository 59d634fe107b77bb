// The rules in force and in shadow, each with who changed it last and what people said of its findings.

import type { Rules, RuleStanding } from '../../api/bench';
import { Tag } from '../../parts/shape';
import { place, setQuery } from '../../router';
import { moment, operatingState, percent } from '../../text/format';
import { t, word } from '../../text/language';

export function RuleList({ rules }: { rules: Rules }) {
  const chosen = place.value.query.get('rule');
  return (
    <ul class="plain-rows rule-list">
      {rules.rules.map((it) => <Rule key={it.id} rule={it} isOpen={it.id === chosen} />)}
    </ul>
  );
}

function Rule({ rule, isOpen }: { rule: RuleStanding; isOpen: boolean }) {
  const said = rule.confirmed + rule.rejected;
  return (
    <li class="rule" id={`rule-${rule.id}`} data-rule={rule.id}>
      <div class="rule-head">
        <button
          type="button"
          class="link rule-name"
          aria-expanded={isOpen}
          onClick={() => setQuery({ rule: isOpen ? null : rule.id })}
        >
          {rule.id}
        </button>
        <Tag tone={rule.is_shadow ? 'mute' : 'ok'} text={t(rule.is_shadow ? 'origin.shadow' : 'origin.live')} />
      </div>
      <p class="meta">
        {word('kind_of_rule', rule.kind)} · {word('family', rule.fault_family)} ·{' '}
        {rule.states
          ? t('rules.in_states', { states: rule.states.map(operatingState).join(', ') })
          : t('rules.all_states')}{' '}
        · {t('rules.reach', { n: rule.channels, devices: rule.devices.length })} · v{rule.changed.version}{' '}
        {rule.changed.author}
      </p>
      <p class="rule-score">
        {said === 0 ? (
          <span class="meta">{t('rules.no_word')}</span>
        ) : (
          <span>
            {t('rules.score', { confirmed: rule.confirmed, rejected: rule.rejected })} ·{' '}
            {t('rules.precision', { share: percent(rule.confirmed / said) })}
          </span>
        )}
        {0 < rule.open && (
          <a href={`/review?rule=${rule.id}`}>{t('rules.waiting', { n: rule.open })}</a>
        )}
      </p>
      {isOpen && (
        <div class="rule-more">
          <pre tabIndex={0}>{rule.toml}</pre>
          <p class="meta">
            {t('rules.changed', { n: rule.changed.version, author: rule.changed.author, time: moment(rule.changed.at) })}
            {' · '}{rule.changed.reason}
          </p>
          <p class="meta">{rule.looks_at.join(', ')} · {rule.devices.join(', ')}</p>
          <p><a href={`/rules?tab=edit&rule=${rule.id}`}>{t('rules.edit')}</a></p>
        </div>
      )}
    </li>
  );
}
