// Runs a story: what it needs is started, and stopped whatever happens; it has a limit, and a place for its
// pictures: docs/screens when FOREWARN_SCREENS=1, else a temporary folder.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './demo_process.mjs';
import { launch } from './visitor.mjs';

/**
 * `lacks` is what is missing here, if anything; `start` resolves with what the story needs, `stop` and `said`
 * among it; `story` gets that, a browser, and where a picture of a name goes.
 */
export async function run({ what, withinMs, lacks, start, story }) {
  if (lacks) return skip(what, lacks);
  const all = { stop: async () => {} };
  const fail = async (error) => {
    console.error(`FAILED ${what}: ${error.stack ?? error}`);
    await all.stop().catch(() => {});
    process.exit(1);
  };
  const watchdog = setTimeout(() => fail(new Error(`not done within ${withinMs} ms`)), withinMs);
  try {
    const folder = pictureFolder();
    const started = await start();
    const browser = await launch().catch(async (error) => {
      await started.stop();
      throw error;
    });
    all.stop = async () => {
      await browser.close();
      await started.stop();
    };
    await story(started, browser, (name) => join(folder, `${name}.png`)).catch((error) => {
      error.stack += `\n--- the program's last words\n${started.said()}`;
      throw error;
    });
    clearTimeout(watchdog);
    await all.stop();
    console.log(`ok: ${what}; pictures in ${folder}`);
  } catch (error) {
    await fail(error);
  }
}

function pictureFolder() {
  if (process.env.FOREWARN_SCREENS !== '1') return mkdtempSync(join(tmpdir(), 'forewarn-screens-'));
  const folder = join(ROOT, 'docs', 'screens');
  mkdirSync(folder, { recursive: true });
  return folder;
}

function skip(what, lacks) {
  console.log(`SKIPPED ${what}: needs ${lacks}`);
  if ((process.env.FOREWARN_REQUIRE ?? '').split(',').includes('peers')) process.exitCode = 1;
}
