import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../../platform/random.ts';
import { createKeyspace } from '../../../platform/redis/keyspace.ts';
import { defineScript } from '../../../platform/redis/scripts.ts';
import { connectTestRedis } from '../../../platform/redis/test-connection.ts';
import { type HomeModel, openSlice, poolRules, type SliceModel, stageHome } from './pool-model.ts';
import { defineSliceScripts, type SliceScripts } from './slice-scripts.test-stage.ts';

/** The scripts and the model must be the same protocol: random steps are run through both, and all states compared. */

const script = (name: string) => defineScript(new URL(`./${name}.lua`, import.meta.url));
const [stagePool, askPool, takeBack] = [script('stage-pool'), script('ask-pool'), script('take-back')];
const [recallSlice, acceptGrant] = [script('recall-slice'), script('accept-grant')];
const [joinWaitlist, leaveWaitlist, retirePool] = [
  script('join-waitlist'),
  script('leave-waitlist'),
  script('retire-pool'),
];

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let alone: SliceScripts;

beforeAll(async () => {
  rig = await connectTestRedis();
  alone = defineSliceScripts();
});
afterAll(async () => {
  await rig.close();
  alone.close();
});

const poolId = 'deal:kettle';
const nowMs = 1_700_000_000_000;
const offersMax = 500;

/** Shoppers by number; shopper n belongs to partition n modulo P, as in the model. */
function shoppersOf(partitions: number, count: number): string[] {
  const keys = createKeyspace({ festival: 'names', partitions });
  return Array.from({ length: count }, (_, n) => {
    for (let salt = 0; ; salt++) {
      const name = `s_${n}x${salt}`;
      if (keys.partitionOf(name) === n % partitions) return name;
    }
  });
}

describe('the scripts of pools', () => {
  const words = new Map<string, number>();

  test.for([
    { partitions: 1, seed: 1 },
    { partitions: 3, seed: 2 },
    { partitions: 4, seed: 3 },
    { partitions: 4, seed: 4 },
  ])('do what the model does, step by step ($partitions partitions, seed $seed)', async ({ partitions, seed }) => {
    const { redis } = rig;
    const dice = createSeededRandom(`pools ${seed}`);
    const keys = createKeyspace({ festival: `d${seed}`, partitions });
    const home = keys.partition(keys.homeOf(poolId));
    const five = [home.pool(poolId), home.poolWaiting(poolId), home.ledger, home.outbox, home.outboxNumbers];
    const three = [poolId, nowMs, partitions];
    const shoppers = shoppersOf(partitions, 12);
    const slicesModel: SliceModel[] = Array.from({ length: partitions }, openSlice);
    const slice = (p: number) => slicesModel[p] as SliceModel;
    const sliceKeys = (p: number) => [keys.partition(p).slice(poolId), keys.partition(p).ledger];

    const total = 1 + dice.int(30 * partitions);
    const spread = dice.int(2) === 0;
    await stagePool.run(redis, [...five, home.pools], [...three, total, spread ? 1 : 0, 0]);
    const homeModel: HomeModel = stageHome({ total, partitions, spread, offersMax });
    for (let p = 0; p < partitions; p++) await alone.open.run(redis, sliceKeys(p).slice(0, 1), []);

    async function states() {
      const h = await redis.hgetall(home.pool(poolId));
      const each = (field: string, none: number) =>
        Array.from({ length: partitions }, (_, p) => Number(h[`${field}:${p}`] ?? none));
      const waiting = await redis.zrange(home.poolWaiting(poolId), '0', '-1');
      const slices = await Promise.all(
        slicesModel.map(async (_, p) => {
          const s = await redis.hgetall(keys.partition(p).slice(poolId));
          const [free, held, sold, g, r, o] = ['free', 'held', 'sold', 'g', 'r', 'o'].map((field) => Number(s[field]));
          return { free, held, sold, g, r, o, closed: s['closed'] === '1' };
        }),
      );
      return {
        home: {
          total: Number(h['total']),
          target: Number(h['target']),
          free: Number(h['free']),
          paused: h['paused'] === '1',
          offersMax,
          waiting: waiting.map((member) => shoppers.indexOf(member.split(' ')[1] ?? '')),
          granted: each('G', 0),
          takenBack: each('R', 0),
          offered: each('O', 0),
          dry: each('D', -1),
        },
        slices,
      };
    }

    // What slices said and were granted at some time, so that late and repeated messages are among the steps.
    const said: { p: number; r: number; g: number; closed: boolean }[] = [];
    const granted: { p: number; granted: number }[] = [];
    const pick = <T>(list: T[]): T | undefined => list[dice.int(Math.max(list.length, 1))];
    // A return to a closed slice is told by the ledger line of whoever returned it.
    const homeBoundUnits: number[] = slicesModel.map(() => 0);
    const count = (word: string) => words.set(word, (words.get(word) ?? 0) + 1);
    let requests = 0;

    async function step(what = dice.int(15)): Promise<string> {
      const p = dice.int(partitions);
      const s = slice(p);
      switch (what) {
        case 0:
        case 1: {
          const least = 1 + dice.int(dice.int(3) === 0 ? 20 : 3);
          const want = least + dice.int(3);
          // An old g belongs to an ask that was long on its way.
          const g = dice.int(4) === 0 ? dice.int(s.g + 1) : s.g;
          const [answer] = (await askPool.run(redis, five, [...three, p, g, want, least])) as [string];
          const word = poolRules.ask(homeModel, p, g, want, least);
          count(word);
          const open = homeModel.granted
            .map((units, k) => (units === homeModel.dry[k] ? '' : ` ${k}:${units}`))
            .join('');
          const expected = {
            grant: `grant ${homeModel.granted[p]}`,
            recall: `recall${open}`,
            left: `left ${homeModel.paused ? homeModel.free : Math.max(0, homeModel.free - homeModel.waiting.length)}`,
            'sold-out': 'sold-out',
          };
          expect(answer).toBe(expected[word]);
          granted.push({ p, granted: homeModel.granted[p] ?? 0 });
          return `ask ${p} ${g} ${want} ${least}: ${answer}`;
        }
        case 2:
        case 3: {
          const grant = pick(granted);
          if (grant === undefined) return 'none';
          await acceptGrant.run(redis, sliceKeys(grant.p), [poolId, nowMs, grant.granted]);
          poolRules.acceptGrant(slice(grant.p), grant.granted);
          return `accept ${grant.p} ${grant.granted}`;
        }
        case 4: {
          const grant = pick(granted) ?? { p, granted: 0 };
          const answer = await recallSlice.run(redis, sliceKeys(grant.p), [poolId, nowMs, grant.granted]);
          const closed = slice(grant.p);
          poolRules.closeSlice(closed, grant.granted);
          expect(answer).toEqual([String(closed.g), String(closed.r), '1']);
          said.push({ p: grant.p, r: closed.r, g: closed.g, closed: true });
          return `recall ${grant.p} ${grant.granted}`;
        }
        case 5:
          said.push({ p, r: s.r, g: s.g, closed: s.closed });
          return 'say';
        case 6:
        case 7: {
          const report = pick(said);
          if (report === undefined) return 'none';
          await takeBack.run(redis, five, [...three, report.p, report.r, report.g, report.closed ? 1 : 0]);
          poolRules.takeBack(homeModel, report.p, report);
          return `take back ${JSON.stringify(report)}`;
        }
        case 8: {
          const quantity = Math.min(s.free, 1 + dice.int(4));
          await redis.hincrby(keys.partition(p).slice(poolId), 'free', -quantity);
          await redis.hincrby(keys.partition(p).slice(poolId), 'held', quantity);
          s.free -= quantity;
          s.held += quantity;
          return `claim ${p} ${quantity}`;
        }
        case 9: {
          const quantity = Math.min(s.held, 1 + dice.int(4));
          if (quantity === 0) return 'none';
          const homeBound = await alone.giveBack.run(redis, sliceKeys(p).slice(0, 1), [quantity]);
          s.held -= quantity;
          expect(homeBound === 1).toBe(poolRules.giveBack(s, quantity));
          if (homeBound === 1) homeBoundUnits[p] = (homeBoundUnits[p] ?? 0) + quantity;
          return `give back ${p} ${quantity}`;
        }
        case 10: {
          if ((homeModel.offered[p] ?? 0) <= s.o) return 'none';
          await redis.hincrby(keys.partition(p).slice(poolId), 'o', 1);
          await redis.hincrby(keys.partition(p).slice(poolId), 'held', 1);
          s.o++;
          s.held++;
          return `offer arrives ${p}`;
        }
        case 11: {
          const n = dice.int(shoppers.length);
          const shopper = shoppers[n] ?? '';
          const person = [home.answers(shopper), home.answersOrder(shopper)];
          const key = [`r${requests++}`, 'deals:wait', 'hash'];
          if (dice.int(4) === 0) {
            await leaveWaitlist.run(
              redis,
              [home.poolWaiting(poolId), ...person],
              [n % partitions, shopper, nowMs, ...key, 600_000, '"dealId":"kettle"'],
            );
            poolRules.leave(homeModel, n);
            return `leave ${n}`;
          }
          const waited = homeModel.waiting.indexOf(n);
          const [outcome] = (await joinWaitlist.run(
            redis,
            [...five, ...person],
            [...three, n % partitions, shopper, dice.int(2), ...key, 600_000, 100_000, '"dealId":"kettle"'],
          )) as [string];
          const joined = poolRules.join(homeModel, n);
          const answer = JSON.parse(outcome);
          count(answer.ok ? 'joined' : String(answer.why));
          const place = homeModel.waiting.indexOf(n) + 1;
          if (joined) expect(answer).toEqual({ ok: true, reply: { dealId: 'kettle', place } });
          else if (waited !== -1 && place > 0)
            expect(answer).toEqual({ ok: false, why: 'already-waiting', dealId: 'kettle', place });
          else expect(answer).toEqual({ ok: false, why: 'still-free', dealId: 'kettle' });
          return `join ${n}: ${outcome}`;
        }
        case 12: {
          // A whole recall: every slice closes at what it was granted, and home hears of all in one call.
          const reports: number[] = [];
          for (let k = 0; k < partitions; k++) {
            await recallSlice.run(redis, sliceKeys(k), [poolId, nowMs, homeModel.granted[k] ?? 0]);
            poolRules.closeSlice(slice(k), homeModel.granted[k] ?? 0);
            reports.push(k, slice(k).r, slice(k).g, 1);
          }
          await takeBack.run(redis, five, [...three, ...reports]);
          for (let k = 0; k < partitions; k++) poolRules.takeBack(homeModel, k, slice(k));
          return `recall all, then ${await step(dice.int(2) === 0 ? 0 : 11)}`;
        }
        case 13: {
          for (const [k, each] of slicesModel.entries()) {
            await redis.hincrby(keys.partition(k).slice(poolId), 'held', each.free);
            await redis.hset(keys.partition(k).slice(poolId), 'free', 0);
            each.held += each.free;
            each.free = 0;
          }
          return `claim all, then ${await step(12)}`;
        }
        default: {
          if (dice.int(6) !== 0) {
            const paused = dice.int(4) === 0;
            await redis.hset(home.pool(poolId), 'paused', paused ? 1 : 0);
            homeModel.paused = paused;
            return `paused ${paused}`;
          }
          const next = dice.int((dice.int(4) === 0 ? 30 : 5) * partitions);
          const [word, grants] = (await stagePool.run(
            redis,
            [...five, home.pools],
            [...three, next, spread ? 1 : 0, 0],
          )) as string[];
          expect(word).toBe(next === homeModel.target ? 'same' : 'restocked');
          poolRules.restock(homeModel, next);
          expect(grants).toBe(homeModel.granted.join(' '));
          return `stage ${next}`;
        }
      }
    }

    for (let i = 0; i < 1_200; i++) {
      const what = await step();
      expect(await states(), `seed ${seed}, step ${i}: ${what}`).toEqual({ home: homeModel, slices: slicesModel });
    }
    await expectLedgerTellsAll();

    /** Every figure of home and slices is derived a second time, from the ledger lines alone. */
    async function expectLedgerTellsAll(): Promise<void> {
      const read = async (p: number) =>
        (await redis.xrange(keys.partition(p).ledger, '-', '+')).map(([, flat]) => {
          const fields: Record<string, string> = {};
          for (let i = 0; i < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
          return fields;
        });
      const told = {
        total: 0,
        free: 0,
        G: Array(partitions).fill(0),
        R: Array(partitions).fill(0),
        O: Array(partitions).fill(0),
      };
      for (const { e, k = '0', units = '0' } of await read(keys.homeOf(poolId))) {
        if (e === 'pool-staged' || e === 'pool-restocked') {
          told.total += Number(units);
          told.free += Number(units);
        } else if (e === 'pool-granted') {
          told.free -= Number(units);
          told.G[Number(k)] += Number(units);
        } else if (e === 'pool-taken-back') {
          told.free += Number(units);
          told.R[Number(k)] += Number(units);
        } else if (e === 'pool-offered') {
          told.free--;
          told.O[Number(k)]++;
        }
      }
      const { total, free, granted, takenBack, offered } = homeModel;
      expect(told).toEqual({ total, free, G: granted, R: takenBack, O: offered });
      for (let p = 0; p < partitions; p++) {
        let [accepted, recalled] = [0, 0];
        for (const { e, units = '0' } of await read(p)) {
          if (e === 'slice-granted') accepted += Number(units);
          else if (e === 'slice-recalled') recalled += Number(units);
        }
        expect(accepted).toBe(slice(p).g);
        expect(recalled + (homeBoundUnits[p] ?? 0)).toBe(slice(p).r);
      }
      const announced = await redis.xrange(home.outbox, '-', '+');
      expect(announced.length).toBe(homeModel.offered.reduce((sum, count) => sum + count, 0));
      for (const [, flat] of announced) {
        const payload = JSON.parse(flat[7] ?? '');
        expect(flat[1]).toBe(`deals@p${shoppers.indexOf(payload.shopperId) % partitions}`);
        expect(flat[5]).toBe('deals.offered');
        expect(payload).toEqual({
          poolId,
          shopperId: expect.any(String),
          offerNo: expect.any(Number),
          simulated: expect.any(Boolean),
        });
      }
    }
  });

  test('met every answer of home on the way', () => {
    for (const word of ['grant', 'recall', 'left', 'sold-out', 'joined', 'still-free', 'already-waiting'])
      expect(words.get(word) ?? 0, word).toBeGreaterThan(5);
  });

  test('retires a pool only when every unit is at home, and answers nothing about it afterwards', async () => {
    const { redis } = rig;
    const keys = createKeyspace({ festival: 'retire', partitions: 2 });
    const home = keys.partition(keys.homeOf(poolId));
    const five = [home.pool(poolId), home.poolWaiting(poolId), home.ledger, home.outbox, home.outboxNumbers];
    const three = [poolId, nowMs, 2];
    await stagePool.run(redis, [...five, home.pools], [...three, 40, 1, 0]);
    expect(await retirePool.run(redis, [...five, home.pools], three)).toEqual(['kept', '0:20 1:20']);
    await takeBack.run(redis, five, [...three, 0, 20, 20, 1, 1, 19, 20, 1]);
    expect(await retirePool.run(redis, [...five, home.pools], three)).toEqual(['kept', '']);
    await takeBack.run(redis, five, [...three, 1, 20, 20, 1]);
    expect(await retirePool.run(redis, [...five, home.pools], three)).toEqual(['retired', '']);
    expect(await redis.keys('{retire*pool*')).toEqual([]);
    expect(await askPool.run(redis, five, [...three, 0, 20, 1, 1])).toEqual(['unknown', 0]);
    expect(await takeBack.run(redis, five, [...three, 0, 25, 20, 1])).toEqual(['unknown', 0, 0]);
    // A grant that comes after its slice is gone does not raise it.
    expect(
      await acceptGrant.run(redis, [keys.partition(0).slice(poolId), keys.partition(0).ledger], [poolId, nowMs, 20]),
    ).toBe(0);
    expect(await redis.exists(keys.partition(0).slice(poolId))).toBe(0);
  });
});
