// Runs a server that asks everybody who they are, as a child with a folder of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findBinary, ROOT, stop } from './demo_process.mjs';

const LISTENING_WITHIN_MS = 60_000;

const EMBEDDED = 'embedded = { listen = "127.0.0.1:0" }';
const settings = (broker) =>
  `site_file = "site.toml"\ndata_dir = "data"\nhttp = "127.0.0.1:0"\n[broker]\n${broker}\n`;

/**
 * Starts a server on a free port, for the demo's plant unless another site is given; resolves with its address
 * and the setup token once it told both.
 */
export async function startServer({ site = demoSite(), broker = EMBEDDED } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'forewarn-server-'));
  writeFileSync(join(folder, 'site.toml'), site);
  writeFileSync(join(folder, 'server.toml'), settings(broker));
  const binary = findBinary();
  const child = spawn(binary, ['serve', '--config', join(folder, 'server.toml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = [];
  const said = () => lines.slice(-15).join('\n');
  const stopAll = async () => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await told(child, binary, lines, said)), stop: stopAll, said };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

const demoSite = () => readFileSync(join(ROOT, 'config', 'demo', 'site.toml'), 'utf8');

function told(child, binary, lines, said) {
  return new Promise((resolve, reject) => {
    const found = {};
    const late = () => reject(new Error(`the server did not listen within ${LISTENING_WITHIN_MS} ms\n${said()}`));
    const timer = setTimeout(late, LISTENING_WITHIN_MS);
    const hear = (line) => {
      found.base ??= /^Forewarn serves (\S+)/.exec(line)?.[1];
      found.token ??= /Setup token.* (\S+)$/.exec(line)?.[1];
      lines.push(line);
      if (!found.base || !found.token) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.once('error', (error) => reject(new Error(`${binary} does not start: ${error.message}`)));
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}\n${said()}`)));
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear);
  });
}
