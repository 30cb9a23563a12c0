import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { capabilityGraph } from '../src/capabilities/graph.ts';
import { checkTidiness, type Rule } from './tidy.ts';

type Tree = Readonly<Record<string, string>>;

/** A small tree that breaks nothing, and does everything that only looks like breaking something. */
const tidy: Tree = {
  'shared/src/money.ts': 'export const half = (minor: number) => Math.floor(minor / 2);',
  'shared/src/deals/contract.ts': `import { half } from '../money.ts'; export const day = new Date(half(4)); export { z } from 'zod';`,
  'server/src/config.ts': 'export const port = process.env.PORT;',
  'server/src/compose.ts': `import { createDeals } from './capabilities/deals/index.ts'; import { port } from './config.ts'; export { createDeals, port };`,
  'server/src/main.ts': `import './compose.ts'; export const pages = new URL('../../client/dist', import.meta.url);`,
  'server/src/platform/clock.ts': 'export const nowMs = () => Date.now() + performance.now() - new Date().getTime();',
  'server/src/platform/random.ts': `import { randomBytes } from 'node:crypto'; export const token = () => randomBytes(9) + String(Math.random());`,
  'server/src/platform/redis/connections.ts': `import { Redis } from 'ioredis'; export const connect = () => new Redis();`,
  'server/src/platform/http/etag.ts': `import { createHash } from 'node:crypto'; export const etag = () => createHash('sha256');`,
  'server/src/capabilities/energy/index.ts': `export type { Level } from '@elevens/shared/src/energy/levels.ts'; export * from './energy.ts';`,
  'server/src/capabilities/energy/energy.ts': `export const credit = new URL('./credit-task.lua', import.meta.url);`,
  'server/src/capabilities/deals/index.ts': `export { createDeals } from './deals.ts';`,
  'server/src/capabilities/deals/deals.ts': `import { credit } from '../energy/index.ts'; import { connect } from '../../platform/redis/connections.ts';
    export const createDeals = (at: Date) => [credit, connect, at.toISOString(), Date.parse('2026-11-11'), new Date(at)];`,
  'server/src/capabilities/deals/deals.test.ts': `import { Redis } from 'ioredis'; import { startTestRedis } from '../../platform/redis/test-redis.ts';
    export const seen = [Redis, startTestRedis, Date.now(), Math.random(), process.env.CI];`,
  'server/src/platform/redis/test-redis.ts': `export const startTestRedis = () => Date.now();`,
  'server/tests/journey.test.ts': `import { createDeals } from '../src/capabilities/deals/deals.ts'; import '../../loadtest/journal.ts'; export { createDeals };`,
  'client/src/main.tsx': `export const later = () => import('./surfaces/storefront/Storefront.tsx');`,
  'client/src/surfaces/storefront/Storefront.tsx': `import { DealCard } from '../../capabilities/deals/DealCard.tsx'; export const Storefront = () => <DealCard />;`,
  'client/src/capabilities/deals/DealCard.tsx': `import { Gauge } from '../energy/index.tsx'; import { Button } from '../../ui/Button.tsx'; export const DealCard = () => <Button><Gauge /></Button>;`,
  'client/src/capabilities/energy/index.tsx': 'export const Gauge = () => <b>{new Date(0).getFullYear()}</b>;',
  'client/src/ui/Button.tsx': `import { nowMs } from '../platform/server-clock.ts'; export const Button = nowMs;`,
  'client/src/platform/server-clock.ts': 'export const nowMs = () => Date.now();',
  'client/src/platform/chance.ts': 'export const id = () => crypto.getRandomValues(new Uint8Array(9));',
};
const graph = { deals: ['energy'], energy: [] };

function check(more: Tree, itsGraph: Readonly<Record<string, readonly string[]>> = graph) {
  const root = mkdtempSync(join(tmpdir(), 'elevens-tidy-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [file, text] of Object.entries({ ...tidy, ...more })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return checkTidiness(root, itsGraph);
}

describe('the tree of this project', () => {
  const { violations, filesRead, importsRead } = checkTidiness(
    fileURLToPath(new URL('../..', import.meta.url)),
    capabilityGraph,
  );

  test('keeps its layers, its front doors, and its clock, chance and environment in their places', () => {
    expect(violations.map(({ file, line, rule, words }) => `${file}:${line} [${rule}] ${words}`)).toEqual([]);
  });

  test('was really read', () => {
    expect(filesRead).toBeGreaterThan(40);
    expect(importsRead).toBeGreaterThan(filesRead);
  });
});

test('a tidy tree is called tidy', () => {
  expect(check({}).violations).toEqual([]);
});

const platform = 'server/src/platform/http/planted.ts';
const deals = 'server/src/capabilities/deals/planted.ts';
const energy = 'server/src/capabilities/energy/planted.ts';
const shared = 'shared/src/planted.ts';
const client = 'client/src/capabilities/deals/Planted.tsx';

const planted: [what: string, file: string, text: string, rule: Rule][] = [
  // Directions.
  ['the platform imports a capability', platform, `import '../../capabilities/deals/index.ts';`, 'layers'],
  ['the platform imports the settings', platform, `import { port } from '../../config.ts';`, 'layers'],
  ['a capability imports what composes it', deals, `import '../../compose.ts';`, 'layers'],
  ['shared imports the server', shared, `import '../../server/src/platform/clock.ts';`, 'layers'],
  ['shared imports the client', shared, `import '@elevens/client/src/ui/Button.tsx';`, 'layers'],
  ['shared imports a module of Node', shared, `import { readFileSync } from 'node:fs';`, 'layers'],
  ['shared imports a module of Node by its old name', shared, `import { join } from 'path';`, 'layers'],
  ['the client imports the server', client, `import '../../../../server/src/platform/clock.ts';`, 'layers'],
  ['the server imports the client', deals, `import '../../../../client/src/ui/Button.tsx';`, 'layers'],
  ['a test imports the other side', 'server/tests/planted.test.ts', `import '../../client/src/main.tsx';`, 'layers'],
  [
    'the client’s ui imports a capability',
    'client/src/ui/Planted.tsx',
    `import '../capabilities/deals/DealCard.tsx';`,
    'layers',
  ],
  ['a client capability imports a surface', client, `import '../../surfaces/storefront/Storefront.tsx';`, 'layers'],
  ['the product imports the load scripts', deals, `import '../../../../loadtest/journal.ts';`, 'layers'],
  // Every form of import is seen.
  ['a re-export', platform, `export { createDeals } from '../../capabilities/deals/index.ts';`, 'layers'],
  ['a re-export of everything', platform, `export * from '../../capabilities/deals/index.ts';`, 'layers'],
  ['a type import', platform, `import type { Deals } from '../../capabilities/deals/index.ts';`, 'layers'],
  ['an import inside a type', platform, `type Deals = import('../../capabilities/deals/index.ts').Deals;`, 'layers'],
  ['an import at run time', platform, `await import('../../capabilities/deals/index.ts');`, 'layers'],
  ['an import of a plain template', platform, 'await import(`../../capabilities/deals/index.ts`);', 'layers'],
  ['a file named by URL', platform, `new URL('../../capabilities/deals/claim.lua', import.meta.url);`, 'layers'],
  [
    'a file in a folder named by URL',
    platform,
    'const f = (n: string) => new URL(`../../capabilities/deals/${n}`, import.meta.url);',
    'layers',
  ],
  ['an import of what only running it can tell', platform, 'await import(process.argv[2]);', 'readable imports'],
  ['a file that is not TypeScript', platform, 'const = ;', 'readable imports'],
  // Capabilities.
  ['a capability imports the inside of another', deals, `import '../energy/energy.ts';`, 'front door'],
  [
    'a capability reads the script of another',
    deals,
    `new URL('../energy/credit-task.lua', import.meta.url);`,
    'front door',
  ],
  [
    'a client capability imports the inside of another',
    client,
    `import { use } from '../energy/use-energy.ts';`,
    'front door',
  ],
  ['a capability imports one that the graph does not say', energy, `import '../deals/index.ts';`, 'capability graph'],
  [
    'a capability that the graph does not name',
    'server/src/capabilities/live/index.ts',
    'export {};',
    'capability graph',
  ],
  ['two capabilities import each other', energy, `import type { Deals } from '../deals/index.ts';`, 'cycle'],
  ['two client capabilities import each other', 'client/src/capabilities/deals/index.ts', `export {};`, 'cycle'],
  // Tests.
  ['the product imports what is for tests', deals, `import '../../platform/redis/test-redis.ts';`, 'test support'],
  // What has a home.
  ['the wall clock', deals, 'export const at = Date.now();', 'clock'],
  ['the wall clock by its global', deals, 'export const at = globalThis.Date.now();', 'clock'],
  ['the wall clock by a quoted name', deals, `export const at = Date['now']();`, 'clock'],
  ['the wall clock taken apart', deals, 'const { now } = Date; export const at = now();', 'clock'],
  ['a date of now', deals, 'export const at = new Date();', 'clock'],
  ['a date of now without parentheses', deals, 'export const at = new Date;', 'clock'],
  ['a date of now as text', deals, 'export const at = Date();', 'clock'],
  ['the monotonic clock', deals, 'export const at = performance.now();', 'clock'],
  ['the monotonic clock of Node', deals, 'export const at = process.hrtime.bigint();', 'clock'],
  ['the clock in a component', client, 'export const Planted = () => <b>{Date.now()}</b>;', 'clock'],
  ['the clock in shared', shared, 'export const at = Date.now();', 'clock'],
  ['chance', deals, 'export const n = Math.random();', 'chance'],
  ['chance by import', deals, `import { randomUUID } from 'node:crypto'; export const id = randomUUID();`, 'chance'],
  [
    'chance by import under another name',
    deals,
    `import { randomInt as pick } from 'crypto'; export const n = pick(2);`,
    'chance',
  ],
  [
    'chance by the whole module',
    deals,
    `import * as c from 'node:crypto'; export const b = c.randomBytes(2);`,
    'chance',
  ],
  ['chance by the web’s own', client, 'export const id = crypto.randomUUID();', 'chance'],
  ['chance by the web’s own global', client, 'globalThis.crypto.getRandomValues(new Uint8Array(1));', 'chance'],
  ['the environment', deals, 'export const ci = process.env.CI;', 'environment'],
  ['the environment taken apart', deals, 'const { env } = process; export const ci = env.CI;', 'environment'],
  ['the environment by import', deals, `import { env } from 'node:process'; export const ci = env.CI;`, 'environment'],
  ['the Redis client', deals, `import type { Redis } from 'ioredis'; export type R = Redis;`, 'redis client'],
  [
    'the inside of the Redis client',
    platform,
    `import Command from 'ioredis/built/Command.js'; export { Command };`,
    'redis client',
  ],
];

describe('a planted violation is caught:', () => {
  test.each(planted)('%s', (_what, file, text, rule) => {
    const more: Record<string, string> = { [file]: text };
    // The second half of the client's circle.
    if (file === 'client/src/capabilities/deals/index.ts') {
      more['client/src/capabilities/energy/use-energy.ts'] = `import '../deals/index.ts';`;
    }
    const { violations } = check(more);
    expect(violations.map((violation) => violation.rule)).toContain(rule);
    const folder = rule === 'cycle' || rule === 'capability graph' ? 'capabilities' : file;
    expect(violations.filter((violation) => violation.rule === rule).every((one) => one.file.includes(folder))).toBe(
      true,
    );
  });

  test('a graph that goes in a circle', () => {
    const { violations } = check({}, { deals: ['energy'], energy: ['deals'] });
    expect(violations.map(({ rule, words }) => `${rule}: ${words}`)).toEqual([
      'cycle: goes in a circle: deals → energy → deals',
    ]);
  });

  test('a graph that names what is not there', () => {
    const { violations } = check({}, { deals: ['energy', 'wallet'], energy: [] });
    expect(violations.map(({ rule, words }) => `${rule}: ${words}`)).toEqual([
      'capability graph: names wallet, which is not there',
    ]);
  });
});
