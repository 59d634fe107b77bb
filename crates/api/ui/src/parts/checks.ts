// What the server would refuse, told before anything is sent. The server decides; a rule that stands only
// there, such as its list of frequent passwords, comes back as a refusal.

import type { Key } from '../text/language';

const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;
/** Shorter names stand in many words. */
const TELLING_NAME_MIN = 3;

/** What is wrong with the name of an account. */
export function wrongName(name: string): Key | null {
  if (name === '') return 'form.needed';
  return /^[a-z0-9-]{1,64}$/.test(name) ? null : 'form.name_letters';
}

/** What is wrong with a password that somebody chose, as far as the page can tell. */
export function wrongPassword(password: string, name: string): Key | null {
  const letters = [...password].length;
  if (letters === 0) return 'form.needed';
  if (letters < PASSWORD_MIN) return 'form.password_short';
  if (PASSWORD_MAX < letters) return 'form.password_long';
  const holdsName = TELLING_NAME_MIN <= name.length && password.toLowerCase().includes(name.toLowerCase());
  return holdsName ? 'form.password_name' : null;
}

/** A password that nobody guesses and anybody can read over a phone: no letter looks like another one. */
export function suggestPassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): string {
  const letters: string[] = [];
  while (letters.length < SUGGESTED_LETTERS) {
    for (const byte of random(new Uint8Array(SUGGESTED_LETTERS))) {
      // Bytes beyond the last whole round would make some letters likelier than others.
      const letter = byte < ROUNDS ? CLEAR_LETTERS[byte % CLEAR_LETTERS.length] : undefined;
      if (letter) letters.push(letter);
    }
  }
  return (letters.slice(0, SUGGESTED_LETTERS).join('').match(/.{4}/g) ?? []).join('-');
}

const CLEAR_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const ROUNDS = 256 - (256 % CLEAR_LETTERS.length);
const SUGGESTED_LETTERS = 16;
