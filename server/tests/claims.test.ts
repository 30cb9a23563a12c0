import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ask,
  call,
  connect,
  festivalOf,
  followState,
  guests,
  type Joined,
  type Outcome,
  post,
  requestId,
  seed,
  seededChance,
  startServer,
  type TestServer,
} from './test-server.ts';

const units = 100;
const clientCount = 400;

/** Waits until a law was counted after this moment, and answers how it stands. */
async function lawCountedAfter(
  wall: { until(what: string, holds: (w: Wall) => boolean): Promise<Wall> },
  name: string,
  afterMs: number,
) {
  const lawOf = (w: Wall): Law | undefined => w.laws.find(({ law }) => law === name);
  const seen = await wall.until(
    `the ${name} law is counted after the stampede`,
    (w) => (lawOf(w)?.checkedAtMs ?? 0) > afterMs,
  );
  return lawOf(seen);
}

describe('a stampede over sockets and HTTP', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      festival: festivalOf({
        deals: [
          { id: 'kettle', total: units },
          { id: 'other', total: 5_000 },
          { id: 'single', total: 1 },
        ],
      }),
    });
  });

  test(`${clientCount} shoppers claim ${units} units: exactly ${units} succeed, none twice, the rest are told that it is sold out (seed ${seed})`, async () => {
    const chance = seededChance('claims');
    const people = await guests(server.url, clientCount);
    const sockets = await Promise.all(people.map((person) => connect(server.url, person.token)));
    const clients = people.map((person, i) => {
      const socket = sockets[i];
      if (socket === undefined) throw new Error('a person without a socket');
      const input = { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] };
      const overSocket = () => call(socket, 'deals:claim', input);
      const overHttp = async () => (await post(server.url, 'deals:claim', input, { token: person.token })).answer;
      return {
        person,
        socket,
        input,
        overSocket,
        overHttp,
        first: i % 2 === 0 ? overSocket : overHttp,
        again: i % 2 === 0 ? overHttp : overSocket,
      };
    });
    const operator = await server.operator();
    const desk = await connect(server.url, operator.token);
    const wall = await followState<Wall>(desk, 'control:wall', 'all');
    const stock = await followState<Stock>(desk, 'deals:stock', 'kettle');
    expect(stock.now()).toMatchObject({ total: units, free: units, held: 0, sold: 0, paused: false, soldOut: false });

    const journal = new Map<(typeof clients)[number], Outcome>();
    await Promise.all(chance.shuffled(clients).map(async (client) => void journal.set(client, await client.first())));

    const won = clients.filter((client) => journal.get(client)?.ok === true);
    const holds = won.map((client) => (journal.get(client) as { reply: Hold }).reply);
    expect(won).toHaveLength(units);
    expect(new Set(holds.map(({ holdId }) => holdId)).size).toBe(units);
    expect(new Set(won.map(({ person }) => person.shopperId)).size).toBe(units);
    for (const hold of holds) {
      expect(hold.lines).toEqual([{ dealId: 'kettle', quantity: 1, priceMinor: 11_100, currency: 'CNY' }]);
    }
    const refusals = [...journal.values()].filter((answer) => !answer.ok);
    expect(refusals).toHaveLength(clientCount - units);
    for (const refusal of refusals) expect(refusal).toEqual({ ok: false, why: 'sold-out', dealId: 'kettle' });

    // What everyone sees, and what the ledger says, agree with what the clients were told.
    await stock.until('the public count shows the stampede', (s) => s.held === units && s.free === 0 && s.sold === 0);
    const afterMs = (await ask<{ nowMs: number }>(desk, 'clock:now', {})).nowMs;
    for (const law of ['stock', 'holds']) {
      expect(await lawCountedAfter(wall, law, afterMs)).toMatchObject({ state: 'whole', evidence: [] });
    }
    expect(wall.now().totals).toMatchObject({ holds: units, units, heldMinor: units * 11_100, claims: clientCount });

    // A repeat over the other transport is answered with the first answer, word for word, and claims nothing.
    for (let from = 0; from < clients.length; from += 50) {
      await Promise.all(
        clients.slice(from, from + 50).map(async (client) => {
          expect(JSON.stringify(await client.again())).toBe(JSON.stringify(journal.get(client)));
        }),
      );
    }
    expect((await stock.until('nothing moved', (s) => s.held === units)).free).toBe(0);

    // Each shopper sees its own hold, and nobody has two.
    await Promise.all(
      clients.map(async (client) => {
        const { snapshot } = await ask<Joined>(client.socket, 'feeds:join', {
          feed: 'deals:mine',
          id: client.person.shopperId,
        });
        const answer = journal.get(client);
        expect(snapshot).toMatchObject({ holds: answer?.ok ? [answer.reply] : [] });
      }),
    );
  }, 90_000);

  test('one shopper tapping forty times at once over both transports never gets more than the limit', async () => {
    const [person] = await guests(server.url, 1);
    const socket = await connect(server.url, person?.token);
    const claim = () => ({ requestId: requestId(), lines: [{ dealId: 'other', quantity: 1 }] });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) =>
        i % 2 === 0
          ? await call(socket, 'deals:claim', claim())
          : (await post(server.url, 'deals:claim', claim(), { token: person?.token ?? '' })).answer,
      ),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(new Set(answers.filter(({ ok }) => !ok).map((a) => JSON.stringify(a)))).toEqual(
      new Set([JSON.stringify({ ok: false, why: 'limit-reached', dealId: 'other', limit: 1, taken: 1 })]),
    );
  });

  test('a request id that comes again with another body is refused, whichever way it comes', async () => {
    const [person] = await guests(server.url, 1);
    const socket = await connect(server.url, person?.token);
    const id = requestId();
    const first = { requestId: id, lines: [{ dealId: 'other', quantity: 1 }] };
    const other = { requestId: id, lines: [{ dealId: 'other', quantity: 2 }] };
    const said = await call(socket, 'deals:claim', first);
    expect(said.ok).toBe(true);
    const posted = await post(server.url, 'deals:claim', other, { token: person?.token ?? '' });
    expect(posted.status).toBe(409);
    expect(posted.answer).toEqual({ ok: false, why: 'request-id-reused' });
    expect(await call(socket, 'deals:claim', other)).toEqual({ ok: false, why: 'request-id-reused' });
    expect(await call(socket, 'deals:claim', first)).toEqual(said);
  });

  test('a refusal stays the answer to its request id, also when the unit has come back since; a new request gets it', async () => {
    const [holder, late] = await guests(server.url, 2);
    const sockets = await Promise.all([connect(server.url, holder?.token), connect(server.url, late?.token)]);
    const claim = () => ({ requestId: requestId(), lines: [{ dealId: 'single', quantity: 1 }] });
    const held = await ask<Hold>(sockets[0], 'deals:claim', claim());
    const refused = claim();
    const soldOut = { ok: false, why: 'sold-out', dealId: 'single' };
    expect(await call(sockets[1], 'deals:claim', refused)).toEqual(soldOut);
    const release = { requestId: requestId(), holdId: held.holdId };
    expect(await call(sockets[0], 'deals:release', release)).toEqual({ ok: true, reply: { holdId: held.holdId } });
    expect(await call(sockets[1], 'deals:claim', refused)).toEqual(soldOut);
    expect((await post(server.url, 'deals:claim', refused, { token: late?.token ?? '' })).answer).toEqual(soldOut);
    expect((await call(sockets[1], 'deals:claim', claim())).ok).toBe(true);
    // Nor does letting it go once more give back what is another's by now.
    expect(await call(sockets[0], 'deals:release', release)).toEqual({ ok: true, reply: { holdId: held.holdId } });
    const again = { requestId: requestId(), holdId: held.holdId };
    expect(await call(sockets[0], 'deals:release', again)).toEqual({ ok: false, why: 'unknown-hold' });
    const stock = await followState<Stock>(sockets[0], 'deals:stock', 'single');
    expect(stock.now()).toMatchObject({ total: 1, free: 0, held: 1 });
  });
});
