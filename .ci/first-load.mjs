/** What a browser must download and run before the storefront appears, computed from what vite says it built. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A phone on a slow line gets this in about two seconds, and has two more seconds of work with it. */
export const firstLoadBytesMax = 150_000;

/**
 * The gzipped size of each script of a page's first load: its entry and all that this imports, and that imports, at
 * once. What is imported later, when it is wanted, does not count.
 */
export function firstLoad({ dist, pages = ['storefront.html', 'index.html'] }) {
  const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));
  const page = pages.find((name) => manifest[name]?.isEntry);
  if (!page) throw new Error(`The manifest in ${dist} has none of the pages ${pages.join(', ')}.`);
  const seen = new Set();
  const toVisit = [page];
  const scripts = [];
  while (toVisit.length > 0) {
    const key = toVisit.pop();
    if (seen.has(key)) continue;
    seen.add(key);
    const chunk = manifest[key];
    toVisit.push(...(chunk.imports ?? []));
    if (!/\.m?js$/.test(chunk.file)) continue;
    scripts.push({ file: chunk.file, gzippedBytes: gzipSync(readFileSync(join(dist, chunk.file))).length });
  }
  return { page, scripts, totalBytes: scripts.reduce((sum, script) => sum + script.gzippedBytes, 0) };
}

function main() {
  const dist = fileURLToPath(new URL('../client/dist', import.meta.url));
  if (!existsSync(join(dist, '.vite', 'manifest.json'))) {
    console.error('The client is not built. `node setup.mjs test` builds it.');
    process.exitCode = 1;
    return;
  }
  const { page, scripts, totalBytes } = firstLoad({ dist });
  for (const { file, gzippedBytes } of scripts) console.log(`${String(gzippedBytes).padStart(8)}  ${file}`);
  console.log(`${String(totalBytes).padStart(8)}  bytes of script, gzipped, before ${page} appears`);
  if (scripts.length > 0 && totalBytes < firstLoadBytesMax) return;
  console.error(
    scripts.length === 0
      ? 'The page loads no script at all, so its size proves nothing.'
      : `That is not under ${firstLoadBytesMax}. Import later what the first view does not need.`,
  );
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
