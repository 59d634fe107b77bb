// The first load stays small, and the built page asks nobody else and holds nothing inline.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

/** A phone in a hall on 3G loads this in about two seconds. */
const FIRST_GZ_MAX = 60 * 1024;
const ALL_GZ_MAX = 120 * 1024;
const STYLE_GZ_MAX = 15 * 1024;

const dist = new URL('../dist/', import.meta.url);
const skip = existsSync(dist) ? false : 'SKIPPED budget: needs a built page (npm run build)';
const assets = (ending) =>
  readdirSync(new URL('assets/', dist))
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(new URL(`assets/${name}`, dist)));
const sum = (sizes) => sizes.reduce((a, b) => a + b, 0);

test('the script of the first load fits its budget', { skip }, (context) => {
  const html = readFileSync(new URL('index.html', dist), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]);
  const size = sum(names.map((name) => gzipSync(readFileSync(new URL(name, dist))).length));
  context.diagnostic(`first load: ${size} bytes compressed of ${FIRST_GZ_MAX}`);
  assert.ok(0 < size && size <= FIRST_GZ_MAX, `${size} bytes of script, compressed`);
});

test('all scripts together fit their budget', { skip }, (context) => {
  const size = sum(assets('.js').map((it) => gzipSync(it).length));
  context.diagnostic(`all scripts: ${size} bytes compressed of ${ALL_GZ_MAX}`);
  assert.ok(0 < size && size <= ALL_GZ_MAX, `${size} bytes of script, compressed`);
});

test('all styles together fit their budget', { skip }, (context) => {
  const size = sum(assets('.css').map((it) => gzipSync(it).length));
  context.diagnostic(`styles: ${size} bytes compressed of ${STYLE_GZ_MAX}`);
  assert.ok(0 < size && size <= STYLE_GZ_MAX, `${size} bytes of style, compressed`);
});

test('the page holds no inline script or style and loads nothing from elsewhere', { skip }, () => {
  const html = readFileSync(new URL('index.html', dist), 'utf8');
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  for (const [tag] of html.matchAll(/<script[^>]*>/g)) assert.match(tag, /src="\/assets\//);
  assert.doesNotMatch(html, /(?:src|href)="(?:https?:)?\/\//);
  for (const style of assets('.css')) assert.doesNotMatch(style.toString(), /url\(|@import/);
});
