// A person with a browser: a phone or a desk, in one language, who notes everything that is wrong.

import { existsSync } from 'node:fs';
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

/** Opens a browser window; whatever goes wrong in it ends up in `wrongs`. */
export async function visit(browser, base, { size, language, scheme = 'light' }, wrongs) {
  const context = await browser.newContext({
    ...SIZES[size],
    locale: LOCALES[language],
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const note = (text) => wrongs.push(`${size} ${language}: ${text}`);
  page.on('pageerror', (error) => note(`the page threw ${error.message}`));
  page.on('console', (message) => {
    // A stale revision is no mistake: the page reads the ticket again and goes on.
    const isOvertaken = /status of 412/.test(message.text());
    if (message.type() === 'error' && !isOvertaken) note(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !/^(data|blob):/.test(url)) note(`asked elsewhere: ${url}`);
  });
  const open = async (path) => {
    await page.goto(base + path);
    await page.locator('main h1').first().waitFor();
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (0 < excess) note(`${path} is ${excess} px wider than the screen`);
  };
  const switchLanguage = async (to) => {
    await page.locator('.language', { hasText: OTHER[to] }).click();
    await page.locator(`html[lang^="${to}"]`).waitFor();
  };
  return { page, open, switchLanguage, close: () => context.close() };
}

/** The text that a person sees, with every kind of blank as one space. */
export async function seenText(page, selector = 'main') {
  return plain(await page.locator(selector).first().innerText());
}

export function plain(text) {
  return text.replace(/\s+/g, ' ').trim();
}
