// Both catalogues say the same things, every key is used, and every key that is used exists.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../src/', import.meta.url);
const load = (name) => JSON.parse(readFileSync(new URL(`text/${name}.json`, root), 'utf8'));
const en = load('en');
const zh = load('zh-CN');

const sources = readdirSync(root, { recursive: true })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => readFileSync(new URL(path, root), 'utf8'))
  .join('\n');

test('both languages have the same keys, in order', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  assert.deepEqual(Object.keys(en), Object.keys(en).toSorted?.() ?? [...Object.keys(en)].sort());
});

test('both languages fill in the same values, and none is empty', () => {
  const values = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();
  for (const key of Object.keys(en)) {
    assert.ok(en[key].trim() && zh[key].trim(), `${key} is empty`);
    assert.deepEqual(values(zh[key]), values(en[key]), key);
  }
});

test('chinese texts are chinese', () => {
  for (const [key, text] of Object.entries(zh)) {
    const letters = text.replace(/\{\w+\}/g, '').replace(/site\.toml|forewarn-edge|Enter|sha256|Hz/g, '');
    assert.ok(/[\u3000-\u9fff；～]/.test(letters) || !/[A-Za-z]{3}/.test(letters), `${key}: ${text}`);
  }
});

test('every key is used', () => {
  const groups = [...sources.matchAll(/(?:`([a-z_]+)\.\$\{)|(?:(?:word|phrase)\('([a-z_]+)')/g)].map(
    (match) => `${match[1] ?? match[2]}.`,
  );
  const unused = Object.keys(en).filter(
    (key) => !sources.includes(`'${key}'`) && !groups.some((group) => key.startsWith(group)),
  );
  assert.deepEqual(unused, []);
});

test('every key that is used exists', () => {
  const used = [...sources.matchAll(/\bt\(\s*'([^']+)'/g)].map((match) => match[1]);
  assert.ok(100 < used.length);
  assert.deepEqual(used.filter((key) => !(key in en)), []);
});
