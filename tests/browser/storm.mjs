// Twelve mills of a hall grow hot at once: the page tells of one storm above the list without being asked,
// and shows it as one thing, with what the mills share first.

import assert from 'node:assert/strict';
import { MILLS, hasHall, site, startBroker, startHall } from './hall.mjs';
import { startServer } from './server_process.mjs';
import { run } from './story.mjs';
import { CHROMIUM, hasBrowser, plain, seenText, visit } from './visitor.mjs';

const TOTAL_MS = 5 * 60_000;
/** The limit of a bearing's heat must be passed for 20 s; a busy machine takes its time. */
const STORM_WITHIN_MS = 2 * 60_000;
const HOT = MILLS.filter((it) => it.isWest).length;

async function start() {
  const broker = await startBroker();
  const parts = [broker];
  const stop = async () => {
    for (const part of [...parts].reverse()) await part.stop();
  };
  try {
    const external = `external = { host = "127.0.0.1", port = ${broker.port} }`;
    const server = await startServer({ site: site(broker.port), broker: external });
    parts.push(server);
    const hall = startHall(broker.port);
    parts.push(hall);
    return { server, hall, stop, said: () => `${server.said()}\n--- the agent's\n${hall.said()}` };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function story({ server, hall }, browser, picture) {
  const wrongs = [];
  // Browsers complain of each answer to somebody who is not signed in.
  const someone = (size, language, scheme) =>
    visit(browser, server.base, { size, language, scheme, refusals: [401] }, wrongs);
  const phone = await someone('phone', 'zh');
  await comeIn(phone, server.token);
  await seeItCome(phone, hall);
  await seeItWhole(phone, picture);
  await endTheFilter(phone);
  const desk = await someone('desk', 'en', 'dark');
  await signIn(desk);
  await lookInEnglish(desk, picture);
  for (const visitor of [phone, desk]) await visitor.close();
  assert.deepEqual(wrongs, [], 'what the browser complained about');
}

const ADMIN = { name: 'wang', password: 'crane harbour 77 lantern' };

async function comeIn({ page, open }, token) {
  await open('/');
  await page.fill('[name="one-time-code"]', token);
  await page.fill('[name="username"]', ADMIN.name);
  await page.fill('[name="new-password"]', ADMIN.password);
  await page.click('button[type="submit"]');
  await page.locator('nav a[href="/access"]').waitFor();
}

async function signIn({ page, open }) {
  await open('/');
  await page.fill('[name="username"]', ADMIN.name);
  await page.fill('[name="current-password"]', ADMIN.password);
  await page.click('button[type="submit"]');
  await page.locator('.own-link').waitFor();
}

/** The list stays open, and the line comes by itself. */
async function seeItCome({ page, open }, hall) {
  await open('/tickets');
  await page.locator('.empty').waitFor();
  assert.equal(await page.locator('.storm').count(), 0, 'a storm before anything happened');
  hall.heat();
  const line = page.locator('.storm', { hasText: `共 ${HOT} 张工单` });
  await line.waitFor({ timeout: STORM_WITHIN_MS });
  assert.match(plain(await line.innerText()), /12 台中有 12 台同属链路 cell-west/);
  await line.locator('a').click();
}

async function seeItWhole({ page, fits }, picture) {
  await page.locator('.storm-shared li').first().waitFor();
  const told = await seenText(page, '#storm');
  assert.match(told, /报警风暴 INC-\d{4}-0001/);
  assert.match(told, /仍在继续.*12 张工单.*12 台设备/);
  const shared = (await page.locator('.storm-shared li').allInnerTexts()).map(plain);
  assert.match(shared[0], /链路 cell-west 12 \/ 12 台 该链路共 12 台 · 请先查这里。/);
  assert.match(shared[1], /区域 hall-west 12 \/ 12 台 该区域共 12 台$/);
  assert.equal(shared.length, 2, 'line-1 and their class are of the whole plant');
  const rows = (await page.locator('.rows li').allInnerTexts()).map(plain);
  assert.equal(rows.length, HOT);
  assert.equal(await page.locator('.storm').count(), 0, 'the same storm is told twice');
  await fits('a storm');
  await page.screenshot({ path: picture('storm-phone-zh-light') });
}

async function endTheFilter({ page }) {
  await page.click('#storm a[href="/tickets"]');
  await page.locator('#storm').waitFor({ state: 'detached' });
  await page.locator('.storm a').waitFor();
}

async function lookInEnglish({ page, open }, picture) {
  await open('/tickets');
  const line = page.locator('.storm', { hasText: '12 tickets on 12 machines' });
  await line.waitFor();
  await page.screenshot({ path: picture('storm-line-desk-en-dark') });
  await line.locator('a').click();
  await page.locator('.storm-shared li', { hasText: 'cell-west' }).waitFor();
  assert.match(await seenText(page, '#storm'), /goes on 12 tickets 12 machines.*link cell-west 12 of 12.*Look there first/);
  await page.screenshot({ path: picture('storm-desk-en-dark') });
}

await run({
  what: 'a storm is seen as one thing',
  withinMs: TOTAL_MS,
  lacks: (!hasBrowser() && CHROMIUM) || (!hasHall() && 'forewarn-edge, mosquitto and mosquitto_pub'),
  start,
  story,
});
