// Do people hear of it? Each channel with its queue, its last failure, and a button that tries it.

import { useState } from 'preact/hooks';
import { type Problem, send } from '../../api/client';
import type { MessageChannel, Tested } from '../../api/types';
import { may } from '../../api/who';
import { Empty, ProblemText } from '../../parts/notice';
import { Tag } from '../../parts/shape';
import { ago, moment, number } from '../../text/format';
import { sentence, t } from '../../text/language';

export function MessageChannels({ channels }: { channels: MessageChannel[] }) {
  return (
    <section class="card">
      <h2>{t('channels.title')}</h2>
      {channels.length === 0 && <Empty title={t('channels.none')}>{t('channels.none_next')}</Empty>}
      <ul class="plain-rows">
        {channels.map((channel) => <Row key={channel.id} channel={channel} />)}
      </ul>
    </section>
  );
}

function Row({ channel }: { channel: MessageChannel }) {
  const why = [
    channel.failing && channel.last_error,
    channel.holds && sentence(channel.holds),
    channel.paused_until && t('channels.paused', { at: moment(channel.paused_until) }),
    channel.stand_in && t('channels.stand_in', { id: channel.stand_in }),
    channel.expires && t('channels.expires', { day: channel.expires }),
  ];
  return (
    <li class="stage">
      <span class="name">{channel.id}</span>
      <Tag tone={channel.failing ? 'alarm' : 'ok'} text={t(channel.failing ? 'channels.fails' : 'channels.works')} />
      <span class="meta num">{channel.last_ok ? t('span.ago', { span: ago(channel.last_ok) }) : '–'}</span>
      <span class="why">{why.filter(Boolean).join(' · ')}</span>
      <dl class="figures">
        <Figure name={t('channels.waiting')} value={channel.waiting} />
        <Figure name={t('channels.delivered')} value={channel.delivered} />
        <Figure name={t('channels.given_up')} value={channel.given_up} />
      </dl>
      {may('tell') && <TryButton id={channel.id} />}
    </li>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return <div><dt>{name}</dt><dd>{number(value)}</dd></div>;
}

function TryButton({ id }: { id: string }) {
  const [isBusy, setBusy] = useState(false);
  const [tested, setTested] = useState<Tested | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const tryIt = async () => {
    setBusy(true);
    setProblem(null);
    setTested(null);
    try {
      setTested(await send<Tested>(`/message-channels/${id}/test`, {}));
    } catch (failure) {
      setProblem(failure as Problem);
    }
    setBusy(false);
  };
  return (
    <span>
      <button type="button" disabled={isBusy} onClick={tryIt}>{t('channels.try')}</button>{' '}
      <span role="status">
        {tested && outcome(tested)}
        {problem && <ProblemText problem={problem} />}
      </span>
    </span>
  );
}

function outcome(tested: Tested): string {
  if (tested.delivered) return t('channels.tried');
  if (tested.busy_until) return t('channels.busy', { at: moment(tested.busy_until) });
  return t('channels.refused', { why: tested.reason ?? '' });
}
