// The process engineer's bench in a browser: a rule in shadow finds what it should not, ten of its
// anomalies are rejected, a gate is proposed with its backtest, approved, and a replay shows those ten
// gone while the confirmed bearing fault stays.

import assert from 'node:assert/strict';
import { ask, startDemo, waitFor } from './demo_process.mjs';
import { run } from './story.mjs';
import { CHROMIUM, hasBrowser, PATIENCE_MS, visit } from './visitor.mjs';

const TOTAL_MS = 14 * 60_000;
const TICKET_WITHIN_MS = 4 * 60_000;
/** A month of three machines through two engines, on a busy machine. */
const BACKTEST_WITHIN_MS = 5 * 60_000;
const REJECTED = 10;

/** Somebody forgot that the warm-up program runs slower than every part program. */
const RULE = `

[[rule]]
id = "slow-spindle"
kind = "limit"
mode = "shadow"
quantity = ["rotation.speed"]
component_kinds = ["spindle"]
states = ["warmup", "cut"]
direction = "below"
on = 1500.0
off = 1650.0
for = "10s"
samples = 2
clear_for = "30s"
severity = "warning"
fault_family = "tool_process"
`;

async function story({ base }, browser, picture) {
  const wrongs = [];
  const desk = await visit(browser, base, { size: 'desk', language: 'en' }, wrongs);
  await addRule(desk, base, picture);
  await fillQueue(desk, base);
  await confirmBearing(desk, base, picture);
  const rejected = await rejectTen(desk, base, picture);
  const proposal = await approve(desk, base, picture);
  assert.deepEqual([...proposal.evidence.rejected].sort(), [...rejected].sort(), 'the evidence is another');
  await replay(base, rejected);
  await lookAround(desk, base, picture);
  await desk.close();
  const phone = await visit(browser, base, { size: 'phone', language: 'zh' }, wrongs);
  await onThePhone(phone, base, picture);
  await phone.close();
  assert.deepEqual(wrongs, [], 'what the browser complained about');
}

/** A mistake is told with its line while one types; then the text is run and put into force. */
async function addRule({ page, open }, base, picture) {
  await open('/rules?tab=edit');
  const area = page.locator('#rules-text');
  const before = await area.inputValue();
  await area.fill(before.trimEnd() + RULE.replace('on = 1500.0', 'onn = 1500.0'));
  const place = page.locator('.problems .link').first();
  await place.waitFor();
  const line = before.trimEnd().split('\n').length + RULE.split('\n').findIndex((it) => it.startsWith('on '));
  assert.match(await place.innerText(), new RegExp(`Line ${line}\\b`));
  assert.match(await page.locator('.problems').innerText(), /onn/);
  assert.ok(await page.locator('#ask-backtest').isDisabled(), 'a text with mistakes can be run');
  await page.screenshot({ path: picture('rules-mistake-desk-en') });
  await area.fill(before.trimEnd() + RULE);
  await page.locator('.check-ok').waitFor();
  assert.ok(await page.locator('#put-rules').isDisabled(), 'a text that was never run can come into force');
  await page.locator('#trial-days').selectOption('1');
  await page.locator('#ask-backtest').click();
  await page.locator('.report').waitFor({ timeout: BACKTEST_WITHIN_MS });
  assert.ok(0 < Number((await page.locator('.sides tr').nth(1).locator('td').last().innerText())), 'the run found nothing');
  await page.screenshot({ path: picture('rules-backtest-desk-en') });
  await page.locator('#rules-reason').fill('spindle slower than any program');
  await page.locator('#put-rules').click();
  await waitFor('version 2 of the rules', PATIENCE_MS, async () => (await ask(base, '/rules')).version.version === 2);
  const rule = (await ask(base, '/rules')).rules.find((it) => it.id === 'slow-spindle');
  assert.ok(rule.is_shadow && rule.devices.length === 3, `three mills are watched, not ${rule.devices}`);
}

/** The past of the rule in shadow becomes a queue; no ticket opens. */
async function fillQueue({ page, open }, base) {
  await open('/rules?tab=edit&rule=slow-spindle');
  await page.locator('.check-ok').waitFor();
  await page.locator('#trial-days').selectOption('1');
  await page.locator('#ask-shadow').click();
  await page.locator('.report a[href^="/review"]').waitFor({ timeout: BACKTEST_WITHIN_MS });
  const { items } = await ask(base, '/anomalies?rule=slow-spindle&standing=open&limit=200');
  assert.ok(REJECTED <= items.length, `only ${items.length} anomalies were found`);
  assert.ok(items.every((it) => it.origin === 'shadow' && it.ticket === null), 'one of them opened a ticket');
  const ofWarmUp = items.filter((it) => it.parts[0].state === 'warmup');
  assert.ok(REJECTED <= ofWarmUp.length, `only ${ofWarmUp.length} of ${items.length} are of the warm-up`);
}

/** A real one: its ticket is open already, and the word is kept. */
async function confirmBearing({ page, open }, base, picture) {
  const bearing = await waitFor('the bearing anomaly', TICKET_WITHIN_MS, async () => {
    const { items } = await ask(base, '/anomalies?origin=live&standing=open');
    return items.find((it) => it.family === 'bearing');
  });
  await open(`/review?origin=live&a=${bearing.episode}`);
  await page.locator(`[data-episode="${bearing.episode}"] .plot canvas`).first().waitFor();
  await page.screenshot({ path: picture('review-desk-en') });
  await page.keyboard.press('a');
  await page.locator('.undo-bar').waitFor();
  const now = await ask(base, `/anomalies/${bearing.episode}`);
  assert.equal(now.standing, 'confirmed');
  assert.equal(now.label.author, 'demo-lead');
}

/** By keys alone: mark ten, reject them, take it back, reject them again. */
async function rejectTen({ page, open }, base, picture) {
  await open('/review?origin=shadow&rule=slow-spindle');
  await page.locator('.review-row').nth(REJECTED - 1).waitFor();
  await page.locator('.anomaly .plot canvas').first().waitFor();
  for (let marked = 0; marked < REJECTED; ) {
    const row = page.locator('.review-row[aria-selected="true"]');
    if (/warm-up/.test(await row.innerText())) {
      await page.keyboard.press('x');
      marked += 1;
    }
    if (marked < REJECTED) {
      const before = await row.getAttribute('data-anomaly');
      await page.keyboard.press('j');
      await page.locator(`.review-row[aria-selected="true"]:not([data-anomaly="${before}"])`).waitFor();
    }
  }
  assert.equal(await page.locator('.review-mark input:checked').count(), REJECTED);
  await page.screenshot({ path: picture('review-bulk-desk-en') });
  await page.keyboard.press('r');
  await page.locator('.sheet [data-value="normal_state"]').waitFor();
  await page.keyboard.press('1');
  await page.locator('.undo-bar').waitFor();
  const said = async () => (await ask(base, '/labels?rule=slow-spindle')).items;
  const first = await waitFor('ten labels', PATIENCE_MS, async () => (await said()).length === REJECTED && said());
  assert.ok(first.every((it) => it.reason === 'normal_state' && it.author === 'demo-lead'));
  await page.keyboard.press('u');
  await waitFor('no label', PATIENCE_MS, async () => (await said()).length === 0);
  for (const id of first.map((it) => it.episode)) {
    await page.locator(`[data-anomaly="${id}"] .review-mark input`).check();
  }
  await page.keyboard.press('r');
  await page.locator('.sheet [data-value="normal_state"]').click();
  await waitFor('ten labels again', PATIENCE_MS, async () => (await said()).length === REJECTED);
  return first.map((it) => it.episode);
}

/** The gate that follows, with its run; approval makes the next version. */
async function approve({ page, open }, base, picture) {
  await waitFor('a proposal', PATIENCE_MS, async () => (await ask(base, '/proposals')).items.length === 1);
  await open('/rules?tab=proposals');
  const card = page.locator('.proposal[data-state="open"]');
  await card.waitFor();
  assert.match(await card.locator('.diff .went').innerText(), /warmup/);
  await card.locator('.report').waitFor({ timeout: BACKTEST_WITHIN_MS });
  await page.screenshot({ path: picture('proposal-desk-en'), fullPage: true });
  const { items } = await ask(base, '/proposals');
  const { lost, judged } = items[0].backtest.report;
  assert.deepEqual(lost, []);
  assert.equal(judged.rejected_in_base, REJECTED, 'the run does not find what was rejected');
  assert.equal(judged.rejected_in_candidate, 0, 'the gate leaves rejected ones');
  assert.ok(1 <= judged.confirmed_in_base, 'the run does not find the confirmed fault');
  assert.equal(judged.confirmed_in_candidate, judged.confirmed_in_base);
  assert.match(await card.locator('[data-figure="lost"]').innerText(), /0 confirmed faults lost/);
  await card.locator('[data-act="approve"]').click();
  await page.locator('.proposal[data-state="approved"]').waitFor();
  assert.equal((await ask(base, '/rules')).version.version, 3);
  return items[0];
}

/** What the rules in force now find in the same past. */
async function replay(base, rejected) {
  const { toml } = await ask(base, '/rules');
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ toml, days: 1, purpose: 'shadow' });
  const asked = await (await fetch(`${base}/api/v1/backtests`, { method: 'POST', headers, body })).json();
  const done = await waitFor('the replay', BACKTEST_WITHIN_MS, async () => {
    const now = await ask(base, `/backtests/${asked.number}`);
    return now.state === 'done' && now;
  });
  const still = done.report.new.filter((it) => it.state === 'warmup');
  assert.deepEqual(still, [], 'the gated rule still finds something in the warm-up');
  assert.equal(done.report.judged.rejected_in_candidate, 0);
  for (const id of rejected) {
    assert.equal((await ask(base, `/anomalies/${id}`)).standing, 'rejected', 'a word was lost');
  }
}

async function lookAround(desk, base, picture) {
  const { page } = desk;
  const mill = 'mill-01';
  const device = await ask(base, `/devices/${mill}`);
  const channels = device.channels.filter((it) => !it.is_text).slice(0, 4).map((it) => it.id);
  const query = new URLSearchParams([...channels.map((it) => ['c', it]), ['range', '1h'], ['cmp', device.siblings[0]]]);
  await desk.open(`/explore?${query}`);
  await page.locator('.stack .plot canvas').nth(channels.length - 1).waitFor();
  await page.screenshot({ path: picture('explore-desk-en') });
  await page.locator('#mark').click();
  const plot = await page.locator('.stack .u-over').first().boundingBox();
  await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 40);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.locator('#mark-healthy').click();
  const marked = await waitFor('the marked stretch', PATIENCE_MS, async () =>
    (await ask(base, `/labels?device=${mill}`)).items.find((it) => it.episode === null));
  const share = (new Date(marked.until) - new Date(marked.since)) / 3_600_000;
  assert.ok(Math.abs(share - 0.2) < 0.03, `a fifth of the hour was marked, not ${share}`);
  await desk.open(`/explore?view=waterfall&d=${mill}&range=7d`);
  await page.locator('.waterfall').waitFor();
  await page.locator('.plot canvas').first().waitFor();
  await page.screenshot({ path: picture('waterfall-desk-en'), fullPage: true });
  for (const language of ['zh', 'en']) {
    await desk.switchLanguage(language);
    for (const path of ['/review?standing=all', '/rules', '/rules?tab=versions&version=3']) {
      await desk.open(path);
      await page.waitForLoadState('networkidle').catch(() => {});
      await page.screenshot({ path: picture(`${path.replace(/\W+/g, '-').slice(1)}-desk-${language}`) });
    }
  }
}

async function onThePhone(phone, base, picture) {
  const { page } = phone;
  for (const path of ['/review?standing=all', '/rules', '/rules?tab=edit', '/rules?tab=proposals', '/rules?tab=versions']) {
    await phone.open(path);
    await page.locator('.review-row, .rule, .editor, .proposal, [data-version]').first().waitFor();
    await page.screenshot({ path: picture(`${path.replace(/\W+/g, '-').slice(1)}-phone-zh`) });
  }
  const { items } = await ask(base, '/anomalies?standing=open&limit=200');
  const open = items.find((it) => it.origin === 'shadow');
  assert.ok(open, 'nothing is left in the queue');
  await phone.open(`/review?origin=shadow&a=${open.episode}`);
  await page.locator('.anomaly .plot canvas').first().waitFor();
  await page.screenshot({ path: picture('review-one-phone-zh') });
  const button = page.locator('[data-act="reject"]');
  const { height } = await button.boundingBox();
  assert.ok(64 <= height, `the button is only ${height} px high`);
  await button.tap();
  await page.locator('.sheet [data-value="too_tight"]').tap();
  await page.locator('.undo-bar').waitFor();
  assert.equal((await ask(base, `/anomalies/${open.episode}`)).label.reason, 'too_tight');
  await phone.open('/explore?c=mill-01/controller/speed&range=1h');
  await page.locator('.stack .plot canvas').first().waitFor();
  await page.screenshot({ path: picture('explore-phone-zh') });
}

await run({
  what: 'ten rejections became a gate, and no confirmed fault was lost',
  withinMs: TOTAL_MS,
  lacks: !hasBrowser() && CHROMIUM,
  start: startDemo,
  story,
});
