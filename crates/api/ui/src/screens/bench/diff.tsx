// Two texts of rules as what went and what came.

import { t } from '../../text/language';
import { diffLines } from './rule_text';

export function Diff({ before, after }: { before: string; after: string }) {
  const lines = diffLines(before, after);
  if (lines.length === 0) return <p class="meta">{t('rules.nothing_changed')}</p>;
  return (
    <pre class="diff" tabIndex={0}>
      {lines.map((it, index) => (
        <span key={index} class={it.sign === '+' ? 'came' : it.sign === '-' ? 'went' : undefined}>
          {it.sign} {it.text}{'\n'}
        </span>
      ))}
    </pre>
  );
}
