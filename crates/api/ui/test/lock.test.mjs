// The lock file pins every version and names no registry, so that any mirror will do.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

test('direct dependencies are exact versions', () => {
  const { dependencies, devDependencies } = read('package.json');
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test('the lock file records hashes and no hosts', () => {
  for (const [path, entry] of Object.entries(read('package-lock.json').packages)) {
    if (path === '') continue;
    assert.equal(entry.resolved, undefined, path);
    assert.ok(entry.integrity, path);
    assert.equal(entry.hasInstallScript, undefined, `${path} runs a script at installation`);
  }
});
