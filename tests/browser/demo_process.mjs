// Runs the demo as a child, and asks its interface; the caller decides what is right.

import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** History of 30 days is made and learned from before the demo listens. */
const LISTENING_WITHIN_MS = 90_000;
const STOPS_WITHIN_MS = 12_000;

/** The binary to test: the one that is named, else the newest that was built. */
export function findBinary() {
  if (process.env.FOREWARN_BIN) return process.env.FOREWARN_BIN;
  const built = ['target/ci/forewarn', 'target/release/forewarn'].map((it) => ROOT + it).filter(existsSync);
  built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!built[0]) throw new Error('no forewarn binary: build one or set FOREWARN_BIN');
  return built[0];
}

/** Starts the demo on a free port; resolves once it listens. */
export async function startDemo() {
  const binary = findBinary();
  const child = spawn(binary, ['demo', '--http', '127.0.0.1:0', '--seed', '1', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const complaints = [];
  child.stderr.on('data', (bytes) => complaints.splice(0, complaints.length - 40, ...String(bytes).split('\n')));
  const said = () => complaints.slice(-15).join('\n');
  const base = await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the demo did not listen within ${LISTENING_WITHIN_MS} ms\n${said()}`)),
      LISTENING_WITHIN_MS,
    );
    child.once('error', (error) => reject(new Error(`${binary} does not start: ${error.message}`)));
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}\n${said()}`)));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = readLine(text);
      if (line?.type !== 'listening') return;
      clearTimeout(timer);
      resolve(line.http);
    });
  }).catch(async (error) => {
    await stop(child);
    throw error;
  });
  return { base, stop: () => stop(child), said };
}

/** Reads one resource of the interface. */
export async function ask(base, path) {
  const answer = await fetch(`${base}/api/v1${path}`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** Asks until there is an answer that is wanted. */
export async function waitFor(what, withinMs, attempt) {
  const end = Date.now() + withinMs;
  let last = 'nothing yet';
  while (Date.now() < end) {
    try {
      const found = await attempt();
      if (found) return found;
    } catch (error) {
      last = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within ${Math.round(withinMs / 1000)} s (${last})`);
}

/** Ends a child: politely, then not. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

function readLine(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
