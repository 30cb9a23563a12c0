import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import {
  ask,
  call,
  connect,
  festivalOf,
  followLog,
  followState,
  guest,
  guests,
  isAlive,
  type Joined,
  type Outcome,
  post,
  requestId,
  runRefused,
  seed,
  seededChance,
  startServer,
  tempDir,
  until,
} from './test-server.ts';

const totals = { scarce: 300, kettle: 2_000, lamp: 2_000 };
const dealIds = Object.keys(totals) as (keyof typeof totals)[];

const rehearsal = festivalOf({
  deals: dealIds.map((id) => ({ id, total: totals[id], limitPerShopper: 99 })),
  sessions: [{ id: 'stage' }],
});

/** One claim in a client's own journal: what it sent, and what it was told, if it was told anything. */
interface Entry {
  person: Session;
  overHttp: boolean;
  input: { requestId: string; lines: { dealId: keyof typeof totals; quantity: number }[] };
  answer: Outcome | null;
}

function isFault(answer: Outcome): boolean {
  return !answer.ok && 'fault' in answer;
}

async function send(url: string, socket: Socket, entry: Entry): Promise<Outcome> {
  if (!entry.overHttp) return call(socket, 'deals:claim', entry.input);
  return (await post(url, 'deals:claim', entry.input, { token: entry.person.token })).answer;
}

/** Sends it, with the same request id, until it is decided: a fault says that this is what to do. */
async function settle(url: string, socket: Socket, entry: Entry): Promise<Outcome> {
  return until(
    'the claim is decided',
    async () => {
      const answer = await send(url, socket, entry);
      return isFault(answer) ? null : answer;
    },
    { everyMs: 100, withinMs: 30_000 },
  );
}

/** `each` shoppers' claims, one unit or two of a deal by chance, every third over HTTP. */
function planClaims(people: readonly Session[], each: number, chance: ReturnType<typeof seededChance>): Entry[] {
  return chance.shuffled(
    people.flatMap((person) =>
      Array.from({ length: each }, () => ({
        person,
        overHttp: chance.below(3) === 0,
        input: { requestId: requestId(), lines: [{ dealId: chance.pick(dealIds), quantity: 1 + chance.below(2) }] },
        answer: null,
      })),
    ),
  );
}

/** What the clients' own journals say, against what the server says now. */
async function expectBooksToAgree(journal: readonly Entry[], sockets: Map<Session, Socket>): Promise<void> {
  const held = new Map<string, number>();
  const holdsOf = new Map<Session, Hold[]>();
  for (const { person, answer } of journal) {
    if (!answer?.ok) continue;
    const hold = answer.reply as Hold;
    holdsOf.set(person, [...(holdsOf.get(person) ?? []), hold]);
    for (const line of hold.lines) held.set(line.dealId, (held.get(line.dealId) ?? 0) + line.quantity);
  }
  const ids = [...holdsOf.values()].flat().map(({ holdId }) => holdId);
  expect(new Set(ids).size).toBe(ids.length);
  const [first] = sockets.values();
  if (first === undefined) throw new Error('nobody is connected');
  for (const dealId of dealIds) {
    const stock = await followState<Stock>(first, 'deals:stock', dealId);
    const units = held.get(dealId) ?? 0;
    await stock.until(`the public count is that of the journals: ${units} held`, (s) => s.held === units);
    expect(stock.now()).toMatchObject({
      total: totals[dealId],
      free: totals[dealId] - units,
      held: units,
      sold: 0,
      paused: false,
    });
  }
  const byId = (a: Hold, b: Hold) => a.holdId.localeCompare(b.holdId);
  for (const [person, socket] of sockets) {
    const { snapshot } = await ask<Joined>(socket, 'feeds:join', { feed: 'deals:mine', id: person.shopperId });
    expect((snapshot as { holds: Hold[] }).holds.toSorted(byId)).toEqual((holdsOf.get(person) ?? []).toSorted(byId));
  }
}

async function connectAll(url: string, people: readonly Session[]): Promise<Map<Session, Socket>> {
  return new Map(await Promise.all(people.map(async (p) => [p, await connect(url, p.token)] as const)));
}

test(`kill -9 in the middle of 2,000 claims loses nothing that was answered, and the next start goes on (seed ${seed})`, async () => {
  const chance = seededChance('kill9');
  const dataDir = tempDir();
  const first = await startServer({ festival: rehearsal, dataDir });
  const people = await guests(first.url, 200);
  const sockets = await connectAll(first.url, people);
  const journal = planClaims(people, 10, chance);
  expect(journal).toHaveLength(2_000);

  let answered = 0;
  const killAt = 500 + chance.below(700);
  let onEnough = () => {};
  const enough = new Promise<void>((resolve) => {
    onEnough = resolve;
  });
  // Each in its turn of the event loop, so that claims are on their way, in Redis and answered all at the same time.
  const sent = journal.map(async (entry, i) => {
    await new Promise((resolve) => setTimeout(resolve, Math.floor(i / 100) * 5));
    const socket = sockets.get(entry.person);
    if (socket === undefined) throw new Error('a person without a socket');
    // What the kill cuts off is no answer, and stays null in the journal.
    const answer = await send(first.url, socket, entry).catch(() => null);
    entry.answer = answer === null || isFault(answer) ? null : answer;
    if (answer !== null && ++answered === killAt) onEnough();
  });
  await enough;
  const redisPid = await first.redisPid();
  await first.kill9();
  await Promise.all(sent);
  const before = journal.map(({ answer }) => answer);
  const okBefore = before.filter((answer) => answer?.ok).length;
  expect(okBefore).toBeGreaterThan(100);
  expect(before.filter((answer) => answer === null).length).toBeGreaterThan(100);
  await until('the embedded Redis ends with its parent', () => !isAlive(redisPid));

  const second = await startServer({ festival: rehearsal, dataDir });
  expect(await second.redisPid()).not.toBe(redisPid);
  const back = await connectAll(second.url, people);
  const settled = await Promise.all(
    journal.map(async (entry) => {
      const socket = back.get(entry.person);
      if (socket === undefined) throw new Error('a person without a socket');
      return settle(second.url, socket, entry);
    }),
  );
  for (const [i, entry] of journal.entries()) {
    const now = settled[i] as Outcome;
    // What was answered is answered again, word for word; what was not is decided once and for all.
    if (entry.answer !== null) expect(JSON.stringify(now)).toBe(JSON.stringify(entry.answer));
    entry.answer = now;
  }
  const whys = new Set(journal.flatMap(({ answer }) => (answer !== null && 'why' in answer ? [answer.why] : [])));
  expect(whys).toEqual(new Set(['sold-out']));
  await expectBooksToAgree(journal, back);
  await second.stop();
}, 120_000);

test('a second start on the same data while the first runs is refused in words, and the first goes on', async () => {
  const first = await startServer({ festival: rehearsal });
  const refused = await runRefused({ festival: rehearsal, dataDir: first.dataDir });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('Another server is already running on the data in');
  expect(refused.output).toContain('DATA_DIR');
  expect(refused.output).not.toMatch(/\n {4}at /);
  const person = await guest(first.url);
  const socket = await connect(first.url, person.token);
  const claim = { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] };
  expect((await call(socket, 'deals:claim', claim)).ok).toBe(true);
  await first.stop();
}, 60_000);

test(`kill -9 of its Redis alone: the server says so, comes back, and neither a claim nor a line of chat is lost (seed ${seed})`, async () => {
  const chance = seededChance('kill9 redis');
  const server = await startServer({ festival: rehearsal });
  const people = await guests(server.url, 40);
  const sockets = await connectAll(server.url, people);
  // Nobody is told to begin anew: what each was shown is still there, so all go on from where they were.
  const toldBehind: unknown[] = [];
  const watchers = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const socket = await connect(server.url);
      socket.on('feeds:behind', (notice) => toldBehind.push(notice));
      return followLog<Message>(socket, 'live:chat', 'stage');
    }),
  );
  const [talker] = sockets.entries();
  if (talker === undefined) throw new Error('nobody is connected');

  const readiness: number[] = [];
  const watching = new AbortController();
  const looking = (async () => {
    while (!watching.signal.aborted) {
      const response = await fetch(`${server.url}/readyz`);
      await response.arrayBuffer();
      if (readiness.at(-1) !== response.status) readiness.push(response.status);
    }
  })();

  const journal = planClaims(people, 10, chance);
  let decided = 0;
  const claims = journal.map(async (entry, i) => {
    await new Promise((resolve) => setTimeout(resolve, Math.floor(i / 10) * 15));
    const socket = sockets.get(entry.person);
    if (socket === undefined) throw new Error('a person without a socket');
    entry.answer = await settle(server.url, socket, entry);
    decided++;
  });
  const said: string[] = [];
  const talking = (async () => {
    for (let i = 0; i < 60; i++) {
      const input = { requestId: requestId(), sessionId: 'stage', text: `line ${i}` };
      const answer = await until(
        'the line is said',
        async () => {
          const told = await call(talker[1], 'live:say', input);
          return isFault(told) ? null : told;
        },
        { everyMs: 50, withinMs: 30_000 },
      );
      if (!answer.ok) throw new Error(`the line was refused: ${JSON.stringify(answer)}`);
      said.push((answer.reply as { messageId: string }).messageId);
    }
  })();

  await until('the evening is under way', () => decided > 80 && said.length > 5);
  const redisPid = await server.redisPid();
  process.kill(redisPid, 'SIGKILL');
  await Promise.all([...claims, talking]);
  await until('the server is ready again', () => server.ready());
  watching.abort();
  await looking;

  expect(readiness).toContain(503);
  expect(readiness.at(-1)).toBe(200);
  expect(await server.redisPid()).not.toBe(redisPid);
  expect(server.output()).toContain('degraded');
  expect(said).toHaveLength(60);
  expect(toldBehind).toEqual([]);
  for (const watcher of watchers) {
    await watcher.until('all lines are there', (all) => all.length >= said.length);
    expect(watcher.all().map(({ messageId }) => messageId)).toEqual(said);
  }
  for (const socket of sockets.values()) expect(socket.connected).toBe(true);
  await expectBooksToAgree(journal, sockets);
  await server.stop();
}, 120_000);
