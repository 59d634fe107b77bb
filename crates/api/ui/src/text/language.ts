// The language of the page and the catalogues: one key, two texts, checked by the compiler.
//
// The order is session, then what this browser chose before, then what the browser prefers. Texts of
// the server arrive in both languages and are picked here. A text with `|` holds singular and plural.

import { computed, signal } from '@preact/signals';
import type { Name } from '../api/types';
import en from './en.json';
import zhCN from './zh-CN.json';

export type Language = 'en' | 'zh';
export type Key = keyof typeof en;

const zh: Record<Key, string> = zhCN;
const STORED = 'forewarn.language';

export const language = signal<Language>(chosenBefore() ?? preferred());
/** The tag for `Intl` and for the document. */
export const locale = computed(() => (language.value === 'zh' ? 'zh-CN' : 'en-GB'));

/** The text of a key, with `{name}` replaced. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = (language.value === 'zh' ? zh : en)[key];
  const [one, many] = text.split('|');
  const form = many !== undefined && values.n !== 1 ? many : (one ?? '');
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a word of the server; the word itself if the catalogue does not know it. */
export function word(group: string, value: string): string {
  return phrase(group, value) ?? value.split('_').join(' ');
}

/** The text of a word of the server, if the catalogue knows it. */
export function phrase(group: string, value: string): string | null {
  const key = `${group}.${value}`;
  return key in en ? t(key as Key) : null;
}

/** A server text in the language of the page. */
export function pick(text: Name | null | undefined): string {
  if (typeof text === 'string') return text;
  return (language.value === 'zh' ? text?.zh : text?.en) || text?.en || '';
}

/** A server text that stands alone: it begins with a capital, and no line begins with a unit's sign. */
export function sentence(text: Name | null | undefined): string {
  const words = pick(text).replace(/(\d) (?=[%°×])/g, '$1\u00a0');
  return words.charAt(0).toLocaleUpperCase('en') + words.slice(1);
}

/** The person's choice; kept for the next visit. */
export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // A browser without storage asks again next time.
  }
}

/** The choice that the account brings. */
export function adoptLanguage(tag: string | null): void {
  if (tag) language.value = tag.startsWith('zh') ? 'zh' : 'en';
}

function chosenBefore(): Language | null {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === 'en' || stored === 'zh' ? stored : null;
  } catch {
    return null;
  }
}

function preferred(): Language {
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
