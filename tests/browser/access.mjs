// A server of one's own from its first start: the first admin comes in with the setup token, makes a
// maintainer and a key, and signs out; the maintainer comes in by phone, sees nothing of that, and takes a
// password of his own. Each refusal stands at the field that it belongs to, in the reader's language.

import assert from 'node:assert/strict';
import { waitFor } from './demo_process.mjs';
import { startServer } from './server_process.mjs';
import { run } from './story.mjs';
import { CHROMIUM, hasBrowser, PATIENCE_MS, plain, seenText, visit, wrongAt } from './visitor.mjs';

const TOTAL_MS = 5 * 60_000;
/** What the story provokes: nobody signed in, taken or last, not good enough; a storm that is none. */
const REFUSALS = [401, 404, 409, 422];
/** A gloved finger. */
const TARGET_PX = 48;

const ADMIN = { name: 'wang-fang', display: '王芳', password: 'crane harbour 77 lantern' };
const OWN_PASSWORD = '铁观音 on the third shelf';

async function story(server, browser, picture) {
  const wrongs = [];
  const someone = (size, language, scheme) =>
    visit(browser, server.base, { size, language, scheme, refusals: REFUSALS }, wrongs);
  const admin = await someone('desk', 'en');
  await firstAdmin(admin, server.token, picture);
  const given = await makeMaintainer(admin, picture);
  await keepLastAdmin(admin);
  await makeKey(admin, server.base, picture);
  await unknownStorm(admin);

  const phone = await someone('phone', 'zh');
  await comeIn(phone, given, picture);
  const desk = await someone('desk', 'zh', 'dark');
  await desk.open('/');
  await signIn(desk, 'li-jun', given);
  await ownPassword(phone, desk, given, picture);
  await endOther(phone, desk, picture);
  await disable(admin, phone, picture);

  await adminOfOneSite(admin, desk, picture);
  await switchAround(admin, picture);
  await signOut(admin);
  const night = await someone('phone', 'zh', 'dark');
  await night.open('/');
  await signIn(night, ADMIN.name, ADMIN.password);
  await onThePhone(night, picture);
  for (const visitor of [admin, phone, desk, night]) await visitor.close();
  assert.deepEqual(wrongs, [], 'what the browser complained about');
}

/** The token that the server printed; a wrong one and a short password are told where they stand. */
async function firstAdmin({ page, open, fits }, token, picture) {
  await open('/');
  await page.fill('[name="one-time-code"]', 'not the token');
  await page.fill('[name="username"]', 'Wang Fang');
  await page.fill('[name="name"]', ADMIN.display);
  await page.fill('[name="new-password"]', 'short');
  await page.click('button[type="submit"]');
  await wrongAt(page, 'username', /a-z/);
  await wrongAt(page, 'new-password', /at least 8/);
  await page.screenshot({ path: picture('setup-desk-en-light') });
  await page.fill('[name="username"]', ADMIN.name);
  await page.fill('[name="new-password"]', ADMIN.password);
  await page.click('button[type="submit"]');
  await wrongAt(page, 'one-time-code', /not the setup token/);
  await fits('the first start');
  await page.fill('[name="one-time-code"]', token);
  await page.click('button[type="submit"]');
  await page.locator('nav a[href="/access"]').waitFor();
  assert.match(plain(await page.locator('.own-link').innerText()), new RegExp(ADMIN.display));
}

/** A name that is taken and a password that everybody guesses are refused by the server, field by field. */
async function makeMaintainer({ page, fits }, picture) {
  await page.click('nav a[href="/access"]');
  await page.locator(`[data-account="${ADMIN.name}"]`).waitFor();
  await page.click('#new-account');
  await page.fill('dialog [name="account"]', ADMIN.name);
  await page.fill('dialog [name="display"]', '李军');
  await page.fill('dialog [name="new-password"]', 'Password1!');
  await page.click('dialog button[type="submit"]');
  await wrongAt(page, 'new-password', /guessed/);
  await page.click('dialog [data-act="suggest"]');
  const given = await page.inputValue('dialog [name="new-password"]');
  assert.match(given, /^([a-z2-9]{4}-){3}[a-z2-9]{4}$/);
  await page.click('dialog button[type="submit"]');
  await wrongAt(page, 'account', /already/);
  await page.screenshot({ path: picture('account-new-desk-en-light') });
  await page.fill('dialog [name="account"]', 'li-jun');
  await page.selectOption('dialog [name="role"]', 'maintainer');
  await fits('a new account');
  await page.click('dialog button[type="submit"]');
  const row = page.locator('[data-account="li-jun"]');
  await row.waitFor();
  assert.match(plain(await row.innerText()), /李军 li-jun.*Maintainer.*All sites.*may come in.*never signed in/);
  assert.match(plain(await page.locator('.told').innerText()), /Hand over the password/);
  await page.screenshot({ path: picture('access-desk-en-light') });
  return given;
}

/** Nobody locks everybody out. */
async function keepLastAdmin({ page }) {
  await page.click(`[data-account="${ADMIN.name}"]`);
  assert.equal(await page.locator('dialog [data-act="disable"]').count(), 0, 'an admin may disable himself');
  await page.selectOption('dialog [name="role"]', 'viewer');
  await page.click('dialog button[type="submit"]');
  await wrongAt(page, 'role', /last admin/);
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
}

/** A key is shown once, opens what it says, and nothing once it is revoked. */
async function makeKey({ page }, base, picture) {
  await page.click('#tab-keys');
  await page.click('#new-key');
  await page.uncheck('dialog [name="scope"][value="read"]');
  await page.click('dialog button[type="submit"]');
  await wrongAt(page, 'key-name', /needed/);
  assert.match(await page.locator('dialog fieldset[aria-invalid] .wrong').innerText(), /at least one/);
  await page.fill('dialog [name="key-name"]', 'ERP');
  await page.check('dialog [name="scope"][value="read"]');
  await page.screenshot({ path: picture('key-new-desk-en-light') });
  await page.click('dialog button[type="submit"]');
  const key = await page.locator('#made-key').innerText();
  const status = async () =>
    (await fetch(`${base}/api/v1/tickets`, { headers: { authorization: `Bearer ${key}` } })).status;
  assert.equal(await status(), 200, 'the key opens nothing');
  await page.screenshot({ path: picture('key-made-desk-en-light') });
  await page.click('[data-act="kept"]');
  await page.locator('#made-key').waitFor({ state: 'detached' });
  await page.reload();
  await page.locator('.key-row[data-state="works"]').waitFor();
  assert.ok(!(await page.content()).includes(key), 'the page still knows the key');
  await page.screenshot({ path: picture('keys-desk-en-light') });
  await page.locator('.key-row', { hasText: 'ERP' }).locator('button').click();
  await page.click('dialog [data-act="revoke"]');
  await page.locator('.key-row[data-state="revoked"]').waitFor({ state: 'attached' });
  assert.equal(await status(), 401, 'a revoked key opens something');
}

async function unknownStorm({ page, open }) {
  await open('/tickets?state=all&incident=INC-2026-9999');
  await page.locator('#storm', { hasText: 'There is no storm INC-2026-9999' }).waitFor();
  await page.click('#storm a[href="/tickets"]');
  await page.locator('#storm').waitFor({ state: 'detached' });
}

/** The maintainer's first time, on a phone: nothing of accounts is in sight, and its address says so. */
async function comeIn(phone, password, picture) {
  const { page, open } = phone;
  await open('/');
  await page.fill('[name="username"]', 'li-jun');
  await page.fill('[name="current-password"]', 'not this one');
  const masked = () => page.locator('[name="current-password"]').getAttribute('type');
  assert.equal(await masked(), 'password', 'a password is shown unasked');
  await page.click('[aria-controls][aria-pressed="false"]');
  assert.equal(await masked(), 'text', 'a person cannot look at what gloves typed');
  await page.click('button[type="submit"]');
  await wrongAt(page, 'current-password', /账号与密码不匹配/);
  await page.screenshot({ path: picture('sign-in-phone-zh-light') });
  await signIn(phone, 'li-jun', password);
  assert.equal(await page.locator('nav a[href="/access"]').count(), 0, 'a maintainer is led to the accounts');
  await open('/access');
  await page.locator('[data-refused]').waitFor();
  assert.equal(await page.locator('.foot .sign-out button').innerText(), '退出登录', 'no way out in sight');
  await page.click('[data-refused] a[href="/account"]');
  await page.locator('#own-password').waitFor();
}

/** A new password needs the old one, and ends the other sessions. */
async function ownPassword({ page, open, fits }, desk, given, picture) {
  await open('/account');
  const change = async (old, wanted) => {
    await page.fill('[name="current-password"]', old);
    await page.fill('[name="new-password"]', wanted);
    await page.click('#own-password button[type="submit"]');
  };
  await change('wrong', OWN_PASSWORD);
  await wrongAt(page, 'current-password', /当前密码不正确/);
  await change(given, 'li-jun-2026');
  await wrongAt(page, 'new-password', /不能包含账号名/);
  await fits('my account');
  for (const target of await page.locator('main button:visible').all()) {
    const { height } = await target.boundingBox();
    assert.ok(TARGET_PX <= height, `${await target.innerText()} is only ${height} px high`);
  }
  await page.locator('#own-sessions .session-row').nth(1).waitFor();
  await page.screenshot({ path: picture('account-phone-zh-light'), fullPage: true });
  await change(given, OWN_PASSWORD);
  await page.locator('#own-password .told').waitFor();
  await waitFor('the other session to end', PATIENCE_MS, async () => 1 === (await page.locator('.session-row').count()));
  await desk.open('/');
  await signIn(desk, 'li-jun', OWN_PASSWORD);
}

/** A browser that was left somewhere is signed out from here. */
async function endOther({ page, open }, desk, picture) {
  await open('/account');
  await page.locator('.session-row').nth(1).waitFor();
  await page.locator('.session-row button').click();
  await page.locator('.session-row').nth(1).waitFor({ state: 'detached' });
  // It shows no stale screen: the next thing that it asks for leads to the door.
  await desk.page.click('nav a[href="/devices"]');
  await desk.page.locator('form.narrow [name="current-password"]').waitFor();
  assert.equal(await desk.page.locator('nav').count(), 0, 'a stranger is led on');
  await desk.page.screenshot({ path: picture('sign-in-desk-zh-dark') });
  await signIn(desk, 'li-jun', OWN_PASSWORD);
  await desk.page.locator('.device-row a, .rows, .empty').first().waitFor();
  assert.match(await desk.page.url(), /\/devices$/, 'the person is not where he was');
}

/** Who is disabled is out at once, and in again when an admin says so. */
async function disable({ page, open }, phone, picture) {
  await open('/access');
  await page.click('[data-account="li-jun"]');
  await page.locator('dialog [data-act="disable"]').waitFor();
  await page.screenshot({ path: picture('account-desk-en-light') });
  await page.click('dialog [data-act="disable"]');
  await page.click('dialog [data-act="confirm"]');
  await page.locator('[data-account="li-jun"]', { hasText: 'disabled' }).waitFor();
  await phone.open('/');
  await phone.page.locator('[name="current-password"]').waitFor();
  await page.click('[data-account="li-jun"]');
  await page.click('dialog [data-act="enable"]');
  await page.locator('[data-account="li-jun"]', { hasText: 'may come in' }).waitFor();
  await signIn(phone, 'li-jun', OWN_PASSWORD);
}

/** Who administers some sites gives these only, and does not see who is for all. */
async function adminOfOneSite({ page, open }, { page: other, open: openOther }, picture) {
  await open('/access');
  await page.click('#new-account');
  await page.fill('dialog [name="account"]', 'zhou');
  await page.selectOption('dialog [name="role"]', 'admin');
  await page.click('dialog .chip[data-value="demo-plant"]');
  assert.equal(await page.locator('dialog .chip[aria-pressed="true"]').count(), 1, 'all sites and one of them');
  await page.click('dialog .chip[data-value="demo-plant"]');
  await page.fill('dialog [name="new-password"]', OWN_PASSWORD);
  await page.click('dialog button[type="submit"]');
  await page.locator('dialog fieldset[aria-invalid] .wrong', { hasText: 'at least one site' }).waitFor();
  await page.click('dialog .chip[data-value="demo-plant"]');
  // What was typed is not lost by a click beside the sheet.
  await page.mouse.click(5, 5);
  await page.click('dialog button[type="submit"]');
  await page.locator('[data-account="zhou"]', { hasText: 'Demo plant' }).waitFor();
  await openOther('/');
  await signIn({ page: other }, 'zhou', OWN_PASSWORD);
  await openOther('/access');
  await other.locator('[data-account="zhou"]').waitFor();
  assert.equal(await other.locator('[data-account]').count(), 1, 'he sees who is for all sites');
  await other.click('#new-account');
  await other.locator('dialog .chip[data-value="demo-plant"][aria-pressed="true"]').waitFor();
  assert.equal(await other.locator('dialog .chip').count(), 1, 'he may give all sites');
  await other.screenshot({ path: picture('account-new-desk-zh-dark') });
}

/** The admin's screens in the other language. */
async function switchAround({ page, open, switchLanguage }, picture) {
  await switchLanguage('zh');
  await open('/access');
  await page.locator('[data-account="li-jun"]').click();
  await page.locator('dialog [data-act="password"]').click();
  assert.match(plain(await seenText(page, 'dialog')), /此人会在所有设备上退出登录/);
  await page.screenshot({ path: picture('account-password-desk-zh-light') });
  await page.keyboard.press('Escape');
  await open('/access?tab=keys');
  await page.locator('details.more summary').click();
  await page.screenshot({ path: picture('keys-desk-zh-light') });
  await open('/account');
  await page.locator('.session-row').first().waitFor();
  await page.screenshot({ path: picture('own-desk-zh-light') });
  await switchLanguage('en');
}

/** An admin in the hall, in the dark. */
async function onThePhone({ page, open, fits, switchLanguage }, picture) {
  for (const language of ['zh', 'en']) {
    if (language === 'en') await switchLanguage('en');
    await open('/access');
    await page.locator('[data-account="li-jun"]').waitFor();
    await page.screenshot({ path: picture(`access-phone-${language}-dark`) });
    await page.click('#new-account');
    await page.locator('dialog [name="account"]').waitFor();
    await fits('a new account');
    await page.screenshot({ path: picture(`account-new-phone-${language}-dark`) });
    await page.keyboard.press('Escape');
    await open('/access?tab=keys');
    await page.click('#new-key');
    await page.selectOption('dialog [name="life"]', 'date');
    await page.locator('dialog [name="last-day"]').waitFor();
    await fits('a new key');
    await page.fill('dialog [name="key-name"]', language === 'zh' ? '2 号车间大屏' : 'Display in hall 2');
    await page.fill('dialog [name="last-day"]', '2020-01-01');
    await page.click('dialog button[type="submit"]');
    await wrongAt(page, 'last-day', language === 'zh' ? /已过/ : /is over/);
    await page.screenshot({ path: picture(`key-new-phone-${language}-dark`) });
    await page.selectOption('dialog [name="life"]', 'never');
    await page.click('dialog button[type="submit"]');
    await page.locator('#made-key').waitFor();
    await fits('a key that was made');
    await page.screenshot({ path: picture(`key-made-phone-${language}-dark`) });
    await page.click('[data-act="kept"]');
    await open('/account');
    await page.locator('.session-row').first().waitFor();
    await page.screenshot({ path: picture(`own-phone-${language}-dark`) });
  }
}

async function signIn({ page }, name, password) {
  await page.fill('[name="username"]', name);
  await page.fill('[name="current-password"]', password);
  await page.click('button[type="submit"]');
  await page.locator('.own-link').waitFor();
}

async function signOut({ page, open }) {
  await open('/account');
  await page.click('main .sign-out button');
  await page.locator('form.narrow [name="current-password"]').waitFor();
  assert.equal(await page.locator('.own-link').count(), 0, 'the page still knows who was here');
}

await run({
  what: 'an admin, a maintainer and a key come in by the page',
  withinMs: TOTAL_MS,
  lacks: !hasBrowser() && CHROMIUM,
  start: startServer,
  story,
});
