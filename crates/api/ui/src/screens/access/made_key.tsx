// A key on the only occasion that anybody sees it. It stays until the person says that it is kept: a card,
// not a sheet, since a sheet closes on a slip of the finger.

import { useState } from 'preact/hooks';
import type { MadeKey } from '../../api/access';
import { Shape } from '../../parts/shape';
import { t } from '../../text/language';
import { copy } from './copy';

type Copied = 'not_yet' | 'done' | 'refused';

export function MadeKeyCard({ made, onKept }: { made: MadeKey; onKept: () => void }) {
  const [copied, setCopied] = useState<Copied>('not_yet');
  const press = () => void copy(made.key).then((isDone) => setCopied(isDone ? 'done' : 'refused'));
  return (
    <section class="made-key" aria-labelledby="made-key-title">
      <h2 id="made-key-title">{t('keys.made', { name: made.name })}</h2>
      <p><Shape tone="warn" /> {t('keys.once')}</p>
      <code id="made-key" tabIndex={0}>{made.key}</code>
      <p class="meta">{t('keys.how')} <span class="code-words">Authorization: Bearer fw_…</span></p>
      <div class="made-key-acts">
        <button type="button" class="big primary" data-act="copy" onClick={press}>{t('keys.copy')}</button>
        <button type="button" class="big" data-act="kept" onClick={onKept}>{t('keys.kept')}</button>
      </div>
      <p role="status" class="meta">
        {copied === 'done' && t('keys.copied')}
        {copied === 'refused' && t('keys.copy_by_hand')}
      </p>
    </section>
  );
}
