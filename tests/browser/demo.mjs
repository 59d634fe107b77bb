// The whole product through a browser: the demo opens the bearing ticket by itself, and a person
// reads it in both languages, looks at the spectrum, and takes it.

import assert from 'node:assert/strict';
import { ask, startDemo, waitFor } from './demo_process.mjs';
import { run } from './story.mjs';
import { CHROMIUM, hasBrowser, PATIENCE_MS, plain, seenText, visit } from './visitor.mjs';

const TOTAL_MS = 8 * 60_000;
const TICKET_WITHIN_MS = 4 * 60_000;
/** The raw samples follow the features that opened the ticket. */
const SPECTRUM_WITHIN_MS = 30_000;

async function story({ base }, browser, picture) {
  const wrongs = [];
  const row = await waitFor('a bearing ticket', TICKET_WITHIN_MS, async () => {
    const { items } = await ask(base, '/tickets?state=open');
    return items.find((it) => it.fault_family === 'bearing');
  });
  console.log(`${row.number}: ${row.headline.en}`);
  const ticket = await waitFor('a spectrum in its evidence', SPECTRUM_WITHIN_MS, async () => {
    const found = await ask(base, `/tickets/${row.number}`);
    const spectrum = found.evidence.spectrum;
    return spectrum && (await ask(base, `/waveforms/${spectrum.waveform}`)) && found;
  });

  const desk = await visit(browser, base, { size: 'desk', language: 'en' }, wrongs);
  await readTicket(desk, ticket, base, picture);
  await waitFor('three tickets', TICKET_WITHIN_MS, async () => 3 <= (await ask(base, '/tickets')).items.length);
  await lookAround(desk, ticket, base, picture);
  await desk.close();

  const night = await visit(browser, base, { size: 'phone', language: 'en', scheme: 'dark' }, wrongs);
  await readAtNight(night, base, picture);
  await night.close();

  const phone = await visit(browser, base, { size: 'phone', language: 'zh' }, wrongs);
  await takeTicket(phone, ticket, base, picture);
  await finishTicket(phone, ticket, base);
  for (const language of ['zh', 'en']) {
    if (language === 'en') await phone.switchLanguage('en');
    for (const path of ['/tickets', `/t/${ticket.number}`, '/devices', `/d/${ticket.device}`, '/health']) {
      await phone.open(path);
      await phone.page.waitForLoadState('load');
    }
  }
  await phone.close();
  assert.deepEqual(wrongs, [], 'what the browser complained about');
}

/** A process engineer at a desk: everything that a good ticket says, in both languages. */
async function readTicket(desk, ticket, base, picture) {
  const { page } = desk;
  await desk.open(`/t/${ticket.number}`);
  for (const language of ['en', 'zh']) {
    if (language === 'zh') await desk.switchLanguage('zh');
    // Evidence may be added at any moment; the page follows within seconds.
    await waitFor(`the whole ticket in ${language}`, PATIENCE_MS, () => checkTexts(page, language, base, ticket.number));
    await checkRepairs(page, ticket);
    await checkSpectrum(desk, ticket);
    await page.locator('#tab-trend').click();
    await page.locator('.plot canvas').first().waitFor();
  }
}

async function checkTexts(page, language, base, number) {
  const { brief, causes } = await ask(base, `/tickets/${number}`);
  const text = await seenText(page);
  const sentences = [brief.headline, brief.urgency, causes[0].name, ...brief.observations.map((it) => it.text)];
  for (const sentence of sentences) {
    // The page lets a sentence begin with a capital.
    const wanted = plain(sentence[language]);
    assert.ok(wanted && text.toLowerCase().includes(wanted.toLowerCase()), `the page lacks "${wanted}"`);
  }
  const chance = `${Math.round(causes[0].p * 100)} %`;
  assert.ok(text.includes(chance), `the page lacks ${chance} for the first cause`);
  return true;
}

async function checkRepairs(page, ticket) {
  assert.ok(0 < ticket.past_repairs.length, 'the ticket cites no past repair');
  await page.locator('#before details').evaluateAll((all) => all.forEach((it) => (it.open = true)));
  for (const repair of ticket.past_repairs) {
    const row = plain(await page.locator(`[id="repair-${repair.id}"]`).innerText());
    assert.ok(row.includes(plain(repair.text)), `the repair of ${repair.at} is not told: ${row}`);
  }
}

/** The matched fault frequency is marked by itself; the outer race can always be shown. */
async function checkSpectrum({ page }, ticket) {
  await page.locator('#tab-spectrum').click();
  await page.locator('.plot canvas').first().waitFor();
  const matched = ticket.evidence.spectrum.cursors.find((it) => it.matched);
  assert.ok(matched, 'no fault frequency of the bearing matched');
  await page.locator('.cursor-label.matched', { hasText: `${matched.label} 1×` }).waitFor();
  const outer = page.locator('.chip', { hasText: 'BPFO' });
  if ((await outer.getAttribute('aria-pressed')) === 'false') await outer.click();
  await page.locator('.cursor-label', { hasText: 'BPFO 1×' }).waitFor();
  const { inked, total } = await page.locator('.plot canvas').first().evaluate(countInk);
  assert.ok(0.005 < inked / total, `the spectrum is empty: ${inked} of ${total} pixels are drawn`);
}

/** Runs in the page: how many pixels of a canvas are drawn. */
function countInk(canvas) {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) inked += 1;
  return { inked, total: data.length / 4 };
}

async function lookAround(desk, ticket, base, picture) {
  const { page } = desk;
  await desk.switchLanguage('en');
  await desk.open(`/t/${ticket.number}?tab=spectrum`);
  await page.locator('.cursor-label').first().waitFor();
  await page.screenshot({ path: picture('spectrum-desk-en-light') });
  await desk.open(`/t/${ticket.number}`);
  await page.locator('.plot canvas').first().waitFor();
  await page.screenshot({ path: picture('ticket-desk-en-light') });
  // A machine that rests has another normal; the picture is of its work.
  await waitFor('the machine at work', 60_000, async () =>
    (await ask(base, `/devices/${ticket.device}`)).state?.startsWith('cut'),
  );
  await desk.open(`/d/${ticket.device}`);
  await page.locator('.plot canvas').first().waitFor();
  await page.locator('.channel').first().waitFor();
  await page.screenshot({ path: picture('device-desk-en-light') });
  await desk.open('/health');
  await page.locator('.stage').first().waitFor();
  await page.screenshot({ path: picture('health-desk-en-light') });
  await desk.open('/tickets');
  // A key that comes before the rows moves nothing.
  await page.locator('.rows a').first().waitFor();
  await page.keyboard.press('j');
  await page.locator('.rows a:focus').waitFor();
  await page.screenshot({ path: picture('list-desk-en-light') });
  await page.keyboard.press('Enter');
  await page.locator('.ticket-head').waitFor();
}

/** A mechanic at the machine: one tap takes the ticket. */
async function takeTicket(phone, ticket, base, picture) {
  const { page } = phone;
  await phone.open(`/t/${ticket.number}`);
  await page.locator('.plot canvas').first().waitFor();
  await page.screenshot({ path: picture('ticket-phone-zh-light') });
  const take = page.locator('[data-command="accept"]');
  assert.equal(plain(await take.innerText()), '我来处理');
  const { height } = await take.boundingBox();
  assert.ok(64 <= height, `the button is only ${height} px high`);
  await take.tap();
  await page.locator('[data-state="accepted"]').waitFor();
  const now = await ask(base, `/tickets/${ticket.number}`);
  assert.equal(now.state, 'accepted');
  assert.ok(now.owner, 'the taken ticket has no owner');
  await page.locator('[data-command="start"]').waitFor();
}

/** One tap each: start, what it was, how it turned out; then the machine's history knows the repair. */
async function finishTicket({ page, open }, ticket, base) {
  await page.locator('[data-command="start"]').tap();
  await page.locator('[data-state="in_progress"]').waitFor();
  await page.locator('[data-command="finish"]').tap();
  await page.locator(`.sheet [data-value="${ticket.causes[0].code}"]`).tap();
  await page.locator('[data-state="done"]').waitFor();
  await page.locator('[data-command="close"]').tap();
  await page.locator('.sheet [data-value="confirmed"]').tap();
  await page.locator('[data-state="closed"]').waitFor();
  const now = await ask(base, `/tickets/${ticket.number}`);
  assert.equal(now.verdict, 'confirmed');
  await open(`/d/${ticket.device}`);
  await page.locator('.repairs li', { hasText: ticket.number }).waitFor();
  const { stages } = await ask(base, '/health');
  assert.deepEqual(stages.filter((it) => it.status === 'failed' || it.status === 'degraded'), []);
}

/** On a phone in the dark: the other machine's ticket. */
async function readAtNight({ page, open }, base, picture) {
  const { items } = await ask(base, '/tickets');
  const other = items.find((it) => it.fault_family !== 'bearing' && it.kind === 'machine');
  assert.ok(other, 'the oil of the press has no ticket');
  await open(`/t/${other.number}`);
  await page.locator('.plot canvas').first().waitFor();
  await page.screenshot({ path: picture('ticket-phone-en-dark') });
}

await run({
  what: 'the bearing ticket reads in both languages',
  withinMs: TOTAL_MS,
  lacks: !hasBrowser() && CHROMIUM,
  start: startDemo,
  story,
});
