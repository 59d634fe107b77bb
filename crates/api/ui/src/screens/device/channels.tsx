// Live values of a machine: value, age, quality, and what each rule is doing with them.

import type { Channel, Device, RuleStatus, RuleWord } from '../../api/types';
import { QualityTag, RuleTag } from '../../parts/shape';
import { setQuery } from '../../router';
import { amount, band, lasting, now } from '../../text/format';
import { pick, sentence, t, word } from '../../text/language';

interface Props {
  device: Device;
  chosen: string | null;
  readAt: number;
}

/** Channels under the part that they watch; the rest under the machine itself. */
export function Channels({ device, chosen, readAt }: Props) {
  const parts = new Map<string, Channel[]>();
  for (const it of device.channels) parts.set(it.component, [...(parts.get(it.component) ?? []), it]);
  const nameOf = (id: string) => pick(device.components.find((it) => it.id === id)?.name) || id || t('device.machine');
  return (
    <section class="card">
      <h2>{t('device.live')}</h2>
      {[...parts].map(([component, channels]) => (
        <div key={component}>
          <h3>{nameOf(component)}</h3>
          <ul class="plain-rows channels">
            {channels.map((it) => <ChannelRow key={it.id} channel={it} isChosen={it.id === chosen} readAt={readAt} />)}
          </ul>
        </div>
      ))}
    </section>
  );
}

function ChannelRow({ channel, isChosen, readAt }: { channel: Channel; isChosen: boolean; readAt: number }) {
  const { last, normal } = channel;
  const elapsed = Math.max(0, (now.value - readAt) / 1000);
  const age = last ? last.age_s + elapsed : null;
  const isOld = age !== null && channel.interval_s !== null && 3 * channel.interval_s + 5 < age;
  return (
    <li class={isOld ? 'channel old' : 'channel'}>
      {channel.is_text ? (
        <span class="channel-name">{sentence(channel.name)}</span>
      ) : (
        <button
          type="button"
          class="channel-name link"
          aria-pressed={isChosen}
          onClick={() => {
            setQuery({ channel: channel.id });
            document.getElementById('chart')?.scrollIntoView({ block: 'nearest' });
          }}
        >
          {sentence(channel.name)}
        </button>
      )}
      <span class="channel-value num">
        {valueOf(channel)}
      </span>
      <span class="channel-normal meta num">
        {normal && t('device.normal', { band: band(normal.low, normal.high, '–') })}
      </span>
      <span class="channel-age meta num">
        {age === null ? t('devices.no_data') : t('span.ago', { span: lasting(age) })}
      </span>
      <span class={last?.quality === 'good' ? 'channel-quality good' : 'channel-quality'}>{last && <QualityTag quality={last.quality} />}</span>
      {channel.rules.length > 0 && (
        <ul class="channel-rules">
          {byStatus(channel.rules).map(([status, rules]) => (
            <li key={status}>
              <RuleTag status={status} /> <span class="meta">{rules.map(ruleText).join(' · ')}</span>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function valueOf({ last, quantity, unit_symbol }: Channel): string {
  if (!last) return '–';
  if (last.value === null) return last.text || '–';
  if (quantity === 'state.running') return t(last.value === 0 ? 'health.no' : 'health.yes');
  return amount(last.value, unit_symbol);
}

/** Rules that do the same stand together, so that the one that does not is seen. */
function byStatus(rules: RuleStatus[]): [RuleWord, RuleStatus[]][] {
  const groups = new Map<RuleWord, RuleStatus[]>();
  for (const it of rules) groups.set(it.status, [...(groups.get(it.status) ?? []), it]);
  return [...groups];
}

/** The rule, and why it waits or how far it has learned; that it watches is said by its status. */
function ruleText({ rule, status, why }: RuleStatus): string {
  const name = word('rule_name', rule);
  const reason = status === 'armed' || status === 'active' ? '' : pick(why).replace(/^(learning, |学习中[，：])/, '');
  return reason ? `${name} (${reason})` : name;
}
