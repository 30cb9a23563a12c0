import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { firstLoad, firstLoadBytesMax } from '../../.ci/first-load.mjs';

function built(files: Readonly<Record<string, string | Buffer>>): string {
  const dist = mkdtempSync(join(tmpdir(), 'elevens-dist-'));
  onTestFinished(() => rmSync(dist, { recursive: true, force: true }));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    writeFileSync(join(dist, file), content);
  }
  return dist;
}

test('the first load is the page’s script and all that it imports at once, each counted once', () => {
  const manifest = {
    'storefront.html': {
      file: 'a/storefront.js',
      isEntry: true,
      imports: ['_shared.js', '_react.js'],
      dynamicImports: ['x'],
    },
    '_shared.js': { file: 'a/shared.js', imports: ['_react.js'] },
    '_react.js': { file: 'a/react.js' },
    x: { file: 'a/later.js', isDynamicEntry: true },
    'control-room.html': { file: 'a/control-room.js', isEntry: true },
  };
  // Random bytes do not shrink, so that each size is known.
  const dist = built({
    '.vite/manifest.json': JSON.stringify(manifest),
    'a/storefront.js': randomBytes(1_000),
    'a/shared.js': randomBytes(20_000),
    'a/react.js': randomBytes(60_000),
    'a/later.js': randomBytes(500_000),
    'a/control-room.js': randomBytes(500_000),
  });
  const { page, scripts, totalBytes } = firstLoad({ dist });
  expect(page).toBe('storefront.html');
  expect(scripts.map(({ file }) => file).toSorted()).toEqual(['a/react.js', 'a/shared.js', 'a/storefront.js']);
  expect(totalBytes).toBeGreaterThan(81_000);
  expect(totalBytes).toBeLessThan(82_000);
});

test('a script that is too large is over the limit', () => {
  const dist = built({
    '.vite/manifest.json': JSON.stringify({ 'index.html': { file: 'a.js', isEntry: true } }),
    'a.js': randomBytes(firstLoadBytesMax),
  });
  expect(firstLoad({ dist }).totalBytes).toBeGreaterThan(firstLoadBytesMax);
});

test('a build without the page is not taken for a small one', () => {
  const dist = built({ '.vite/manifest.json': '{}' });
  expect(() => firstLoad({ dist })).toThrow('storefront.html');
});
