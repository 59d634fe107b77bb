// A person with a browser: a phone or a desk, in one language, who notes everything that is wrong.
//
// FOREWARN_PAGE names a folder with a built page that is shown in the place of the binary's own.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** How long a page may take for one thing: a busy machine is slow, not wrong. */
export const PATIENCE_MS = 30_000;

const SIZES = {
  desk: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
const LOCALES = { en: 'en-GB', zh: 'zh-CN' };
const OTHER = { en: 'English', zh: '中文' };

export const hasBrowser = () => existsSync(CHROMIUM);

export function launch() {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', ...quiet],
  });
}

/**
 * Opens a browser window; whatever goes wrong in it ends up in `wrongs`. `refusals` are the statuses that
 * the story provokes: browsers complain of each.
 */
export async function visit(browser, base, { size, language, scheme = 'light', refusals = [] }, wrongs) {
  const context = await browser.newContext({
    ...SIZES[size],
    locale: LOCALES[language],
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  if (process.env.FOREWARN_PAGE) await showPage(page, base, process.env.FOREWARN_PAGE);
  const note = (text) => wrongs.push(`${size} ${language}: ${text}`);
  page.on('pageerror', (error) => note(`the page threw ${error.message}`));
  page.on('console', (message) => {
    // A stale revision is no mistake: the page reads the ticket again and goes on.
    const status = Number(/status of (\d+)/.exec(message.text())?.[1] ?? 0);
    const isMeant = status === 412 || refusals.includes(status);
    if (message.type() === 'error' && !isMeant) note(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !/^(data|blob):/.test(url)) note(`asked elsewhere: ${url}`);
  });
  const open = async (path) => {
    await page.goto(base + path);
    await page.locator('main h1').first().waitFor();
    await fits(path);
  };
  /** Nothing, a sheet neither, is wider than the screen. */
  const fits = async (what) => {
    const excess = await page.evaluate(() => {
      const sheet = document.querySelector('dialog[open]');
      const beyond = document.documentElement.scrollWidth - window.innerWidth;
      return Math.max(beyond, sheet ? sheet.scrollWidth - sheet.clientWidth : 0);
    });
    if (0 < excess) note(`${what} is ${excess} px wider than the screen`);
  };
  const switchLanguage = async (to) => {
    await page.locator('.language', { hasText: OTHER[to] }).click();
    await page.locator(`html[lang^="${to}"]`).waitFor();
  };
  return { page, open, fits, switchLanguage, close: () => context.close() };
}

/** Shows a built page from a folder in the place of the binary's own, with the policy of the server. */
async function showPage(page, base, folder) {
  const policy = (await fetch(`${base}/`)).headers.get('content-security-policy') ?? '';
  await page.route((url) => url.href.startsWith(base) && !url.pathname.startsWith('/api/'), async (route) => {
    const { pathname } = new URL(route.request().url());
    const asked = join(folder, pathname);
    const file = pathname !== '/' && existsSync(asked) ? asked : join(folder, 'index.html');
    await route.fulfill({
      body: readFileSync(file),
      contentType: KINDS[extname(file)] ?? 'application/octet-stream',
      headers: { 'content-security-policy': policy },
    });
  });
}

const KINDS = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

/** The text that a person sees, with every kind of blank as one space. */
export async function seenText(page, selector = 'main') {
  return plain(await page.locator(selector).first().innerText());
}

export function plain(text) {
  return text.replace(/\s+/g, ' ').trim();
}

/** The field is marked, and what is wrong with it stands below it and is read out with it. */
export async function wrongAt(page, name, expected) {
  const field = page.locator(`[name="${name}"][aria-invalid="true"]`);
  await field.waitFor();
  const below = await field.getAttribute('aria-describedby');
  const told = plain(await page.locator(`[id="${below}"]`).innerText());
  assert.match(told, expected, `at ${name}`);
}
