import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import type { EnergyState } from '@elevens/shared/src/energy/contract.ts';
import type { Bye } from '@elevens/shared/src/faults.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import { expect, test } from 'vitest';
import {
  ask,
  call,
  connect,
  festivalOf,
  followLog,
  followState,
  guests,
  isAlive,
  type Joined,
  type Outcome,
  post,
  rawWebSocket,
  requestId,
  startServer,
  tempDir,
  until,
} from './test-server.ts';

const festival = festivalOf({
  deals: [{ id: 'kettle', total: 5_000, limitPerShopper: 20 }],
  sessions: [{ id: 'stage' }],
  drops: [{ id: 'rain', fundMinor: 50_000, packets: 100 }],
  tasks: [
    { id: 'look-in', title: 'Look in', blurb: 'Come by.', on: 'check-in', energy: 11, when: '+0s for 12h' },
    {
      id: 'first-deal',
      title: 'First deal',
      blurb: 'Claim one.',
      on: 'deals.claimed',
      energy: 111,
      when: '+0s for 12h',
    },
  ],
});

test('SIGTERM with claims in flight: what was decided is answered, clients are told when to come back, and all ends in order', async () => {
  const dataDir = tempDir();
  const server = await startServer({ festival, dataDir, env: { DRAIN_MS: '300' } });
  const people = await guests(server.url, 60);
  const sockets = await Promise.all(people.map((person) => connect(server.url, person.token)));
  // One who never reads and never answers a goodbye must not keep the server from leaving, and gives time to look.
  const stalled = await rawWebSocket(server.url);
  stalled.sendText('40');
  await until('the stalled one has joined', () => stalled.received().includes('40{"sid"'));
  stalled.socket.pause();
  const redisPid = await server.redisPid();

  const byes: Bye[] = [];
  const disconnected = sockets.map((socket) => new Promise((resolve) => socket.once('disconnect', resolve)));
  for (const socket of sockets) socket.on('system:bye', (bye: Bye) => byes.push(bye));

  // Each claims and lets go, one after the other, until the goodbye: whenever that comes, somebody's call is under way.
  const journal = people.map((person) => ({ person, held: [] as Hold[], last: null as [object, Outcome] | null }));
  let answered = 0;
  const sent = journal.map(async (entry, i) => {
    const socket = sockets[i];
    if (socket === undefined) throw new Error('a person without a socket');
    const send = async (name: string, input: object): Promise<Outcome> => {
      const overHttp = i % 4 === 3;
      return overHttp
        ? (await post(server.url, name, input, { token: entry.person.token })).answer
        : call(socket, name, input);
    };
    while (true) {
      const [hold] = entry.held;
      const [name, input] =
        hold === undefined
          ? ['deals:claim', { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] }]
          : ['deals:release', { requestId: requestId(), holdId: hold.holdId }];
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const answer = await send(name, input).catch(() => null);
      if (answer === null) return;
      answered++;
      if (answer.ok) {
        entry.held = hold === undefined ? [answer.reply as Hold] : [];
        entry.last = [input, answer];
      } else if ('fault' in answer && answer.retryAfterMs !== null) {
        const retryAfterMs = Number(answer.retryAfterMs);
        // oxlint-disable-next-line no-await-in-loop -- what the answer asks for
        await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
      } else throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
    }
  });
  await until('claims are being answered', () => answered > 100, { everyMs: 1 });

  const ending = server.term();
  const readiness = await until(
    'readyz says that it drains',
    async () => {
      const response = await fetch(`${server.url}/readyz`).catch(() => null);
      return response?.status === 503 ? ((await response.json()) as { ready: boolean; failing: string[] }) : null;
    },
    { everyMs: 2 },
  );
  expect(readiness.ready).toBe(false);
  expect(readiness.failing.join()).toContain('draining');
  const newcomer = await connect(server.url).then(
    () => 'let in',
    () => 'refused',
  );
  expect(newcomer).toBe('refused');

  await Promise.all(sent);
  await Promise.all(disconnected);
  expect(await ending).toEqual({ code: 0, signal: null });
  await until('the embedded Redis is gone', () => !isAlive(redisPid));

  expect(byes).toHaveLength(sockets.length);
  for (const bye of byes) {
    expect(bye).toMatchObject({ code: 'draining', retryAfterMs: expect.any(Number) as number });
    expect(bye.retryAfterMs).toBeGreaterThanOrEqual(500);
    expect(bye.retryAfterMs).toBeLessThanOrEqual(10_000);
  }
  const waits = byes.map(({ retryAfterMs }) => retryAfterMs ?? 0).toSorted((a, b) => a - b);
  // Spread out: sixty random waits over eight seconds are never nearly all at once.
  expect(new Set(waits).size).toBeGreaterThan(40);
  expect((waits.at(-1) ?? 0) - (waits[0] ?? 0)).toBeGreaterThan(2_000);

  // Nothing was decided whose answer got lost on the way out.
  const again = await startServer({ festival, dataDir });
  const wanted = journal.map(({ person, held }) => ({ shopperId: person.shopperId, holds: held }));
  const found = await Promise.all(
    journal.map(async ({ person: { shopperId, token } }) => {
      const back = await connect(again.url, token);
      const { snapshot } = await ask<Joined>(back, 'feeds:join', { feed: 'deals:mine', id: shopperId });
      return { shopperId, holds: (snapshot as { holds: Hold[] }).holds };
    }),
  );
  expect(found).toEqual(wanted);
  const held = wanted.flatMap(({ holds }) => holds).length;
  const stock = await followState<Stock>(await connect(again.url), 'deals:stock', 'kettle');
  expect(stock.now()).toMatchObject({ total: 5_000, free: 5_000 - held, held, sold: 0, paused: false });
  for (const { person, last } of journal.filter(({ held }) => held.length > 0)) {
    // oxlint-disable-next-line no-await-in-loop -- a few dozen
    const repeated = await post(again.url, 'deals:claim', last?.[0], { token: person.token });
    expect(JSON.stringify(repeated.answer)).toBe(JSON.stringify(last?.[1]));
  }
  await again.stop();
}, 90_000);

test('a second start continues where the first stopped: holds, packets, energy, chat and names', async () => {
  const dataDir = tempDir();
  const first = await startServer({ festival, dataDir });
  const [person, friend] = await guests(first.url, 2);
  if (person === undefined || friend === undefined) throw new Error('no guests');
  const socket = await connect(first.url, person.token);
  const energy = await followState<EnergyState>(socket, 'energy:mine', person.shopperId);
  const hold = await ask<Hold>(socket, 'deals:claim', {
    requestId: requestId(),
    lines: [{ dealId: 'kettle', quantity: 2 }],
  });
  const packet = await ask<{ amountMinor: number; index: number }>(socket, 'redpackets:open', {
    requestId: requestId(),
    dropId: 'rain',
  });
  await ask(socket, 'energy:complete', { requestId: requestId(), taskId: 'look-in' });
  await ask(socket, 'live:say', { requestId: requestId(), sessionId: 'stage', text: 'good evening' });
  const chat = await followLog<Message>(socket, 'live:chat', 'stage');
  const before = await energy.until('both tasks are credited', (state) => state.energy === 122);
  expect(before.done.toSorted()).toEqual(['first-deal', 'look-in']);
  const tonight = (await post(first.url, 'campaign:tonight', {})).answer as {
    reply: { programme: { id: string; startsAtMs: number }[] };
  };
  expect(await first.term()).toEqual({ code: 0, signal: null });

  const second = await startServer({ festival, dataDir });
  const back = await connect(second.url, person.token);
  const own = async (feed: string) => (await ask<Joined>(back, 'feeds:join', { feed, id: person.shopperId })).snapshot;
  expect(await own('deals:mine')).toMatchObject({ holds: [hold] });
  expect(await own('energy:mine')).toEqual(before);
  expect(await own('redpackets:mine')).toMatchObject({
    walletMinor: packet.amountMinor,
    packets: [{ dropId: 'rain', amountMinor: packet.amountMinor, index: packet.index }],
  });
  expect(await call(back, 'redpackets:open', { requestId: requestId(), dropId: 'rain' })).toEqual({
    ok: false,
    why: 'already-opened',
    amountMinor: packet.amountMinor,
    index: packet.index,
  });
  expect(await call(back, 'energy:complete', { requestId: requestId(), taskId: 'look-in' })).toMatchObject({
    why: 'already-credited',
  });
  const returned = await followLog<Message>(back, 'live:chat', 'stage', chat.position());
  expect(returned.joined).toMatchObject({ recovered: true, entries: [] });
  // The evening did not begin anew: what counts from the first start still counts from there.
  const later = (await post(second.url, 'campaign:tonight', {})).answer as typeof tonight;
  expect(later.reply.programme.map(({ id, startsAtMs }) => ({ id, startsAtMs }))).toEqual(
    tonight.reply.programme.map(({ id, startsAtMs }) => ({ id, startsAtMs })),
  );
  await second.stop();
}, 60_000);
