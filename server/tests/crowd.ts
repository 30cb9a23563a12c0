import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { Redis } from 'ioredis';
import { afterEach, expect } from 'vitest';
import { WebSocket } from 'ws';
import { createTokens } from '../src/platform/identity/tokens.ts';
import { createKeyspace, type Keyspace } from '../src/platform/redis/keyspace.ts';
import { linesOf as ledgerLinesOf } from '../src/platform/redis/ledger.ts';
import { startTestRedis } from '../src/platform/redis/test-redis.ts';
import { connect, followState, type Outcome, startServer, type TestServer, tempDir, until } from './test-server.ts';

/** A festival on several nodes with one Redis, a crowd of cheap clients, and the books to hold them against. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const festivalId = 'rehearsal';
const secret = 'a lantern on every third pole since 1911';
const tillApiKey = 'sk_rehearsal_of_the_copper_till';
const tillSecret = 'whsec_rehearsal_of_the_copper_till_0123456789';
/** Connections under way at once while a crowd arrives. */
const arrivingMax = 64;
/** The demo's till is asked, and webhooks arrive, over as many connections as a browser crowd would hold open. */
const agent = new Agent({ keepAlive: true, maxSockets: 96 });
const callMs = 20_000;

const endings: (() => Promise<unknown> | void)[] = [];
// An evening ends with its test: the next one shall have the machine for itself.
afterEach(async () => {
  agent.destroy();
  for (const end of endings.splice(0).toReversed()) await end();
}, 60_000);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

// --------------------------------------------------------------------------------------------------- a festival on nodes
export interface Evening {
  keys: Keyspace;
  redis: Redis;
  nodes: TestServer[];
  /** The address of a node, also while it is down. */
  urls: string[];
  /** The settings by which another process reaches this Redis. */
  env: Record<string, string>;
  /** Starts a node that was killed, at its old address. */
  startAgain(node: number): Promise<void>;
  crashRedis(): Promise<void>;
}

/** Starts `nodes` servers with one Redis that has everything on disk, and a till of its own where the evening is about money. */
export async function startEvening({
  festival,
  partitions,
  nodes: count = 2,
  till: withTill = false,
}: {
  festival: object;
  partitions: number;
  nodes?: number;
  till?: boolean;
}): Promise<Evening> {
  const port = await freePort();
  const own = await startTestRedis({ settings: { port: String(port), bind: '127.0.0.1' } });
  endings.push(() => own.close());
  const redisUrl = `redis://:${own.options.password}@127.0.0.1:${port}`;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  endings.push(() => redis.disconnect());
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const urls = ports.map((p) => `http://127.0.0.1:${p}`);
  const env: Record<string, string> = { REDIS_URL: redisUrl, PARTITIONS: String(partitions), TOKEN_SECRET: secret };
  if (withTill) {
    env['TILL_URL'] = await startTill(`${urls[0]}/api/payments/webhook`);
    env['TILL_API_KEY'] = tillApiKey;
    env['TILL_WEBHOOK_SECRETS'] = tillSecret;
    env['PUBLIC_URL'] = urls[0] ?? '';
  }
  const start = (node: number) => startServer({ festival, env: { ...env, PORT: String(ports[node]), DRAIN_MS: '0' } });
  const nodes: TestServer[] = [];
  endings.push(() => Promise.all(nodes.map((node) => node.stop())));
  for (let node = 0; node < count; node++) nodes.push(await start(node));
  return {
    keys: createKeyspace({ festival: festivalId, partitions }),
    redis,
    nodes,
    urls,
    env,
    async startAgain(node) {
      nodes[node] = await start(node);
    },
    crashRedis: () => own.crashAndRestart(),
  };
}

function nodeBinary(): string {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  return existsSync(pinned) ? pinned : process.execPath;
}

function endWithTests(child: ChildProcess): void {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  endings.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
}

/** The till in a process of its own, so that it outlives the nodes that are killed. Answers with its address. */
async function startTill(webhookUrl: string): Promise<string> {
  const file = join(tempDir(), 'till.json');
  const delays = { slowMs: 200, lateMs: 200, refundMs: 100, retryMs: 200 };
  writeFileSync(file, JSON.stringify({ apiKey: tillApiKey, webhookSecrets: [tillSecret], webhookUrl, delays }));
  const child = spawn(nodeBinary(), [join(root, 'server', 'src', 'till', 'main.ts'), file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithTests(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
    });
  }
  const look = () => /The till is open: (\S+)/.exec(said)?.[1];
  return until(() => `the till is open; it said:\n${said}`, look, { withinMs: 25_000 });
}

/** Runs `npm run reconcile`'s own program beside the running nodes. */
export async function reconcile(evening: Evening): Promise<{ code: number | null; output: string }> {
  const child = spawn(nodeBinary(), [join(root, 'server', 'src', 'reconcile.ts')], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', DATA_DIR: tempDir(), ...evening.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithTests(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

// ---------------------------------------------------------------------------------------------------------------- people
export interface Shopper {
  shopperId: string;
  token: string;
  partition: number;
}

/** People with tokens of their own, equally many in each partition (in turn), or all in the one that is named. */
export async function shoppersOf(keys: Keyspace, count: number, inPartition?: number): Promise<Shopper[]> {
  const tokens = await createTokens({
    secrets: [secret],
    festival: festivalId,
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now(), errorMs: () => 0 },
  });
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const partition = inPartition ?? i % keys.partitions;
      let shopperId: string;
      do shopperId = `s_${randomBytes(16).toString('base64url')}`;
      while (keys.partitionOf(shopperId) !== partition);
      const person = {
        shopperId,
        displayName: 'Someone',
        locale: 'en',
        roles: ['shopper'],
        brandId: null,
        simulated: false,
      } as const;
      const { token } = await tokens.sign({ ...person, roles: [...person.roles] });
      return { shopperId, token, partition };
    }),
  );
}

export interface Line {
  /** Sends at once; resolves with the answer, or null when the connection went first. */
  call(name: string, input: unknown): Promise<Outcome | null>;
  isOpen(): boolean;
  /** Cuts the connection as a tunnel does: whatever was on its way back is lost. */
  cut(): void;
}

/** The cheapest websocket that speaks Socket.IO: it calls, hears acknowledgements, and answers pings. */
export function openLine(url: string, token: string): Promise<Line> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
    });
    endings.push(() => ws.terminate());
    const waiting = new Map<number, (answer: Outcome | null) => void>();
    let nextId = 0;
    const line: Line = {
      call(name, input) {
        if (ws.readyState !== WebSocket.OPEN) return Promise.resolve(null);
        const id = nextId++;
        return new Promise((answered) => {
          waiting.set(id, answered);
          ws.send(`42${id}${JSON.stringify([name, input])}`);
        });
      },
      isOpen: () => ws.readyState === WebSocket.OPEN,
      cut: () => ws.terminate(),
    };
    ws.on('error', reject);
    ws.on('close', () => {
      for (const answered of waiting.values()) answered(null);
      waiting.clear();
      reject(new Error('the connection closed'));
    });
    ws.on('message', (data) => {
      const text = (data as Buffer).toString();
      if (text.startsWith('43')) {
        const bracket = text.indexOf('[');
        const id = Number(text.slice(2, bracket));
        waiting.get(id)?.((JSON.parse(text.slice(bracket)) as [Outcome])[0]);
        waiting.delete(id);
      } else if (text === '2') ws.send('3');
      else if (text.startsWith('0')) ws.send(`40${JSON.stringify({ token })}`);
      else if (text.startsWith('40')) resolve(line);
      else if (text.startsWith('44')) reject(new Error(text));
    });
  });
}

/** Does something for each, a bounded number at a time. */
export async function forEachOf<T>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<unknown>,
  atOnce = arrivingMax,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      await work(items[at] as T, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Calls a command over HTTP; null when the node went before it answered. */
export function callHttp(url: string, name: string, input: unknown, token: string): Promise<Outcome | null> {
  return send(`${url}/api/${name.replace(':', '/')}`, JSON.stringify(input), {
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
  }).then((response) => {
    if (response === null) return null;
    const body = JSON.parse(response.text) as unknown;
    return (response.status === 200 ? { ok: true, reply: body } : body) as Outcome;
  });
}

/** Presses Pay on the till's page, as a browser without its script does; null when the till did not answer. */
export async function pressPay(pageUrl: string, card: string): Promise<number | null> {
  const response = await send(pageUrl, `card=${card}`, { 'content-type': 'application/x-www-form-urlencoded' });
  return response?.status ?? null;
}

function send(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; text: string } | null> {
  return new Promise((resolve) => {
    const request = httpRequest(url, {
      method: 'POST',
      agent,
      timeout: callMs,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', () => resolve(null));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => resolve(null));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end(body);
  });
}

/** A rejection or a success, and no fault: what will be the answer to this request id for ever. */
export function isDecided(answer: Outcome | null): answer is Outcome {
  return answer !== null && (answer.ok || 'why' in answer);
}

/** Whatever a line or a node does: the same request is sent, by any of these ways in turn, until it is decided. */
export async function settle(ways: readonly (() => Promise<Outcome | null>)[]): Promise<Outcome> {
  let tries = 0;
  return until(
    'the call is decided',
    async () => {
      const answer = await ways[tries++ % ways.length]?.();
      return answer !== undefined && isDecided(answer) && answer;
    },
    { everyMs: 25, withinMs: 45_000 },
  );
}

// ----------------------------------------------------------------------------------------------------------------- books
interface PoolBook {
  total: number;
  free: number;
  held: number;
  sold: number;
}

export interface Books {
  /** Counted from the lines of all ledgers alone: units by pool, and what is held by hold id. */
  ledger: { pools: Map<string, PoolBook>; holds: Map<string, { shopperId: string; lines: string }> };
  /** As Redis has it. */
  kept: {
    pools: Map<string, PoolBook>;
    holds: Map<string, { shopperId: string; lines: string }>;
    taken: Map<string, number>;
  };
  /** Every line, with the partition it stands in, in the order of each ledger. */
  lines: ({ id: string; partition: number } & Record<string, string | number>)[];
}

const linesOf = (hold: Hold) => hold.lines.map((l) => `${l.dealId} ${l.quantity} ${l.priceMinor}`).join(';');

/**
 * Reads the books of deals: the ledgers of all partitions, added up by this test and by nobody else, and what Redis keeps. To
 * be called when nothing is under way.
 */
export async function readBooks({ redis, keys }: Evening, dealIds: readonly string[]): Promise<Books> {
  const ledger: Books['ledger'] = { pools: new Map(), holds: new Map() };
  const kept: Books['kept'] = { pools: new Map(), holds: new Map(), taken: new Map() };
  const book = (into: Map<string, PoolBook>, dealId: string): PoolBook => {
    const found = into.get(dealId) ?? { total: 0, free: 0, held: 0, sold: 0 };
    into.set(dealId, found);
    return found;
  };
  const lines: Books['lines'] = [];
  for (let partition = 0; partition < keys.partitions; partition++) {
    const k = keys.partition(partition);
    for (const [entryId, flat] of await redis.xrange(k.ledger, '-', '+')) {
      for (const { id, fields } of ledgerLinesOf(entryId, flat)) lines.push({ ...fields, id, partition });
    }
    for (const key of await redis.keys(`${k.tag}:holds:*`)) {
      const shopperId = key.slice(`${k.tag}:holds:`.length);
      for (const [holdId, text] of Object.entries(await redis.hgetall(key))) {
        kept.holds.set(holdId, { shopperId, lines: linesOf(JSON.parse(text.slice(text.indexOf('{'))) as Hold) });
      }
    }
    for (const dealId of dealIds) {
      const [free, held, sold] = await redis.hmget(k.deal(dealId), 'free', 'held', 'sold');
      const there = book(kept.pools, dealId);
      there.free += Number(free);
      there.held += Number(held);
      there.sold += Number(sold);
      if (keys.homeOf(`deal:${dealId}`) === partition) {
        const [total, atHome] = await redis.hmget(k.pool(`deal:${dealId}`), 'total', 'free');
        there.total += Number(total);
        there.free += Number(atHome);
      }
      for (const [shopperId, units] of Object.entries(await redis.hgetall(k.dealTaken(dealId))))
        kept.taken.set(`${shopperId} ${dealId}`, Number(units));
    }
  }
  const dealOf = (poolId: unknown) => String(poolId).replace(/^deal:/, '');
  for (const line of lines) {
    const each = String(line['lines'] ?? '')
      .split(';')
      .filter((text) => text !== '')
      .map((text) => text.split(' ') as [string, string]);
    const shopperId = String(line['shopper']);
    const holdId = String(line['hold']);
    switch (String(line['e'])) {
      case 'pool-staged':
      case 'pool-restocked':
        book(ledger.pools, dealOf(line['pool'])).total += Number(line['units']);
        book(ledger.pools, dealOf(line['pool'])).free += Number(line['units']);
        break;
      case 'claimed':
      case 'offered':
        ledger.holds.set(holdId, { shopperId, lines: String(line['lines']) });
        for (const [dealId, quantity] of each) {
          book(ledger.pools, dealId).free -= Number(quantity);
          book(ledger.pools, dealId).held += Number(quantity);
        }
        break;
      case 'lapsed':
      case 'released':
        ledger.holds.delete(holdId);
        for (const [dealId, quantity] of each) {
          book(ledger.pools, dealId).held -= Number(quantity);
          book(ledger.pools, dealId).free += Number(quantity);
        }
        break;
      default:
        for (const move of String(line['stock'] ?? '').split(';')) {
          const [, poolId = '', from = '', to = '', units] = /^(\S+) (\w+)>(\w+) (\d+)$/.exec(move) ?? [];
          if (units === undefined || !poolId.startsWith('deal:')) continue;
          const there = book(ledger.pools, dealOf(poolId)) as unknown as Record<string, number>;
          there[from] = (there[from] ?? 0) - Number(units);
          there[to] = (there[to] ?? 0) + Number(units);
        }
    }
  }
  return { ledger, kept, lines };
}

/** Waits until no unit is on its way between slices and home: what closed slices gave back has arrived, and grants too. */
export async function untilNothingIsOnItsWay(evening: Evening, dealIds: readonly string[]): Promise<void> {
  await until('no unit is on its way', async () => {
    const { kept } = await readBooks(evening, dealIds);
    return [...kept.pools.values()].every((p) => p.free + p.held + p.sold === p.total);
  });
}

/** Every law of the control room is counted after this moment, and whole. */
export async function expectLawsWhole(server: TestServer): Promise<void> {
  const desk = await connect(server.url, (await server.operator()).token);
  const wall = await followState<Wall>(desk, 'control:wall', 'all');
  const sinceMs = wall.now().atMs;
  const again = (law: Law) => (law.checkedAtMs ?? 0) > sinceMs;
  const seen = await until(
    () => `every law is counted again after ${sinceMs}: ${JSON.stringify(wall.now().laws)}`,
    () => wall.now().laws.length > 0 && wall.now().laws.every(again) && wall.now(),
    { withinMs: 30_000 },
  );
  expect(seen.laws.filter(({ state }) => state !== 'whole')).toEqual([]);
  desk.close();
}
