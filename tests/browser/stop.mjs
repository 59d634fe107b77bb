// Machines stand by plan: somebody plans it by phone on the page of one of them, what is found meanwhile is set
// aside instead of calling anybody, the tickets and the stops tell of it, and the machines come back.

import assert from 'node:assert/strict';
import { ask, startDemo, waitFor } from './demo_process.mjs';
import { run } from './story.mjs';
import { CHROMIUM, hasBrowser, PATIENCE_MS, plain, seenText, visit, wrongAt } from './visitor.mjs';

const TOTAL_MS = 10 * 60_000;
/** A fault of the demo grows until rules find it. */
const FOUND_WITHIN_MS = 5 * 60_000;
/** A gloved finger. */
const TARGET_PX = 48;
/** What the story provokes: hours that are over by the server's clock, and a store that does not answer. */
const REFUSALS = [400, 404, 503];
const ZONE = 'Asia/Shanghai';
const HOUR_MS = 3_600_000;

async function story({ base }, browser, picture) {
  const wrongs = [];
  const someone = async (size, language, scheme) => {
    const visitor = await visit(browser, base, { size, language, scheme, refusals: REFUSALS }, wrongs);
    if (size === 'phone') await visitor.page.setViewportSize({ width: 390, height: 844 });
    return visitor;
  };
  const phone = await someone('phone', 'zh');
  await nothingYet(phone, picture);
  const stop = await planForTheLine(phone, base, picture);
  const desk = await someone('desk', 'en');
  await seeOnTickets(desk, stop, picture);
  const later = await planForLater(desk, base, picture);
  const found = await whatIsFound(desk, base, stop, picture);
  await onThePhone(await someone('phone', 'en', 'dark'), stop, found, picture);
  await inTheDark(await someone('desk', 'zh', 'dark'), stop, picture);
  await refusedByTheServer(await someone('desk', 'zh'), picture);
  await onlyLooking(await someone('desk', 'en'));
  await storeIsAway(await someone('phone', 'zh'), picture);
  await comeBack(phone, base, stop, found, picture);
  await callOff(desk, base, later, picture);
  for (const visitor of [phone, desk]) await visitor.close();
  assert.deepEqual(wrongs, [], 'what the browser complained about');
}

/** Before anything is planned the screen says what it is for. */
async function nothingYet({ page, open }, picture) {
  await open('/tickets');
  assert.equal(await page.locator('.stop-lines').count(), 0, 'a stop that nobody planned');
  await open('/stops');
  await page.locator('.empty').nth(1).waitFor();
  assert.match(await seenText(page), /目前没有计划停机的设备.*还没有结束的停机/);
  await page.screenshot({ path: picture('stops-empty-phone-zh-light') });
}

/** What is missing stands at its field; then four taps. */
async function planForTheLine({ page, open, fits }, base, picture) {
  await open('/d/mill-01');
  await page.click('#plan-stop');
  const submit = page.locator('#stop-form button[type="submit"]');
  await page.locator('#stop-form [data-value="hours_8"]').waitFor();
  await submit.click();
  await page.locator('#stop-form fieldset[aria-invalid] .wrong', { hasText: '请选择停到什么时候' }).waitFor();
  await wrongAt(page, 'reason', /请填写此项/);
  await page.screenshot({ path: picture('stop-wrong-phone-zh-light') });
  await page.click('#stop-form [data-value="other"]');
  await page.fill('#stop-form [name="ends"]', wall(Date.now() - HOUR_MS));
  await page.click('#stop-form [data-value="maintenance"]');
  await submit.click();
  await wrongAt(page, 'ends', /这个时间已过/);
  await page.fill('#stop-form [name="ends"]', wall(Date.now() + 70 * 24 * HOUR_MS));
  await submit.click();
  await wrongAt(page, 'ends', /60 天/);
  await page.locator('#stop-form [data-value="shift"]', { hasText: '班结束' }).waitFor();
  await page.click('#stop-form [data-value="hours_8"]');
  await page.click('#stop-form [data-value="production_line"]');
  assert.match(plain(await page.locator('.stop-effect').innerText()), /line-1 产线（5 台）：从现在起，至 .*不派单/);
  await fits('planning a stop');
  await reachable(page, 'dialog button:visible, dialog input:visible');
  await page.screenshot({ path: picture('stop-plan-phone-zh-light') });
  await submit.click();
  const card = page.locator('.stop-card[data-phase="going_on"]');
  await card.waitFor();
  const [stop] = (await ask(base, '/planned-stops?over=false')).items;
  assert.equal(stop.devices.length, 5, 'the line has five machines');
  const hours = (Date.parse(stop.until) - Date.parse(stop.from)) / HOUR_MS;
  assert.ok(7.9 < hours && hours <= 8.05, `eight hours were chosen, not ${hours}`);
  const told = plain(await card.innerText());
  for (const words of [stop.number, '检修', 'demo-lead', wall(Date.parse(stop.until)).slice(11), '设备均已恢复']) {
    assert.ok(told.includes(words), `the card lacks "${words}": ${told}`);
  }
  await reachable(page, '.stop-card button, .device-acts button');
  await page.screenshot({ path: picture('stop-device-phone-zh-light') });
  return stop;
}

/** One quiet line above the list leads to the stop. */
async function seeOnTickets({ page, open }, stop, picture) {
  await open('/tickets');
  const line = page.locator(`.stop-lines [data-stop="${stop.number}"]`, { hasText: 'Line line-1 (5 machines)' });
  await line.waitFor();
  assert.match(plain(await line.innerText()), /^Planned stop · Line line-1 \(5 machines\) · until /);
  await page.screenshot({ path: picture('stop-line-desk-en-light') });
  await line.focus();
  await page.keyboard.press('Enter');
  await page.locator(`.stop-card[data-stop="${stop.number}"]`).waitFor();
  assert.equal(await page.locator('nav a[aria-current="page"]').innerText(), 'Tickets');
}

/** By keys alone: a press that is to stand from tomorrow on. */
async function planForLater({ page, open }, base, picture) {
  await open('/d/press-01');
  await page.locator('#plan-stop').focus();
  await page.keyboard.press('Enter');
  await page.locator('#stop-form [data-value="hours_2"]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.ok(await page.locator('#plan-stop').evaluate((it) => it === document.activeElement), 'the focus is lost');
  await page.keyboard.press('Enter');
  await page.locator('#stop-form [data-value="later"]').focus();
  await page.keyboard.press('Space');
  const begins = wall(Date.now() + 3 * HOUR_MS);
  await page.fill('#stop-form [name="begins"]', begins);
  await page.locator('#stop-form [data-value="hours_2"]').focus();
  await page.keyboard.press('Space');
  await page.locator('#stop-form [name="reason"]').focus();
  await page.keyboard.type('New die');
  await page.screenshot({ path: picture('stop-plan-desk-en-light') });
  await page.keyboard.press('Enter');
  const line = page.locator('.device .stop-lines a');
  await line.waitFor();
  assert.match(plain(await line.innerText()), new RegExp(`${begins.slice(11)} to .*New die`));
  const { items } = await ask(base, '/planned-stops?over=false');
  const stop = items.find((it) => it.reason === 'New die');
  assert.equal(wall(Date.parse(stop.from)), begins, 'it begins by the clocks of the plant');
  assert.equal(Date.parse(stop.until) - Date.parse(stop.from), 2 * HOUR_MS);
  await open('/tickets');
  await page.locator('.stop-lines a').nth(1).waitFor();
  return stop;
}

/** A fault grows meanwhile: it is counted and listed, and opens no ticket. */
async function whatIsFound({ page, open }, base, stop, picture) {
  const whole = await waitFor('a finding that is set aside', FOUND_WITHIN_MS, async () => {
    const it = await ask(base, `/planned-stops/${stop.number}`);
    return 0 < it.set_aside && it;
  });
  const [first] = whole.found;
  console.log(`${whole.set_aside} set aside: ${first.rule} on ${first.channel}`);
  await open(`/d/${first.device}`);
  const row = page.locator(`.stop-card .found-row[data-rule="${first.rule}"]`).first();
  await row.waitFor();
  const device = await ask(base, `/devices/${first.device}`);
  // A channel of captured waveforms has no name of its own; the part that it watches has.
  const place = device.channels.find((it) => it.id === first.channel) ?? device.components.find((it) => it.id === first.component);
  const told = plain(await row.innerText()).toLowerCase();
  assert.ok(told.includes(place.name.en.toLowerCase()), `${told} lacks ${place.name.en}`);
  await page.screenshot({ path: picture('stop-device-desk-en-light') });
  const { items } = await ask(base, `/tickets?state=all&device=${first.device}`);
  const opened = items.filter((it) => stop.from <= it.opened_at);
  assert.deepEqual(opened.map((it) => it.number), [], 'somebody is called for a machine that stands by plan');
  await open('/tickets');
  await page.locator(`.stop-lines [data-stop="${stop.number}"]`, { hasText: /findings? set aside/ }).waitFor();
  return first;
}

async function onThePhone({ page, open, close }, stop, found, picture) {
  await open('/tickets');
  await page.locator(`.stop-lines [data-stop="${stop.number}"]`).waitFor();
  await page.screenshot({ path: picture('stop-line-phone-en-dark') });
  await open(`/d/${found.device}`);
  await page.locator('.stop-card .found-row').first().waitFor();
  await page.screenshot({ path: picture('stop-device-phone-en-dark') });
  await open('/stops');
  await page.locator('.stop-card .found-row').first().waitFor();
  await page.locator('.stop-row').first().waitFor();
  await reachable(page, '.stop-row, .stop-card button, .stops-screen .button');
  await page.screenshot({ path: picture('stops-phone-en-dark'), fullPage: true });
  await close();
}

async function inTheDark({ page, open, close }, stop, picture) {
  await open(`/stops?stop=${stop.number}`);
  await page.locator('.stop-card .found-row').first().waitFor();
  await page.screenshot({ path: picture('stops-desk-zh-dark') });
  await open('/stops?stop=STOP-2020-0001');
  await page.locator('.empty', { hasText: '没有计划停机 STOP-2020-0001' }).waitFor();
  await close();
}

/** A browser whose clock is behind offers hours that are over; what the server says of it stands at the field. */
async function refusedByTheServer({ page, open, close }, picture) {
  await page.clock.setFixedTime(Date.now() - 3 * HOUR_MS);
  await open('/d/pump-01');
  await page.click('#plan-stop');
  await page.click('#stop-form [data-value="hours_2"]');
  await page.click('#stop-form [data-value="cleaning"]');
  await page.click('#stop-form button[type="submit"]');
  await page.locator('#stop-form fieldset[aria-invalid] .wrong', { hasText: '服务器不接受这个结束时间' }).waitFor();
  await page.screenshot({ path: picture('stop-refused-desk-zh-light') });
  await close();
}

/** Whoever may not work on tickets reads what others planned. */
async function onlyLooking({ page, open, close }) {
  await page.route('**/api/v1/session', async (route) => {
    const session = await (await route.fetch()).json();
    await route.fulfill({ json: { ...session, duties: ['look', 'own'] } });
  });
  await open('/d/mill-01');
  await page.locator('.stop-card[data-phase="going_on"]').waitFor();
  assert.equal(await page.locator('#plan-stop').count(), 0, 'a viewer may plan a stop');
  assert.equal(await page.locator('[data-act="end"]').count(), 0, 'a viewer may end a stop');
  await close();
}

async function storeIsAway({ page, open, close }, picture) {
  const problem = { title: 'A store is not available', status: 503, detail: '', code: 'store-unavailable' };
  await page.route('**/api/v1/planned-stops?*', (route) => route.fulfill({ status: 503, json: problem }));
  await open('/stops');
  await page.locator('.empty[role="alert"] button').first().waitFor();
  await page.screenshot({ path: picture('stops-failed-phone-zh-light') });
  await page.unroute('**/api/v1/planned-stops?*');
  await page.locator('.empty[role="alert"] button').first().click();
  await page.locator('.stop-card[data-phase="going_on"]').waitFor();
  await close();
}

/** The machines are back: what happens next is said before and after. */
async function comeBack({ page, open, fits }, base, stop, found, picture) {
  await open(`/d/${found.device}`);
  await page.locator('.stop-card .found-row').first().waitFor();
  await page.click('.stop-card [data-act="end"]');
  await page.locator('dialog [data-act="confirm"]').waitFor();
  assert.match(await seenText(page, 'dialog'), /涉及 5 台设备.*恢复派单.*15 分钟.*设备均已恢复/);
  await fits('the end of a stop');
  await page.screenshot({ path: picture('stop-back-phone-zh-light') });
  await page.click('dialog [data-act="confirm"]');
  await page.locator('#stop-ended').waitFor();
  const over = await ask(base, `/planned-stops/${stop.number}`);
  assert.equal(over.ended_by, 'demo-lead');
  const counts = wall(Date.parse(over.ended_at) + HOUR_MS / 4).slice(11);
  assert.ok((await seenText(page, '#stop-ended')).includes(counts), `the page does not say that ${counts} counts`);
  await page.locator('.stop-card').waitFor({ state: 'detached' });
  await page.screenshot({ path: picture('stop-ended-phone-zh-light') });
  await open('/tickets');
  await page.locator('.stop-lines a').first().waitFor();
  assert.equal(await page.locator(`.stop-lines [data-stop="${stop.number}"]`).count(), 0, 'it goes on');
  await open('/stops');
  const row = page.locator(`.stop-row[data-stop="${stop.number}"]`);
  await row.waitFor();
  assert.match(plain(await row.innerText()), /搁置 \d+ 项异常/);
  await row.click();
  await page.locator('#chosen-stop[data-phase="over"] .found-row').first().waitFor();
  await page.screenshot({ path: picture('stops-over-phone-zh-light') });
}

/** One that has not begun is called off, and nothing is left above the tickets. */
async function callOff({ page, open }, base, later, picture) {
  await open(`/stops?stop=${later.number}`);
  await page.locator('#chosen-stop[data-phase="to_come"] [data-act="end"]').click();
  await page.click('dialog [data-act="confirm"]');
  await page.locator('#chosen-stop[data-phase="called_off"]').waitFor();
  await page.locator(`.stop-row[data-stop="${later.number}"]`, { hasText: 'called off' }).waitFor();
  await page.screenshot({ path: picture('stops-desk-en-light'), fullPage: true });
  await waitFor('no stop that is open', PATIENCE_MS, async () => 0 === (await ask(base, '/planned-stops?over=false')).items.length);
  await open('/tickets');
  await page.locator('.rows, .empty').first().waitFor();
  assert.equal(await page.locator('.stop-lines').count(), 0, 'the tickets tell of a stop that was called off');
}

/** Everything that is meant for a finger has room for one. */
async function reachable(page, selector) {
  for (const target of await page.locator(selector).all()) {
    const { height } = await target.boundingBox();
    assert.ok(TARGET_PX <= Math.round(height), `${await target.innerText()} is only ${height} px high`);
  }
}

/** What the clocks of the plant show, as a field of the browser writes it. */
function wall(at) {
  const parts = { timeZone: ZONE, dateStyle: 'short', timeStyle: 'short' };
  return new Intl.DateTimeFormat('sv-SE', parts).format(at).replace(' ', 'T');
}

await run({
  what: 'machines that stand by plan call nobody',
  withinMs: TOTAL_MS,
  lacks: !hasBrowser() && CHROMIUM,
  start: startDemo,
  story,
});
