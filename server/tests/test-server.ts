import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket as NetSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { Redis } from 'ioredis';
import { type Socket as ClientSocket, io, type ManagerOptions, type SocketOptions } from 'socket.io-client';
import { afterAll } from 'vitest';
import { WebSocket } from 'ws';
import { readEmbeddedConnection } from '../src/platform/redis/embedded.ts';
import { hashOf } from '../src/platform/redis/keyspace.ts';

/** Whole servers as `npm start` runs them, and clients that know nothing but the wire, for the tests of this folder. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'server', 'src', 'main.ts');
const pinned = join(root, 'node_modules', '.bin', 'node');
const node = existsSync(pinned) ? pinned : process.execPath;

/** Many times what a start takes alone: two cores are shared with another test file that starts servers as well. */
const startMs = 25_000;
const answerMs = 15_000;
const outputCharsMax = 2_000_000;

const processes = new Set<ChildProcess>();
const folders = new Set<string>();
const clients = new Set<{ close(): void }>();

function killAll(): void {
  for (const child of processes) child.kill('SIGKILL');
}
process.once('exit', killAll);

// Runs after the tests of whichever file imports this, also when one of them failed.
afterAll(async () => {
  for (const client of clients) client.close();
  clients.clear();
  const ends = [...processes].map((child) => new Promise((resolve) => child.once('exit', resolve)));
  killAll();
  await Promise.all(ends);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** Looks again and again until this answers with something; a bounded wait that says what was waited for. */
export async function until<T>(
  what: string | (() => string),
  look: () => T | Promise<T>,
  { withinMs = 15_000, everyMs = 10 }: { withinMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const found = await look();
    if (found !== false && found !== null && found !== undefined) return found as NonNullable<Exclude<T, false>>;
    if (performance.now() > deadline) {
      throw new Error(`within ${withinMs} ms it did not come to pass: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-whole-'));
  folders.add(dir);
  return dir;
}

// ------------------------------------------------------------------------------------------------------- chance
/** Printed by the tests that use it when they fail; ELEVENS_SEED plays the same run again. */
export const seed = process.env['ELEVENS_SEED'] ?? String(Date.now());

/** mulberry32 over a hash of the seed's text: the same run for the same seed. */
export function seededChance(name: string) {
  let state = hashOf(`${seed} ${name}`);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    below: (n: number) => Math.floor(next() * n),
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T,
    shuffled<T>(list: readonly T[]): T[] {
      const all = [...list];
      for (let i = all.length - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [all[i], all[j]] = [all[j] as T, all[i] as T];
      }
      return all;
    },
  };
}

let requests = 0;
/** A request id that no other call of this run bears. */
export function requestId(): string {
  requests++;
  return `t-${process.pid}-${requests}-${Math.random().toString(36).slice(2, 10)}`;
}

// ----------------------------------------------------------------------------------------------------- festivals
export interface FestivalParts {
  deals?: { id: string; total: number; limitPerShopper?: number; hold?: string; when?: string; priceMinor?: number }[];
  sessions?: { id: string; dealIds?: string[]; when?: string }[];
  drops?: { id: string; fundMinor: number; packets: number; leastMinor?: number; when?: string }[];
  tasks?: object[];
}

/** A small festival that is on from its first start for hours, so that no test waits for a window unless it wants to. */
export function festivalOf({ deals = [], sessions = [], drops = [], tasks = [] }: FestivalParts) {
  const on = '+0s for 12h';
  return {
    festival: {
      id: 'rehearsal',
      title: 'A rehearsal night',
      places: [{ city: 'Shanghai', timeZone: 'Asia/Shanghai' }],
      currency: 'CNY',
    },
    phases: [{ id: 'main-night', title: 'Main night', blurb: 'Everything is on.', when: on }],
    brands: [
      {
        id: 'kettle-row',
        name: 'Kettle Row',
        tagline: 'Iron and hot water.',
        logo: { form: 'gate', cut: 'steam', tone: '#d8472f', on: '#fff1da' },
      },
    ],
    products: deals.map(({ id }) => ({
      id: `${id}-ware`,
      brandId: 'kettle-row',
      name: `Kettle ${id}`,
      blurb: 'Holds the heat through a long night.',
      listMinor: 25_900,
      unit: 'kettle',
      picture: {
        shape: 'kettle',
        tone: ['#c2452d', '#8e2f1f', '#e8735a'],
        accent: '#f4bc52',
        ground: '#2a1512',
        proportion: 100,
      },
    })),
    deals: deals.map((deal) => ({
      limitPerShopper: 1,
      hold: '30m',
      when: on,
      priceMinor: 11_100,
      ...deal,
      productId: `${deal.id}-ware`,
    })),
    sessions: sessions.map((session) => ({
      brandId: 'kettle-row',
      title: `Session ${session.id}`,
      blurb: 'A kettle is shown from all sides.',
      hostName: 'Mei',
      when: on,
      dealIds: [],
      ...session,
    })),
    drops: drops.map((drop) => ({ brandId: 'kettle-row', title: `Drop ${drop.id}`, leastMinor: 1, when: on, ...drop })),
    tasks,
  };
}

// ------------------------------------------------------------------------------------------------------- servers
export interface ServerOptions {
  festival?: object;
  /** Continue on these data; a fresh folder when left out. */
  dataDir?: string;
  env?: Record<string, string>;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

function launch({ festival, dataDir = tempDir(), env = {} }: ServerOptions) {
  const settings: Record<string, string> = {
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    DEMO_CROWD: '0',
    LOG_LEVEL: 'warn',
    ...env,
  };
  if (festival !== undefined) {
    const file = join(tempDir(), 'festival.json');
    writeFileSync(file, JSON.stringify(festival));
    settings['FESTIVAL'] = file;
  }
  // Only what a shell would have: the settings of whoever runs the tests must not reach the server.
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'LANG']) {
    const value = process.env[name];
    if (value !== undefined) settings[name] ??= value;
  }
  const child = spawn(node, [main], { cwd: root, env: settings, stdio: ['ignore', 'pipe', 'pipe'] });
  processes.add(child);
  const heard = { stdout: '', stderr: '' };
  const ended: { exit: Exit | null } = { exit: null };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      heard[name] = (heard[name] + chunk).slice(-outputCharsMax);
    });
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      processes.delete(child);
      ended.exit = { code, signal };
      resolve(ended.exit);
    });
  });
  return { child, heard, ended, exited, dataDir, output: () => `${heard.stdout}\n${heard.stderr}` };
}

/** Runs a server that is expected to refuse to start; answers with its exit and all that it said. */
export async function runRefused(options: ServerOptions): Promise<Exit & { output: string }> {
  const { child, exited, output } = launch(options);
  const impatience = setTimeout(() => child.kill('SIGKILL'), startMs);
  const exit = await exited;
  clearTimeout(impatience);
  return { ...exit, output: output() };
}

export type TestServer = Awaited<ReturnType<typeof startServer>>;

/** Starts a server and resolves when it says that it is live and is ready. */
export async function startServer(options: ServerOptions = {}) {
  const { child, heard, ended, exited, dataDir, output } = launch(options);
  const look = () => {
    if (ended.exit !== null) throw new Error(`the server ended (${JSON.stringify(ended.exit)}):\n${output()}`);
    return /Elevens is live: (\S+)[\s\S]*\n\n/.exec(heard.stdout);
  };
  const url = (await until(() => `the server is live; it said:\n${output()}`, look, { withinMs: startMs }))[1] ?? '';
  await until('readyz answers 200', async () => (await fetch(`${url}/readyz`)).status === 200, { withinMs: startMs });

  const links = [...heard.stdout.matchAll(/^ {2}(\S.*?) {2,}(\S+#link=(\S+))$/gm)].map(
    ([, label = '', address = '', code = '']) => ({ label, url: address, code }),
  );
  const redisConnections: Redis[] = [];
  return {
    url,
    links,
    dataDir,
    pid: child.pid ?? -1,
    exited,
    /** Everything it said so far. */
    output,
    /** The lines of its log, parsed. */
    logged: () =>
      heard.stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { level: number; msg: string } & Record<string, unknown>),

    async ready(): Promise<boolean> {
      const response = await fetch(`${url}/readyz`);
      await response.arrayBuffer();
      return response.status === 200;
    },

    /** The pid of the redis-server that it runs. */
    redisPid: () => until('the server has a Redis', () => redisChildOf(child.pid ?? -1)),

    /** A connection of one's own to the embedded Redis. */
    async redis(): Promise<Redis> {
      const found = await until('the embedded Redis says how to reach it', () => readEmbeddedConnection(dataDir));
      const redis = new Redis({
        ...found.connection,
        password: found.password,
        lazyConnect: true,
        maxRetriesPerRequest: 0,
      });
      redis.on('error', () => {});
      await redis.connect();
      redisConnections.push(redis);
      clients.add({ close: () => redis.disconnect() });
      return redis;
    },

    /** A session of the operator, by the link that the server printed. */
    async operator(): Promise<Session> {
      const link = links.find(({ label }) => label === 'control room');
      if (link === undefined) throw new Error(`no link to the control room in:\n${heard.stdout}`);
      const { answer } = await post(url, 'identity:use-link', { link: link.code });
      if (!answer.ok) throw new Error(`the link was refused: ${JSON.stringify(answer)}`);
      return answer.reply as Session;
    },

    /** Resident memory of the process, in bytes. Linux only, like the pipeline. */
    rssBytes(): number {
      const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
      return pages * 4_096;
    },

    kill9(): Promise<Exit> {
      child.kill('SIGKILL');
      return exited;
    },

    async term(): Promise<Exit> {
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const exit = await exited;
      clearTimeout(impatience);
      return exit;
    },

    /** Ends a server whose end is not what the test is about. */
    async stop(): Promise<void> {
      for (const redis of redisConnections) redis.disconnect();
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A zombie has ended; only its parent has not looked yet.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return !existsSync('/proc/self/stat');
  }
}

/** The redis-server below a process, however many wrappers stand between. */
function redisChildOf(pid: number): number | null {
  const children = new Map<number, { pid: number; name: string }[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const [, name = '', parent = ''] =
        /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? [];
      const siblings = children.get(Number(parent)) ?? [];
      children.set(Number(parent), [...siblings, { pid: Number(entry), name }]);
    } catch {
      // It ended while the list was read.
    }
  }
  const waiting = [pid];
  for (const parent of waiting) {
    for (const child of children.get(parent) ?? []) {
      if (/redis-server|valkey-server/.test(child.name)) return child.pid;
      waiting.push(child.pid);
    }
  }
  return null;
}

// ------------------------------------------------------------------------------------------------------- clients
export type Outcome =
  | { ok: true; reply: unknown }
  | ({ ok: false; why: string } & Record<string, unknown>)
  | { ok: false; fault: string; retryAfterMs: number | null; problems?: { path: string; message: string }[] };

export interface Posted {
  status: number;
  headers: Headers;
  text: string;
  /** What a socket would have been told. */
  answer: Outcome;
}

/** Calls a command over HTTP. */
export async function post(
  url: string,
  name: string,
  input: unknown,
  { token, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
): Promise<Posted> {
  const response = await fetch(`${url}/api/${name.replace(':', '/')}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof input === 'string' ? input : JSON.stringify(input),
    signal: AbortSignal.timeout(answerMs),
  });
  const text = await response.text();
  const body = JSON.parse(text) as unknown;
  const answer = (response.status === 200 ? { ok: true, reply: body } : body) as Outcome;
  return { status: response.status, headers: response.headers, text, answer };
}

/** A new guest with a token of its own. */
export async function guest(url: string): Promise<Session> {
  const { answer } = await post(url, 'identity:guest', {});
  if (!answer.ok) throw new Error(`no guest: ${JSON.stringify(answer)}`);
  return answer.reply as Session;
}

/** Many guests, a few at a time, so that making them is no stampede of its own. */
export async function guests(url: string, count: number): Promise<Session[]> {
  const made: Session[] = [];
  while (made.length < count) {
    const page = Math.min(50, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: page }, () => guest(url)))));
  }
  return made;
}

/** A stock Socket.IO client, connected. It does not come back by itself unless asked to. */
export async function connect(
  url: string,
  token?: string,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Promise<ClientSocket> {
  const socket = io(url, {
    forceNew: true,
    transports: ['websocket'],
    reconnection: false,
    autoConnect: false,
    ...(token === undefined ? {} : { auth: { token } }),
    ...options,
  });
  clients.add(socket);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  socket.connect();
  await connected;
  return socket;
}

/** Calls a command over a socket. Rejects when no answer comes or the socket goes first. */
export function call(socket: ClientSocket, name: string, input: unknown): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    if (!socket.connected) {
      reject(new Error(`${name}: the socket is not connected`));
      return;
    }
    const onGone = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${name}: the socket went before the answer: ${why}`));
    };
    const timer = setTimeout(() => {
      socket.off('disconnect', onGone);
      reject(new Error(`${name}: no answer within ${answerMs} ms`));
    }, answerMs);
    socket.once('disconnect', onGone);
    socket.emit(name, input, (answer: Outcome) => {
      clearTimeout(timer);
      socket.off('disconnect', onGone);
      resolve(answer);
    });
  });
}

/** The reply of a call that must succeed; who is told to wait a moment does so, as every client should. */
export async function ask<T>(socket: ClientSocket, name: string, input: unknown): Promise<T> {
  const answer = await until(`${name} is answered within the budget`, async () => {
    const told = await call(socket, name, input);
    return !told.ok && 'fault' in told && told.fault === 'rate-limited' ? null : told;
  });
  if (!answer.ok) throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
  return answer.reply as T;
}

export interface Joined {
  position: string;
  recovered?: boolean;
  entries?: unknown[];
  snapshot?: unknown;
}

/** Follows a state feed and keeps what it says now. */
export async function followState<S extends object>(socket: ClientSocket, feed: string, id: string) {
  let state: S | undefined;
  socket.on(feed, (event: { id: string; state: Partial<S> }) => {
    if (event.id === id) state = { ...(state as S), ...event.state };
  });
  const joined = await ask<Joined>(socket, 'feeds:join', { feed, id });
  state = { ...(joined.snapshot as S), ...state };
  return {
    now: () => state as S,
    until: (what: string, holds: (state: S) => boolean) =>
      until(
        () => `${feed} ${id}: ${what}; last seen: ${JSON.stringify(state)}`,
        () => holds(state as S) && (state as S),
      ),
  };
}

/** Follows a log feed and writes everything down, in the order in which it came. */
export async function followLog<E>(socket: ClientSocket, feed: string, id: string, from?: string) {
  const entries: E[] = [];
  let position = '';
  socket.on(feed, (event: { id: string; position: string; entries: E[] }) => {
    if (event.id !== id) return;
    entries.push(...event.entries);
    position = event.position;
  });
  const joined = await ask<Joined>(socket, 'feeds:join', { feed, id, ...(from === undefined ? {} : { from }) });
  if (position === '') position = joined.position;
  const before = joined.entries ?? (joined.snapshot as { entries: unknown[] }).entries;
  return {
    joined,
    /** What the answer to joining brought: what was missed, or the snapshot. */
    before: before as E[],
    /** What came since. */
    entries,
    all: () => [...(before as E[]), ...entries],
    position: () => position,
    until: (what: string, holds: (all: E[]) => boolean) =>
      until(
        () => `${feed} ${id}: ${what}; ${before.length} before and ${entries.length} since`,
        () => holds([...(before as E[]), ...entries]),
      ),
  };
}

// ------------------------------------------------------------------------------------------- clients without a library
export interface RawClient {
  socket: NetSocket;
  /** What came so far, while it reads. */
  received(): string;
  /** The status line of the answer to the handshake. */
  status: string;
  sendText(text: string): boolean;
  closed: Promise<void>;
}

/** A client frame of a websocket, masked with zeros: the mask protects proxies, and there is none here. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length;
  const head =
    length < 126
      ? Buffer.from([0x81, 0x80 | length])
      : length < 65_536
        ? Buffer.from([0x81, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.from([
            0x81,
            0x80 | 127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
          ]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** Opens a websocket by hand on a bare TCP connection, so that the test decides alone what is read and sent. */
export async function rawWebSocket(
  url: string,
  {
    headers = {},
    path = '/socket.io/?EIO=4&transport=websocket',
  }: { headers?: Record<string, string>; path?: string } = {},
): Promise<RawClient> {
  const { hostname, port, host } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  clients.add({ close: () => socket.destroy() });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // A cut connection shows as an error here; that it closed is what the tests look at.
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (chunk) => {
    received = (received + chunk.toString('latin1')).slice(-outputCharsMax);
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const status = await until('the handshake is answered', () => /^HTTP\/1\.1 .*/.exec(received)?.[0]);
  return {
    socket,
    received: () => received,
    status,
    sendText: (text) => socket.write(textFrame(text)),
    closed,
  };
}

/** What is known of a connection that the test speaks packet by packet. */
export interface PacketClient {
  /** Sends one packet as it is: `42["clock:now",{}]`. A Buffer goes as a binary frame. */
  send(packet: string | Buffer): void;
  /** Calls with arguments given as JSON text, which may be any that no library would write. Undefined: it was closed first. */
  call(name: string, argumentsJson: string): Promise<Outcome | undefined>;
  /** Packets received, as they came. */
  packets: string[];
  /** The code of the `system:bye` it was told, if any. */
  byeCode(): string | undefined;
  closed: Promise<void>;
  isClosed(): boolean;
  close(): void;
}

/** Opens a websocket and, unless told otherwise, joins the main namespace; from then on the test says every packet. */
export async function packetClient(
  url: string,
  { token, join = true }: { token?: string; join?: boolean } = {},
): Promise<PacketClient> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  clients.add({ close: () => ws.terminate() });
  const packets: string[] = [];
  const state = { closed: false, ackId: 0 };
  const closed = new Promise<void>((resolve) =>
    ws.once('close', () => {
      state.closed = true;
      resolve();
    }),
  );
  ws.on('error', () => {});
  ws.on('message', (data) => {
    const text = (data as Buffer).toString();
    if (text === '2') ws.send('3');
    else packets.push(text);
  });
  await until('the connection is open', () => packets.some((packet) => packet.startsWith('0')));
  if (join) {
    ws.send(`40${token === undefined ? '' : JSON.stringify({ token })}`);
    await until('the namespace is joined', () => packets.some((packet) => packet.startsWith('40')) || state.closed);
  }
  const answerTo = (id: number): Outcome | undefined => {
    const packet = packets.find((text) => text.startsWith(`43${id}[`));
    return packet === undefined ? undefined : (JSON.parse(packet.slice(`43${id}`.length)) as [Outcome])[0];
  };
  return {
    packets,
    send: (packet) => ws.send(packet),
    async call(name, argumentsJson) {
      const id = state.ackId++;
      ws.send(`42${id}[${JSON.stringify(name)}${argumentsJson === '' ? '' : `,${argumentsJson}`}]`);
      await until(`${name} is answered`, () => answerTo(id) !== undefined || state.closed, { everyMs: 2 });
      return answerTo(id);
    },
    byeCode: () => /^42\["system:bye",\{"code":"([\w-]+)"/m.exec(packets.join('\n'))?.[1],
    closed,
    isClosed: () => state.closed,
    close: () => ws.terminate(),
  };
}
