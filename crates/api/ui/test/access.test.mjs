// What the screens of access reckon by themselves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('../', import.meta.url));

/** A module of the page, compiled as the build does. */
async function load(path) {
  const { module } = await runnerImport(`${root}src/${path}`, { root, configFile: false, logLevel: 'error' });
  return module;
}

const { suggestPassword, wrongName, wrongPassword } = await load('parts/checks.ts');
const { changes, endOfDay, keyState } = await load('screens/access/reckon.ts');
const { program } = await load('screens/access/program.ts');
const { placed } = await load('parts/form.ts');

test('a name is what the server takes', () => {
  for (const name of ['li', 'li-jun', '7', 'a'.repeat(64)]) assert.equal(wrongName(name), null, name);
  for (const name of ['Li', 'li jun', '李军', 'li_jun', 'a'.repeat(65)]) {
    assert.equal(wrongName(name), 'form.name_letters', name);
  }
  assert.equal(wrongName(''), 'form.needed');
});

test('a password is measured in letters, not in bytes or halves of letters', () => {
  assert.equal(wrongPassword('', 'li'), 'form.needed');
  assert.equal(wrongPassword('sevenis', 'li'), 'form.password_short');
  assert.equal(wrongPassword('铁观音在第三层', 'li'), 'form.password_short');
  assert.equal(wrongPassword('铁观音在第三层架', 'li'), null);
  assert.equal(wrongPassword('😀😀😀😀', 'li'), 'form.password_short');
  assert.equal(wrongPassword('x y '.repeat(32), 'li'), null);
  assert.equal(wrongPassword('x y '.repeat(32) + 'z', 'li'), 'form.password_long');
});

test('a password must not hold the name, but two letters of a name stand in many words', () => {
  assert.equal(wrongPassword('My-LI-JUN-77', 'li-jun'), 'form.password_name');
  assert.equal(wrongPassword('delightful tea', 'li'), null);
});

test('a suggested password is taken, and no letter in it looks like another one', () => {
  const random = (bytes) => crypto.getRandomValues(bytes);
  const all = Array.from({ length: 32 }, () => suggestPassword(random));
  assert.equal(new Set(all).size, all.length);
  for (const it of all) {
    assert.match(it, /^([a-z0-9]{4}-){3}[a-z0-9]{4}$/);
    assert.doesNotMatch(it, /[ilo01]/);
    assert.equal(wrongPassword(it, 'maintenance'), null);
  }
});

test('each letter of a suggested password is as likely as any other', () => {
  // Every value of a byte once: what is left over of 256 must not count.
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  const counts = new Map();
  for (let at = 0; at < 256; at += 16) {
    const turn = bytes.slice(at, at + 16);
    let calls = 0;
    // A turn that gives too few letters is filled with those of byte 0, which are taken off again.
    const text = suggestPassword(() => (calls++ === 0 ? turn : new Uint8Array(16))).replaceAll('-', '');
    const filled = [...turn].filter((it) => 248 <= it).length;
    for (const letter of text.slice(0, 16 - filled)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  assert.deepEqual([...new Set(counts.values())], [8]);
  assert.equal(counts.size, 31);
});

const ACCOUNT = {
  name: 'li-jun',
  display_name: '李军',
  role: 'maintainer',
  sites: ['north', 'south'],
  disabled: false,
};

test('only what is different is asked for, so that nobody undoes what another admin did meanwhile', () => {
  const same = { display_name: ' 李军 ', role: 'maintainer', sites: ['south', 'north'] };
  assert.deepEqual(changes(ACCOUNT, same), {});
  assert.deepEqual(changes(ACCOUNT, { ...same, role: 'lead' }), { role: 'lead' });
  assert.deepEqual(changes(ACCOUNT, { ...same, sites: null }), { sites: null });
  assert.deepEqual(changes({ ...ACCOUNT, sites: null }, { ...same, sites: ['north'] }), { sites: ['north'] });
  assert.deepEqual(changes(ACCOUNT, { ...same, display_name: 'Li Jun' }), { display_name: 'Li Jun' });
});

test('a key works until its end, says two weeks before that it ends, and never again once revoked', () => {
  const at = Date.parse('2026-11-26T12:00:00Z');
  const state = (expires_at, revoked_at = null) => keyState({ expires_at, revoked_at }, at);
  assert.equal(state(null), 'works');
  assert.equal(state('2026-12-11T12:00:00Z'), 'works');
  assert.equal(state('2026-12-10T11:59:59Z'), 'ends_soon');
  assert.equal(state('2026-11-26T12:00:00Z'), 'ended');
  assert.equal(state(null, '2026-11-01T00:00:00Z'), 'revoked');
  assert.equal(state('2026-11-20T00:00:00Z', '2026-11-01T00:00:00Z'), 'revoked');
});

test('a day ends where the plant is, also when the clocks are changed on it', () => {
  const end = (day, zone) => endOfDay(day, zone)?.toISOString() ?? null;
  assert.equal(end('2026-12-31', 'UTC'), '2026-12-31T23:59:59.000Z');
  assert.equal(end('2026-12-31', 'Asia/Shanghai'), '2026-12-31T15:59:59.000Z');
  assert.equal(end('2026-12-31', 'America/New_York'), '2027-01-01T04:59:59.000Z');
  assert.equal(end('2026-03-29', 'Europe/Berlin'), '2026-03-29T21:59:59.000Z');
  assert.equal(end('2026-10-25', 'Europe/Berlin'), '2026-10-25T22:59:59.000Z');
  assert.equal(end('2026-09-05', 'America/Santiago'), '2026-09-06T03:59:59.000Z');
  assert.equal(end('', 'UTC'), null);
  assert.equal(end('2026-13-40', 'UTC'), null);
});

test('a program that names its forerunners is known by its own name', () => {
  const told = (agent) => Object.values(program(agent));
  const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
  assert.deepEqual(told(chrome), ['Chrome', 'Windows']);
  assert.deepEqual(told(`${chrome} Edg/130.0.0.0`), ['Edge', 'Windows']);
  assert.deepEqual(
    told('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'),
    ['Safari', 'iPhone'],
  );
  assert.deepEqual(
    told('Mozilla/5.0 (Linux; Android 14; V2324A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 wxwork/4.1.30 MicroMessenger/7.0.1 Language/zh'),
    ['wecom', 'Android'],
  );
  assert.deepEqual(told('Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'), ['Firefox', 'Linux']);
  assert.deepEqual(told('curl/8.5.0'), ['curl', null]);
  assert.deepEqual(told(''), [null, null]);
});

test('a problem stands at the field that it belongs to, and else at the form', () => {
  const belongs = { 'account-taken': 'name', 'weak-password': 'password' };
  const taken = { code: 'account-taken' };
  assert.deepEqual(placed(taken, belongs), { wrongs: { name: taken }, rest: null });
  const strange = { code: 'store-unavailable' };
  assert.deepEqual(placed(strange, belongs), { wrongs: {}, rest: strange });
  assert.deepEqual(placed({ code: 'constructor' }, belongs).wrongs, {});
  const own = { 'wrong-password': ['old', 'own.wrong_old'] };
  assert.deepEqual(placed({ code: 'wrong-password' }, own), { wrongs: { old: 'own.wrong_old' }, rest: null });
});

test('roles, scopes and kinds of problems are the words of the server', async () => {
  const source = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const words = (text, pattern) => [...text.matchAll(pattern)].map((it) => it[1]).sort();
  const { ROLES, SCOPES } = await load('api/access.ts');
  const roles = words(source('store/src/records/accounts.rs'), /Self::\w+ => "([a-z_]+)"/g);
  assert.deepEqual([...ROLES].sort(), roles);
  const auth = source('api/src/auth.rs');
  const scopes = words(auth.slice(auth.indexOf('impl KeyScope')), /Self::\w+ => "([a-z_]+)"/g);
  assert.deepEqual([...SCOPES].sort(), scopes);
  const problems = source('api/src/problem.rs');
  for (const code of ['account-taken', 'last-admin', 'weak-password', 'wrong-password', 'wrong-token', 'too-many-tries', 'not-allowed']) {
    assert.ok(problems.includes(`"${code}"`), code);
  }
});
