// A hall of machines that can grow hot all at once: a broker, an agent that listens to it, and what the
// machines' sensors say. The caller has the server.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findBinary, ROOT, stop } from './demo_process.mjs';

const TELLS_EVERY_MS = 1_000;
const WARM_C = 41;
/** Above the limit of a rolling bearing's housing. */
const HOT_C = 97;

/** Twelve mills on the link that will be to blame, three on another one. */
export const MILLS = Array.from({ length: 15 }, (_, at) => ({
  id: `mill-${String(at + 1).padStart(2, '0')}`,
  isWest: at < 12,
}));

export function hasHall() {
  return existsSync(edgeBinary()) && ['mosquitto', 'mosquitto_pub'].every(inPath);
}

export function site(port) {
  const link = (id) => `[[link]]\nid = "${id}"\nvia = { mqtt = { broker = "127.0.0.1:${port}" } }\n`;
  const head = 'schema = "forewarn.site/1"\n[site]\nid = "plant"\nname = { en = "Gear works", zh = "齿轮厂" }\ntime_zone = "Asia/Shanghai"\n';
  return head + link('cell-west') + link('cell-east') + MILLS.map(mill).join('');
}

function mill({ id, isWest }) {
  const number = Number(id.slice(-2));
  return `[[device]]
id = "${id}"
name = { en = "Mill ${number}", zh = "${number}号铣床" }
class = "cnc-mill"
area = "${isWest ? 'hall-west' : 'hall-east'}"
production_line = "line-1"
criticality = "medium"
[[device.components]]
id = "spindle"
name = { en = "spindle", zh = "主轴" }
bearing = "6205-2RS JEM"
kind = "spindle"
[[device.source]]
id = "node"
template = "spindle-node-z"
link = "${isWest ? 'cell-west' : 'cell-east'}"
address = "${id}"
mount = "spindle"
`;
}

/** A broker on a free port. */
export async function startBroker() {
  const folder = mkdtempSync(join(tmpdir(), 'forewarn-hall-'));
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(config, `persistence false\nlistener ${port} 127.0.0.1\nallow_anonymous true\n`);
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  return {
    port,
    stop: async () => {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The agent and the sensors; they tell calm values until `heat` is called. */
export function startHall(port) {
  const folder = mkdtempSync(join(tmpdir(), 'forewarn-agent-'));
  writeFileSync(join(folder, 'site.toml'), site(port));
  writeFileSync(
    join(folder, 'agent.toml'),
    `agent = "edge-1"\nsite_file = "site.toml"\ntemplates = ["${join(ROOT, 'config', 'devices')}"]\n` +
      `data_dir = "data"\nquota_bytes = 104857600\n[broker]\naddress = "127.0.0.1:${port}"\n`,
  );
  const agent = spawn(edgeBinary(), ['run', '--config', join(folder, 'agent.toml')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = [];
  agent.stderr.on('data', (bytes) => lines.splice(0, lines.length - 20, ...String(bytes).split('\n')));
  let isHot = false;
  const nodes = MILLS.map((it) => {
    const topic = `cell/${it.id}/trend`;
    const child = spawn('mosquitto_pub', ['-p', String(port), '-t', topic, '-l'], { stdio: ['pipe', 'ignore', 'ignore'] });
    return { ...it, child };
  });
  let turn = 0;
  const timer = setInterval(() => {
    turn += 1;
    // No sensor says the very same twice.
    const ripple = (turn % 7) / 10;
    for (const { isWest, child } of nodes) {
      const values = { tach: 3000 + turn % 11, bearing_temp: (isHot && isWest ? HOT_C : WARM_C) + ripple };
      child.stdin.write(`${JSON.stringify({ ts: Date.now(), values })}\n`);
    }
  }, TELLS_EVERY_MS);
  return {
    heat: () => (isHot = true),
    said: () => lines.join('\n'),
    stop: async () => {
      clearInterval(timer);
      await Promise.all([agent, ...nodes.map((it) => it.child)].map(stop));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function edgeBinary() {
  return process.env.FOREWARN_EDGE_BIN ?? join(dirname(findBinary()), 'forewarn-edge');
}

function inPath(name) {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin'].some((it) => existsSync(join(it, name)));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
