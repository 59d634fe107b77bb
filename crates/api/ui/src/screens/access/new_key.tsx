// Makes a key: what it is for, what it may do, where, and until when.

import { useState } from 'preact/hooks';
import { addKey, type MadeKey, type Scope, SCOPES, type Sites } from '../../api/access';
import { Below, ChoiceField, DateField, FormProblem, TextField } from '../../parts/field';
import { useForm, type Wrong } from '../../parts/form';
import { Sheet } from '../../parts/sheet';
import { zone } from '../../text/format';
import { t } from '../../text/language';
import type { Reach } from './access';
import { endOfDay } from './reckon';
import { firstSites, SitesField, wrongSites } from './sites';

interface Props {
  reach: Reach;
  onClose: () => void;
  onDone: (made: MadeKey) => void;
}

/** In days; `date` asks for one, `never` means for good. */
const LIVES = ['30', '90', '365', 'date', 'never'] as const;
type Life = (typeof LIVES)[number];

const DAY_MS = 86_400_000;

export function NewKeySheet({ reach, onClose, onDone }: Props) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['read']);
  const [sites, setSites] = useState<Sites>(firstSites(reach));
  const [life, setLife] = useState<Life>('365');
  const [date, setDate] = useState('');
  const form = useForm<'name' | 'scopes' | 'sites' | 'date'>({ 'not-allowed': ['sites', 'access.sites_refused'] });
  const send = form.sends({
    check: () => ({
      name: name.trim() === '' ? ('form.needed' as const) : null,
      scopes: scopes.length === 0 ? ('keys.scope_needed' as const) : null,
      sites: wrongSites(sites),
      date: life === 'date' ? wrongDate(date) : null,
    }),
    ask: () => addKey({ name: name.trim(), scopes, sites, expires_at: endOf(life, date) }),
    done: onDone,
  });
  return (
    <Sheet isForm title={t('keys.new')} onClose={onClose}>
      <form class="form" ref={form.place} noValidate onSubmit={send}>
        <TextField
          label={t('keys.for')}
          name="key-name"
          max={80}
          isPlain
          value={name}
          {...form.of('name', setName)}
          hint={t('keys.for_hint')}
        />
        <ScopesField value={scopes} {...form.of('scopes', setScopes)} />
        <SitesField value={sites} reach={reach} {...form.of('sites', setSites)} />
        <ChoiceField
          label={t('keys.life')}
          name="life"
          value={life}
          onValue={(chosen) => setLife(LIVES.find((it) => it === chosen) ?? life)}
          hint={life === 'never' && t('keys.never_hint')}
          options={LIVES.map((it) => ({ value: it, text: t(`key_life.${it}`) }))}
        />
        {life === 'date' && (
          <DateField label={t('keys.last_day')} name="last-day" min={tomorrow()} value={date} {...form.of('date', setDate)} />
        )}
        <FormProblem problem={form.problem} />
        <button type="submit" class="big primary" disabled={form.isBusy}>{t('keys.make')}</button>
      </form>
    </Sheet>
  );
}

interface ScopesProps {
  value: Scope[];
  wrong: Wrong | null;
  onValue: (value: Scope[]) => void;
}

function ScopesField({ value, wrong, onValue }: ScopesProps) {
  const flip = (scope: Scope) =>
    onValue(value.includes(scope) ? value.filter((it) => it !== scope) : [...value, scope]);
  return (
    <fieldset class="field" tabIndex={-1} aria-invalid={wrong ? 'true' : undefined} aria-describedby="scopes-below">
      <legend>{t('keys.scopes')}</legend>
      {SCOPES.map((it) => (
        <label key={it} class="tick">
          <input type="checkbox" name="scope" value={it} checked={value.includes(it)} onChange={() => flip(it)} />
          <span><span class="name">{t(`scope.${it}`)}</span> <span class="meta">{t(`scope_for.${it}`)}</span></span>
        </label>
      ))}
      <Below id="scopes" wrong={wrong} hint={t('keys.scopes_hint')} />
    </fieldset>
  );
}

function wrongDate(date: string) {
  const end = endOfDay(date, zone.value);
  if (!end) return 'form.needed' as const;
  return end.getTime() <= Date.now() ? ('keys.end_passed' as const) : null;
}

function endOf(life: Life, date: string): string | null {
  if (life === 'never') return null;
  if (life === 'date') return endOfDay(date, zone.value)?.toISOString() ?? null;
  return new Date(Date.now() + Number(life) * DAY_MS).toISOString();
}

function tomorrow(): string {
  return new Date(Date.now() + DAY_MS).toISOString().slice(0, 10);
}
