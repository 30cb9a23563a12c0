import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Law } from '@elevens/shared/src/control/contract.ts';
import { Redis } from 'ioredis';
import { findK6, isToolMissing } from '../.ci/find-tool.mjs';
import { readEmbeddedConnection } from '../server/src/platform/redis/embedded.ts';
import { createKeyspace } from '../server/src/platform/redis/keyspace.ts';
import { isAboutTime, journeyCommands, wasOutOfBreath } from './budgets.ts';
import { type CpuUse, watchCpu } from './cpu.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './journeys/evening.ts';
import { startOwnServer } from './own-server.ts';
import { type Evening, evenings } from './shapes/evenings.ts';
import { type Finding, judge, type Testimony } from './verdict.ts';
import { openWitness, type Witness } from './witness.ts';

export interface SmokeOptions {
  short: boolean;
  /** A server that runs already; null starts one. */
  url: string | null;
  /** The operator's link of that server, without which its control room cannot be asked. */
  link: string | null;
  shoppers: number | null;
  plant: 'oversell' | null;
  jsonFile: string | null;
}

/** More than this many at once measures k6 and not the server. */
const shoppersMax = 2_000;
/** The laws are counted every other second; a busy machine gets several rounds. */
const lawsMs = 30_000;
/** A journal is a few kilobytes. */
const journalBytesMax = 256 * 1_024;
/** By this exit code a check says that this machine lacks what it needs. */
const lacksToolExitCode = 77;
/** k6 tells by it that a threshold failed; everything but this and 0 is a broken script. */
const thresholdExitCode = 99;

const festival = join(import.meta.dirname, 'festivals', 'smoke.json');
const script = join(import.meta.dirname, 'shapes', 'smoke.ts');

const say = (line = '') => void process.stdout.write(`${line}\n`);

/** Runs the smoke and answers with the exit code. */
export async function runSmoke(options: SmokeOptions): Promise<number> {
  const k6 = await findK6({ say }).catch((error: unknown) => {
    if (!isToolMissing(error)) throw error;
    say(error.message);
    return null;
  });
  if (k6 === null) return lacksToolExitCode;

  const complaints: string[] = [];
  const own =
    options.url === null ? await startOwnServer({ festival, hear: (text) => complaints.push(text.trim()) }) : null;
  const url = own?.url ?? options.url ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'elevens-smoke-'));
  const clear = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', clear);
  const closers: (() => void)[] = [];
  try {
    const shape: Evening = options.short ? evenings.short : evenings.full;
    const evening = { ...shape, shoppers: Math.min(options.shoppers ?? shape.shoppers, shoppersMax) };
    const link = own?.operatorLink ?? options.link;
    const witness = await openWitness(url, link === null ? null : await operatorToken(url, link));
    closers.push(() => witness.close());
    const journals = await collectJournals(evening.shoppers);
    closers.push(journals.close);
    const plan = {
      url,
      journalUrl: journals.url,
      evening,
      alone: own !== null,
      ...(await whatIsOn(witness, evening)),
    };
    const laws = link === null ? null : await witness.followLaws();
    const chat = await witness.followChat(plan.sessionId);

    say(
      `smoke${options.short ? ' --short' : ''}: ${evening.shoppers} shoppers for ${evening.endAtMs / 1_000} s, ${url}; k6 from ${k6.from}`,
    );
    const summaryFile = join(dir, 'summary.json');
    const cpu = watchCpu(own === null ? {} : { server: own.pid });
    const ran = await runK6({ binary: k6.binary, task: { plan, summaryFile }, onStart: (pid) => cpu.add('k6', pid) });
    const cores = cpu.stop();
    if (ran.code !== 0 && ran.code !== thresholdExitCode) {
      say(ran.output);
      say(`FAILED: k6 ended with ${ran.code}: the journey is broken, or the server could not be reached.`);
      return 1;
    }

    const endedAtMs = (await witness.ask('clock:now', {})).nowMs;
    const lights = laws === null ? null : await lawsCountedAfter(() => laws.laws(), endedAtMs);
    const testimony = await hearServer(witness, { plan, chat });
    const findings = judge(journals.all, testimony);
    const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as K6Summary;
    const starved = Object.keys(cores).filter((who) => cores[who] !== undefined && wasOutOfBreath(cores[who]));
    const figures = figuresOf(summary, journals.all, {
      judgeTimes: starved.length === 0,
      // Elsewhere there may be no drop or no task just now, and then there is nothing to answer.
      mustAll: own !== null,
    });
    report({ figures, cores, findings, lights });
    if (starved.length > 0)
      say(`note: ${starved.join(' and ')} waited longer for a core than they ran, so budgets of time are not judged`);
    // What stood adrift at any moment of the run counts, even if it came right again.
    const adrift = [...(laws?.everAdrift ?? [])];
    for (const law of adrift) say(`FAILED: the light of ${law.law} was red: ${wordsOf(law)}`);
    for (const budget of figures.budgets.filter(broken)) say(`FAILED: over budget: ${budget.budget}`);
    for (const { law, words } of findings.filter(({ holds }) => !holds)) say(`FAILED: ${law}: ${words}`);
    if (lights !== null && lights.some(({ state }) => state !== 'whole' && state !== 'adrift'))
      say(`FAILED: the control room did not count every law within ${lawsMs / 1_000} s`);
    for (const words of new Set(journals.all.flatMap(({ lost }) => lost))) say(`note: an answer was lost: ${words}`);
    if (complaints.length > 0) say(`The server said:\n${complaints.slice(0, 20).join('\n')}`);
    let failed =
      adrift.length > 0 ||
      figures.budgets.some(broken) ||
      findings.some(({ holds }) => !holds) ||
      (lights?.some(({ state }) => state !== 'whole') ?? false);

    if (options.plant === 'oversell' && own !== null && laws !== null) {
      const red = await plantOversell(own.dataDir, plan.dealIds, () => laws.laws(), testimony);
      say(red ?? 'FAILED: the planted oversell turned no light red: the law of stock is blind');
      failed = true;
    }
    say(failed ? 'smoke FAILED' : 'smoke passed: every budget that was judged is kept, every law held');
    if (options.jsonFile !== null) {
      const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryBytes: totalmem() };
      const json = {
        load: 'smoke',
        passed: !failed,
        evening,
        ...figures,
        cores,
        findings,
        lights,
        machine,
        node: process.version,
      };
      writeFileSync(options.jsonFile, `${JSON.stringify(json, null, 2)}\n`);
    }
    return failed ? 1 : 0;
  } finally {
    for (const close of closers) close();
    clear();
    process.off('exit', clear);
    const code = await own?.stop();
    if (code !== undefined && code !== 0) say(`(the server ended with ${code} when it was told to drain)`);
  }
}

async function operatorToken(url: string, link: string): Promise<string> {
  const response = await fetch(`${url}/api/identity/use-link`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ link }),
  });
  const body = (await response.json()) as { token?: string };
  if (body.token === undefined) throw new Error(`the operator's link was answered ${JSON.stringify(body)}`);
  return body.token;
}

/** What is scarcest first: where things run out is where they break. */
const dealsMax = 2;
const dropsMax = 2;

/** The deals, drops and the session that are open for as long as the evening lasts. */
async function whatIsOn(witness: Witness, evening: Evening): Promise<Pick<Plan, 'dealIds' | 'dropIds' | 'sessionId'>> {
  const { nowMs } = await witness.ask('clock:now', {});
  const endMs = nowMs + evening.endAtMs + 10_000;
  const onAllAlong = (one: { opensAtMs: number; closesAtMs: number }) =>
    one.opensAtMs <= nowMs && one.closesAtMs > endMs;
  const { deals } = await witness.ask('deals:list', {});
  const { drops } = await witness.ask('redpackets:list', {});
  const { sessions } = await witness.ask('live:list', {});
  const session = sessions.find((one) => one.startsAtMs <= nowMs && one.endsAtMs > endMs);
  const dealIds = deals
    .filter(onAllAlong)
    .toSorted((a, b) => a.stock.total - b.stock.total)
    .slice(0, dealsMax)
    .map(({ dealId }) => dealId);
  const dropIds = drops
    .filter(onAllAlong)
    .toSorted((a, b) => a.packets - b.packets)
    .slice(0, dropsMax)
    .map(({ dropId }) => dropId);
  if (dealIds.length === 0 || session === undefined)
    throw new Error('no deal or no live session is on for as long as this evening lasts; try again shortly');
  return { dealIds, dropIds, sessionId: session.sessionId };
}

/** Where shoppers send their journals: k6 has no other way to hand anything back. */
async function collectJournals(max: number): Promise<{ url: string; all: Journal[]; close: () => void }> {
  const all: Journal[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > journalBytesMax) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (all.length < max) all.push(JSON.parse(Buffer.concat(chunks).toString()) as Journal);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, all, close: () => server.close().closeAllConnections() };
}

/** Runs k6 without telling anybody of it: no usage report, no listening port. */
function runK6({
  binary,
  task,
  onStart,
}: {
  binary: string;
  task: { plan: Omit<Plan, 'startMs'>; summaryFile: string };
  onStart: (pid: number) => void;
}): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, ['run', '--quiet', '--no-color', '--address', '', script], {
      env: { ...process.env, K6_NO_USAGE_REPORT: 'true', ELEVENS_LOAD: JSON.stringify(task) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onStart(child.pid ?? 0);
    // The server and this process end with their terminal; k6 must not outlive them.
    const end = () => void child.kill('SIGKILL');
    process.once('exit', end);
    const late = setTimeout(end, task.plan.evening.durationMsMax + 60_000);
    let output = '';
    const hear = (chunk: string) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      process.off('exit', end);
      resolve({ code, output });
    });
  });
}

/** The laws once each has been counted after a moment of the server's clock; or as they stand when that takes too long. */
async function lawsCountedAfter(laws: () => readonly Law[], afterMs: number): Promise<readonly Law[]> {
  await eventually(() => laws().length > 0 && laws().every(({ checkedAtMs }) => (checkedAtMs ?? 0) > afterMs), lawsMs);
  return laws();
}

async function eventually(true_: () => boolean, withinMs: number): Promise<boolean> {
  for (const untilMs = performance.now() + withinMs; performance.now() < untilMs; ) {
    if (true_()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true_();
}

/** Asks the server, as anybody may, what it says was claimed and opened. */
async function hearServer(
  witness: Witness,
  { plan, chat }: { plan: Omit<Plan, 'startMs'>; chat: string[] },
): Promise<Testimony> {
  const { deals } = await witness.ask('deals:list', {});
  const drops: Testimony['drops'] = [];
  for (const dropId of plan.dropIds) {
    const state = await witness.look('redpackets:drop', dropId);
    const record = await witness.ask('redpackets:proof', { dropId });
    drops.push({ dropId, ...(state as Omit<Testimony['drops'][number], 'dropId' | 'listed'>), listed: record.opened });
  }
  return {
    shoppers: plan.evening.shoppers,
    alone: plan.alone,
    deals: deals
      .filter(({ dealId }) => plan.dealIds.includes(dealId))
      .map(({ dealId, limitPerShopper, stock }) => ({ dealId, limitPerShopper, ...stock })),
    drops,
    chat,
  };
}

/** Writes the stock of the scarcest deal a second time, past every script: what was claimed is free once more. */
async function plantOversell(
  dataDir: string,
  [dealId = '']: string[],
  laws: () => readonly Law[],
  testimony: Testimony,
): Promise<string | null> {
  const found = readEmbeddedConnection(dataDir);
  if (found === null) throw new Error('the embedded Redis of this server cannot be found');
  const redis = new Redis({ ...found.connection, password: found.password, lazyConnect: true });
  try {
    await redis.connect();
    const { festival: head } = JSON.parse(readFileSync(festival, 'utf8')) as { festival: { id: string } };
    const held = testimony.deals.find((deal) => deal.dealId === dealId)?.held ?? 0;
    say(`planting an oversell: ${held} held units of ${dealId} are written as free once more`);
    await redis.hincrby(createKeyspace({ festival: head.id, partitions: 1 }).partition(0).deal(dealId), 'free', held);
  } finally {
    redis.disconnect();
  }
  const stock = () => laws().find(({ law }) => law === 'stock');
  await eventually(() => stock()?.state === 'adrift', lawsMs);
  const law = stock();
  return law?.state === 'adrift' ? `the light of stock is red, as it must be: ${wordsOf(law)}` : null;
}

function wordsOf({ law, state, sum, evidence }: Law): string {
  const pieces = evidence.map(({ subject, expected, found }) => `${subject}: expected ${expected}, found ${found}`);
  return `${law} ${state}: ${sum}${pieces.length === 0 ? '' : ` (${pieces.join('; ')})`}`;
}

// ------------------------------------------------------------------------------------------------------- figures

interface K6Summary {
  state: { testRunDurationMs: number };
  metrics: Record<string, { values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>;
}

interface Budget {
  budget: string;
  ok: boolean;
  /** A budget that is not judged is told and fails nothing. */
  judged: boolean;
}

const broken = ({ ok, judged }: Budget) => judged && !ok;

interface Figures {
  seconds: number;
  commands: {
    command: string;
    count: number;
    perSecond: number;
    p50Ms: number;
    p95Ms: number;
    p99Ms: number;
    outcomes: Record<string, number>;
  }[];
  /** The common moment: everybody's claims, from the first that was sent to the last that was answered. */
  stampede: { claims: number; ms: number; perSecond: number };
  chat: { seen: number; seenPerSecond: number; p50Ms: number; p95Ms: number; p99Ms: number };
  budgets: Budget[];
}

function figuresOf(
  { state, metrics }: K6Summary,
  journals: readonly Journal[],
  { judgeTimes, mustAll }: { judgeTimes: boolean; mustAll: boolean },
): Figures {
  const seconds = state.testRunDurationMs / 1_000;
  const trend = (name: string) => {
    const { count = 0, med = 0, 'p(95)': p95Ms = 0, 'p(99)': p99Ms = 0 } = metrics[name]?.values ?? {};
    return { count, p50Ms: med, p95Ms, p99Ms };
  };
  const outcomes = new Map<string, Record<string, number>>();
  for (const [label, count] of journals.flatMap((j) => Object.entries(j.outcomes))) {
    const [command = '', word = ''] = label.split(' ');
    const own = outcomes.get(command) ?? {};
    outcomes.set(command, { ...own, [word]: (own[word] ?? 0) + count });
  }
  const claims = journals.flatMap((j) => j.claims);
  const askedMs = claims.reduce((least, c) => Math.min(least, c.askedAtMs), Number.POSITIVE_INFINITY);
  const answeredMs = claims.reduce((most, c) => Math.max(most, c.answeredAtMs), 0);
  const stampedeMs = claims.length === 0 ? 0 : Math.max(1, answeredMs - askedMs);
  const seenCount = metrics['lines_seen']?.values['count'] ?? 0;
  const { p50Ms, p95Ms, p99Ms } = trend('chat_seen_ms');
  return {
    seconds,
    commands: journeyCommands.map((command) => {
      const own = trend(`answer_ms{command:${command}}`);
      return { command, ...own, perSecond: own.count / seconds, outcomes: outcomes.get(command) ?? {} };
    }),
    stampede: {
      claims: claims.length,
      ms: Math.round(stampedeMs),
      perSecond: stampedeMs === 0 ? 0 : (claims.length / stampedeMs) * 1_000,
    },
    chat: { seen: seenCount, seenPerSecond: seenCount / seconds, p50Ms, p95Ms, p99Ms },
    budgets: [
      ...journeyCommands.map((command) => ({
        budget: `${command} was answered at all`,
        ok: trend(`answer_ms{command:${command}}`).count > 0,
        judged: mustAll,
      })),
      ...Object.entries(metrics).flatMap(([name, metric]) =>
        Object.entries(metric.thresholds ?? {}).map(([rule, { ok }]) => ({
          budget: `${name} ${rule}`,
          ok,
          judged: judgeTimes || !isAboutTime(name),
        })),
      ),
    ],
  };
}

function report({
  figures,
  cores,
  findings,
  lights,
}: {
  figures: Figures;
  cores: Record<string, CpuUse>;
  findings: readonly Finding[];
  lights: readonly Law[] | null;
}): void {
  const { commands, stampede, chat, budgets, seconds } = figures;
  const ms = (value: number) => value.toFixed(value < 10 ? 1 : 0).padStart(8);
  say();
  say(
    `${'command'.padEnd(20)}${'count'.padStart(7)}${'per s'.padStart(8)}${'p50 ms'.padStart(8)}${'p95 ms'.padStart(8)}${'p99 ms'.padStart(8)}   outcomes`,
  );
  for (const c of commands) {
    const words = Object.entries(c.outcomes).map(([word, count]) => `${word} ${count}`);
    say(
      `${c.command.padEnd(20)}${String(c.count).padStart(7)}${c.perSecond.toFixed(1).padStart(8)}${ms(c.p50Ms)}${ms(c.p95Ms)}${ms(c.p99Ms)}   ${words.join(', ')}`,
    );
  }
  say();
  say(
    `stampede  ${stampede.claims} claims in one moment, the last answered after ${stampede.ms} ms (${Math.round(stampede.perSecond)} a second)`,
  );
  say(
    `chat      ${chat.seen} lines seen (${Math.round(chat.seenPerSecond)} a second), p50 ${ms(chat.p50Ms).trim()} ms, p95 ${ms(chat.p95Ms).trim()} ms, p99 ${ms(chat.p99Ms).trim()} ms after they were said`,
  );
  const shares = Object.entries(cores).map(
    ([who, use]) => `${who} ${use.cores.toFixed(2)} used and ${use.waited.toFixed(2)} waited for`,
  );
  if (shares.length > 0) say(`cores     ${shares.join(', ')}, over ${seconds.toFixed(1)} s`);
  say();
  say("laws, by the shoppers' own journals");
  for (const { law, holds, words } of findings) say(`  ${holds ? 'holds ' : 'BROKEN'}  ${law}: ${words}`);
  say('laws, by the control room');
  if (lights === null) say('  (not asked: --link names the operator link of a server that was running already)');
  for (const law of lights ?? []) say(`  ${law.state.padEnd(6)}  ${wordsOf(law)}`);
  say(`budgets   ${budgets.filter(({ ok }) => ok).length} of ${budgets.length} kept`);
  say();
}
