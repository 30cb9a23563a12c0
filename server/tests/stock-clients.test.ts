import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contracts } from '@elevens/shared/src/contracts.ts';
import { disconnects, faults } from '@elevens/shared/src/faults.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { cacheDir } from '../../.ci/find-tool.mjs';
import { filledIn } from './api-page.ts';
import { festivalOf, post, requestId, startServer, type TestServer, until } from './test-server.ts';

/** Strangers that know docs/API.md and nothing else: whole programs in other processes, and one that frames by hand. */

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
/** Fetching three Python packages the first time, on a slow line. */
const installMs = 240_000;
/** An example waits for nothing longer than ten seconds by itself. */
const exampleMs = 60_000;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    festival: festivalOf({
      deals: [{ id: 'iron', total: 11 }],
      sessions: [{ id: 'stage', dealIds: ['iron'] }],
      drops: [{ id: 'rain', fundMinor: 1_111, packets: 11 }],
    }),
  });
});
afterAll(() => server.stop());

/** Runs a program to its end and answers with what it printed; a program that complains or fails has failed the test. */
async function run(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: exampleMs });
  let [printed, complained] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complained += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect({ code, complained }, printed).toEqual({ code: 0, complained: '' });
  return printed;
}

/** What an example must have lived through, whatever its language. */
function expectWholeEvening(printed: string): void {
  expect(printed).toMatch(/^guest: s_[\w-]{22}$/m);
  expect(printed).toMatch(/^clock: the server is -?\d+ ms ahead$/m);
  expect(printed).toMatch(/^chat: said and heard \S+$/m);
  expect(printed).toMatch(/^chat: back by position, recovered true and the missed line came 1 time$/m);
  expect(printed).toMatch(/^deal: iron has \d+ of 11$/m);
  expect(printed).toMatch(/^claim: held \S+/m);
  expect(printed).toMatch(/^claim: sent again, the answer is the same: true$/m);
  expect(printed).toMatch(/^packet: \d+ minor units of CNY$/m);
  expect(printed).toMatch(/^done$/m);
}

async function held(): Promise<number> {
  const { answer } = await post(server.url, 'deals:list', {});
  if (!answer.ok) throw new Error(`deals:list was answered ${JSON.stringify(answer)}`);
  const { deals } = answer.reply as { deals: { dealId: string; stock: { held: number } }[] };
  return deals.find(({ dealId }) => dealId === 'iron')?.stock.held ?? -1;
}

test('the JavaScript example of docs/API.md has a whole evening', { timeout: exampleMs }, async () => {
  const before = await held();
  expectWholeEvening(await run(process.execPath, [join(docs, 'examples', 'join.mjs'), server.url]));
  await until('its unit is held', async () => (await held()) === before + 1);
});

/**
 * A Python with the packages of the example, in the cache folder, so that only the first run fetches them. Answers with
 * words where this machine has no Python, or cannot fetch; in CI that is a failure.
 */
function python(): { binary: string } | { lacks: string } {
  const venv = join(cacheDir(), 'python', 'socketio-5');
  const binary = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const works = () => spawnSync(binary, ['-c', 'import socketio, aiohttp'], { timeout: 60_000 }).status === 0;
  if (existsSync(binary) && works()) return { binary };
  const step = (command: string, args: string[]) => {
    const ran = spawnSync(command, args, { encoding: 'utf8', timeout: installMs });
    return ran.status === 0 ? null : `${command} ${args.join(' ')}: ${(ran.stderr || String(ran.error)).slice(-400)}`;
  };
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(venv, { recursive: true });
  const failed =
    step('python3', ['-m', 'venv', venv]) ??
    step(binary, [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      'python-socketio>=5,<6',
      'aiohttp>=3,<4',
    ]) ??
    (works() ? null : 'the packages do not load');
  return failed === null ? { binary } : { lacks: failed };
}

test('the Python example of docs/API.md has a whole evening', { timeout: 3 * installMs + exampleMs }, async ({
  skip,
}) => {
  const found = python();
  if ('lacks' in found) {
    if (process.env['CI']) throw new Error(`no Python for the example: ${found.lacks}`);
    skip(`no Python for the example: ${found.lacks}`);
    return;
  }
  const before = await held();
  expectWholeEvening(await run(found.binary, [join(docs, 'examples', 'join.py'), server.url]));
  await until('its unit is held', async () => (await held()) === before + 1);
});

test('a client that frames by hand, as docs/API.md tells, comes in, claims, and hears of it', async () => {
  const { answer } = await post(server.url, 'identity:guest', {});
  if (!answer.ok) throw new Error(`no guest: ${JSON.stringify(answer)}`);
  const { token, shopperId } = answer.reply as { token: string; shopperId: string };

  const received: string[] = [];
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  ws.on('message', (data) => received.push((data as Buffer).toString()));
  const next = (start: string) => until(`a message ${start}`, () => received.find((text) => text.startsWith(start)));
  try {
    await next('0{"sid":');
    ws.send(`40${JSON.stringify({ token })}`);
    await next('40{"sid":');
    ws.send(`420${JSON.stringify(['feeds:join', { feed: 'deals:mine', id: shopperId }])}`);
    const joined = JSON.parse((await next('430[')).slice(3)) as [
      { ok: true; reply: { snapshot: { holds: unknown[] } } },
    ];
    expect(joined[0].reply.snapshot.holds).toEqual([]);
    const input = { requestId: requestId(), lines: [{ dealId: 'iron', quantity: 1 }] };
    ws.send(`421${JSON.stringify(['deals:claim', input])}`);
    const [claimed] = JSON.parse((await next('431[')).slice(3)) as [{ ok: boolean; reply: { holdId: string } }];
    expect(claimed.ok).toBe(true);
    const [, event] = JSON.parse((await next('42["deals:mine"')).slice(2)) as [
      string,
      { state: { holds: { holdId: string }[] } },
    ];
    expect(event.state.holds.map(({ holdId }) => holdId)).toEqual([claimed.reply.holdId]);
    // Without a number there is nobody to answer, so nothing is done.
    ws.send(`42${JSON.stringify(['deals:release', { requestId: requestId(), holdId: claimed.reply.holdId }])}`);
    ws.send(`422${JSON.stringify(['clock:now', {}])}`);
    await next('432[{"ok":true');
    expect((await post(server.url, 'deals:claim', input, { token })).answer).toEqual(claimed);
  } finally {
    ws.terminate();
  }
});

test('a client with a token of another festival is refused with a code', async () => {
  const received: string[] = [];
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  ws.on('message', (data) => received.push((data as Buffer).toString()));
  try {
    await until('the engine is open', () => received.length > 0);
    ws.send('40{"token":"eyJhbGciOiJub25lIn0.e30."}');
    const refused = await until('the answer', () => received.find((text) => text.startsWith('44')));
    expect(JSON.parse(refused.slice(2))).toMatchObject({ data: { code: 'unauthenticated', retryAfterMs: null } });
  } finally {
    ws.terminate();
  }
});

test('docs/API.md says of commands, feeds, faults and examples what is so (UPDATE_DOCS=1 writes it)', () => {
  const file = join(docs, 'API.md');
  const page = readFileSync(file, 'utf8');
  const wanted = filledIn(page, docs);
  if (process.env['UPDATE_DOCS']) writeFileSync(file, wanted);
  else expect(page).toBe(wanted);
  // The marks themselves could be lost with what stands between them, so each name is looked for as well.
  const names = [
    ...contracts.flatMap((c) => [...Object.keys(c.commands), ...Object.keys(c.feeds)].map((key) => `${c.name}:${key}`)),
    ...Object.keys(faults),
    ...Object.keys(disconnects),
  ];
  for (const name of names) expect(wanted).toContain(`| \`${name}\` |`);
  for (const example of ['join.mjs', 'join.py']) {
    expect(wanted).toContain(readFileSync(join(docs, 'examples', example), 'utf8').trimEnd());
  }
});
