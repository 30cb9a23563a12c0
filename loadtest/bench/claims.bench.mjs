// Claims over sockets, from end to end: what a claim costs the server, beside plain Socket.IO and one EVALSHA a claim. The
// real server, as in production, on a Redis that has each acknowledged claim on disk; the peer on one that is set the same.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTokens } from '../../server/src/platform/identity/tokens.ts';
import { startTestRedis } from '../../server/src/platform/redis/test-redis.ts';
import { startProcess, versionOf } from './processes.mjs';

const main = join(import.meta.dirname, '../../server/src/main.ts');
const festivalId = 'bench-night';
/** Claims under way at once: as many people as tap in the same moment. */
const activeShoppers = 500;
/** Claims of each shopper while code is compiled, at the peak, and at a share of it. Twelve holds are all that one may have. */
const each = { warm: 2, peak: 5, paced: 4 };
const paceShare = 0.8;
/** Units of the deal that everybody wants at the end, one claim each: this many must be given, and not one more. */
const scarceShare = 0.2;
const startMsMax = 30_000;
/** How long the server is looked at while nobody claims: its chores cost the same then, and are in every figure here. */
const restMs = 1_500;
/** What a claim sets off (energy is credited, counts are shown) is over by then, and counted. */
const settleMs = 400;

const picture = {
  shape: 'lamp',
  tone: ['#e0a526', '#97690f', '#f7dc9a'],
  accent: '#d8472f',
  ground: '#1f1a2b',
  proportion: 110,
};
const brand = {
  id: 'steady-flame',
  name: 'Steady Flame',
  tagline: 'Lamps under load.',
  logo: { form: 'disc', cut: 'steam', tone: '#d8472f', on: '#fff4e0' },
};
/** A product for each deal: two deals of one product may not be on together. */
const product = (id) => ({
  id,
  brandId: brand.id,
  name: 'Storm lamp',
  blurb: 'Everybody wants one.',
  listMinor: 15_900,
  unit: 'lamp',
  picture,
});
const deal = (id, total) => ({
  id,
  productId: id,
  when: '+0s for 12h',
  priceMinor: 1_100,
  total,
  limitPerShopper: 12,
  hold: '1h',
});
const festival = (scarce) => ({
  festival: {
    id: festivalId,
    title: 'A night of claims',
    places: [{ city: 'Shanghai', timeZone: 'Asia/Shanghai' }],
    currency: 'CNY',
  },
  phases: [{ id: 'night', title: 'Night', blurb: 'Everything is open at once.', when: '+0s for 12h' }],
  brands: [brand],
  products: [product('plenty'), product('scarce')],
  deals: [deal('plenty', 10_000_000), deal('scarce', scarce)],
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The whole server in a process of its own, with the settings of production. */
async function startOurs({ redisUrl, scarce, execArgv }) {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-claims-'));
  const secret = 'a-secret-of-the-bench-and-of-nobody-else';
  writeFileSync(join(dir, 'festival.json'), JSON.stringify(festival(scarce)));
  const child = spawn(process.execPath, [...execArgv, main], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: dir,
      REDIS_URL: redisUrl,
      TOKEN_SECRET: secret,
      ALLOWED_ORIGINS: 'http://127.0.0.1',
      FESTIVAL: join(dir, 'festival.json'),
      DEMO: 'off',
      DRAIN_MS: '0',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const end = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const { url, metricsUrl } = await new Promise((resolve, reject) => {
      let output = '';
      const late = setTimeout(() => reject(new Error(`the server did not start\n${output}`)), startMsMax);
      void ended.then(() => reject(new Error(`the server ended\n${output}`)));
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
        const found = /Elevens is live: (\S+)[\s\S]*metrics +(\S+)/.exec(output);
        if (found === null) return;
        clearTimeout(late);
        resolve({ url: found[1], metricsUrl: found[2] });
      });
    });
    const tokens = await createTokens({
      secrets: [secret],
      festival: festivalId,
      clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now(), errorMs: () => 0 },
    });
    const list = async () =>
      (
        await (
          await fetch(`${url}/api/deals/list`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: '{}',
          })
        ).json()
      ).deals;
    // Deals are staged by a chore of every second; until then they are listed and unknown to claims.
    await pause(1_500);
    const deals = await list();
    const dealOf = (id) => deals.find((d) => d.dealId.startsWith(id)).dealId;
    return {
      port: Number(new URL(url).port),
      tokenOf: async (shopperId) =>
        (
          await tokens.sign({
            shopperId,
            displayName: 'Someone',
            locale: 'en',
            roles: ['shopper'],
            brandId: null,
            simulated: false,
          })
        ).token,
      plenty: dealOf('plenty'),
      scarce: dealOf('scarce'),
      async cpuUs() {
        const text = await (await fetch(metricsUrl)).text();
        return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)[1]) * 1e6;
      },
      async held(dealId) {
        return (await list()).find((d) => d.dealId === dealId).stock.held;
      },
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function startPeer({ redisUrl, scarce, execArgv }) {
  const peer = startProcess('claim-peer.mjs', { args: [redisUrl], execArgv });
  const { port } = await peer.ask('listen');
  await peer.ask('stage', { dealId: 'plenty.1', total: 10_000_000 });
  await peer.ask('stage', { dealId: 'scarce.1', total: scarce });
  return {
    port,
    tokenOf: async (shopperId) => shopperId,
    plenty: 'plenty.1',
    scarce: 'scarce.1',
    cpuUs: async () => (await peer.ask('cpu')).cpuUs,
    held: async (dealId) => (await peer.ask('counts', { dealId })).held,
    end: () => peer.end(),
  };
}

async function measure(way, { sockets, execArgv = [] }) {
  const port = await freePort();
  const redis = await startTestRedis({ settings: { bind: '127.0.0.1', port: String(port) } });
  const redisUrl = `redis://:${redis.options.password}@127.0.0.1:${port}`;
  const scarce = Math.round(sockets * scarceShare);
  const started = [];
  try {
    const server = await (way === 'ours' ? startOurs : startPeer)({ redisUrl, scarce, execArgv });
    started.push(server);
    const crowd = startProcess('claim-crowd.mjs');
    started.push(crowd);
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) => server.tokenOf(`s_${String(i).padStart(22, 'x')}`)),
    );
    await crowd.ask('connect', { port: server.port, tokens });
    await crowd.ask('rush', { each: each.warm, active: activeShoppers, dealId: server.plenty });
    await pause(settleMs);

    const restBefore = await server.cpuUs();
    await pause(restMs);
    const before = await server.cpuUs();
    const peak = await crowd.ask('rush', { each: each.peak, active: activeShoppers, dealId: server.plenty });
    await pause(settleMs);
    const after = await server.cpuUs();
    const paced = await crowd.ask('pace', {
      each: each.paced,
      perSecond: peak.perSecond * paceShare,
      dealId: server.plenty,
    });
    const last = await crowd.ask('rush', { each: 1, active: activeShoppers, dealId: server.scarce });
    return {
      figure: (after - before) / peak.answers,
      restCpuShare: (before - restBefore) / 1_000 / restMs,
      perSecond: peak.perSecond,
      claims: peak.answers,
      p50Ms: peak.p50Ms,
      p99Ms: peak.p99Ms,
      pacedP50Ms: paced.p50Ms,
      pacedP99Ms: paced.p99Ms,
      crowdCpuShare: peak.crowdCpuShare,
      refusals: { ...peak.refusals, ...paced.refusals },
      scarce,
      scarceGiven: last.successes,
      scarceHeld: await server.held(server.scarce),
      closed: last.closed,
    };
  } finally {
    for (const one of started.toReversed()) await one.end();
    await redis.close();
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const wayFacts = (rounds) => ({
  serverCpuUsAClaim: middle(rounds.map((r) => r.figure)),
  restCpuShare: middle(rounds.map((r) => r.restCpuShare)),
  claimsPerSecond: Math.round(middle(rounds.map((r) => r.perSecond))),
  peakP50Ms: middle(rounds.map((r) => r.p50Ms)),
  peakP99Ms: middle(rounds.map((r) => r.p99Ms)),
  pacedP50Ms: middle(rounds.map((r) => r.pacedP50Ms)),
  pacedP99Ms: middle(rounds.map((r) => r.pacedP99Ms)),
  crowdCpuShare: middle(rounds.map((r) => r.crowdCpuShare)),
  claimsARound: rounds[0].claims,
  scarceUnits: rounds[0].scarce,
  oversold: Math.max(...rounds.map((r) => Math.max(r.scarceGiven, r.scarceHeld) - r.scarce)),
  undersold: Math.max(...rounds.map((r) => r.scarce - Math.min(r.scarceGiven, r.scarceHeld))),
  refusals: Object.assign({}, ...rounds.map((r) => r.refusals)),
});

export const bench = {
  unit: 'microseconds of server CPU a claim',
  better: 'less',
  rounds: 5,
  sockets: 5_000,
  short: { sockets: 600, rounds: 1 },
  peers: ['socket.io-evalsha'],
  measure,
  facts: (details) => ({
    activeShoppers,
    durability: 'fsync',
    paceShare,
    perWay: Object.fromEntries(Object.entries(details).map(([way, rounds]) => [way, wayFacts(rounds)])),
    versions: { 'socket.io': versionOf('socket.io'), ioredis: versionOf('ioredis'), ws: versionOf('ws') },
  }),
  problems: ({ facts }) =>
    Object.entries(facts.perWay).flatMap(([way, { oversold, undersold, refusals }]) => [
      ...(oversold > 0 ? [`${way} gave ${oversold} units that it did not have`] : []),
      ...(undersold > 0 ? [`${way} kept ${undersold} units that somebody wanted`] : []),
      ...(Object.keys(refusals).length > 0
        ? [`${way} refused claims of a deal with plenty: ${JSON.stringify(refusals)}`]
        : []),
    ]),
};
