import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { chatKeptMax, type Message } from '@elevens/shared/src/live/contract.ts';
import type { Socket } from 'socket.io-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ask,
  connect,
  festivalOf,
  followLog,
  guests,
  type Joined,
  post,
  requestId,
  seed,
  seededChance,
  startServer,
  type TestServer,
  tempDir,
  until,
} from './test-server.ts';

const sessionId = 'stage';
const festival = festivalOf({ sessions: [{ id: sessionId }] });

let server: TestServer;
let dataDir: string;
beforeEach(async () => {
  dataDir = tempDir();
  server = await startServer({ festival, dataDir });
});
afterEach(() => server.stop());

/** Says one line over HTTP and answers with the id it got. */
async function say(url: string, speaker: Session, text: string): Promise<string> {
  const input = { requestId: requestId(), sessionId, text };
  const { answer } = await post(url, 'live:say', input, { token: speaker.token });
  if (!answer.ok) throw new Error(`"${text}" was answered ${JSON.stringify(answer)}`);
  return (answer.reply as { messageId: string }).messageId;
}

/** Says numbered lines one after the other, so that their order is known; answers with their ids. */
async function sayLines(url: string, speaker: Session, from: number, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = from; i < from + count; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, because the order is what is looked at
    ids.push(await say(url, speaker, `line ${i}`));
  }
  return ids;
}

const idsOf = (messages: readonly Message[]) => messages.map(({ messageId }) => messageId);

async function two(): Promise<[Session, Session]> {
  const [a, b] = await guests(server.url, 2);
  if (a === undefined || b === undefined) throw new Error('no guests');
  return [a, b];
}

test('who is away while 50 lines are said gets exactly those 50, once and in order, on coming back', async () => {
  const [speaker, listener] = await two();
  const before = await connect(server.url, listener.token);
  const watch = await followLog<Message>(before, 'live:chat', sessionId);
  const heard = await sayLines(server.url, speaker, 0, 5);
  await watch.until('the first five are heard', (all) => all.length === 5);
  expect(idsOf(watch.all())).toEqual(heard);
  // Without a word, as a phone in a tunnel goes: the transport ends, no packet says so.
  before.io.engine.close();

  const missed = await sayLines(server.url, speaker, 5, 50);
  const after = await connect(server.url, listener.token);
  const back = await followLog<Message>(after, 'live:chat', sessionId, watch.position());
  expect(back.joined.recovered).toBe(true);
  // The last of them may still be on its way to the node when the answer is given; it then comes right behind it.
  await back.until('fifty lines are told', (all) => all.length >= 50);
  expect(idsOf(back.all())).toEqual(missed);
  expect(back.all().map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, i) => `line ${i + 5}`));

  const more = await sayLines(server.url, speaker, 55, 5);
  await back.until('what is said from now on comes as well', (all) => all.length >= 55);
  expect(idsOf(back.all())).toEqual([...missed, ...more]);
});

test('a position outlives the server: after kill -9 and a new start exactly what was missed is told', async () => {
  const [speaker, listener] = await two();
  const watch = await followLog<Message>(await connect(server.url, listener.token), 'live:chat', sessionId);
  await sayLines(server.url, speaker, 0, 10);
  await watch.until('ten lines are heard', (all) => all.length === 10);
  const lastSeen = watch.position();
  await connect(server.url).then((socket) => socket.disconnect());
  // These may or may not reach the listener before the end; its position stands before them.
  const unheard = await sayLines(server.url, speaker, 10, 15);
  await server.kill9();

  server = await startServer({ festival, dataDir });
  const later = await sayLines(server.url, speaker, 25, 5);
  const back = await followLog<Message>(await connect(server.url, listener.token), 'live:chat', sessionId, lastSeen);
  expect(back.joined.recovered).toBe(true);
  const more = await sayLines(server.url, speaker, 30, 3);
  await back.until('the log goes on', (all) => all.length >= 23);
  expect(idsOf(back.all())).toEqual([...unheard, ...later, ...more]);
});

test('everyone in the room sees one and the same order, whoever speaks over whatever', async () => {
  const speakers = await guests(server.url, 3);
  const watchers = await Promise.all(
    Array.from({ length: 4 }, async () => followLog<Message>(await connect(server.url), 'live:chat', sessionId)),
  );
  const said = await Promise.all(
    speakers.map(async (speaker, i) => {
      if (i === 0) return sayLines(server.url, speaker, 0, 25);
      const socket = await connect(server.url, speaker.token);
      const lines = Array.from({ length: 25 }, (_, n) => ({ requestId: requestId(), sessionId, text: `${i}: ${n}` }));
      const answers = await Promise.all(lines.map((line) => ask<{ messageId: string }>(socket, 'live:say', line)));
      return answers.map(({ messageId }) => messageId);
    }),
  );
  for (const watcher of watchers) await watcher.until('all is heard', (all) => all.length >= 75);
  const order = idsOf(watchers[0]?.all() ?? []);
  expect(order.toSorted()).toEqual(said.flat().toSorted());
  for (const watcher of watchers) expect(watcher.all()).toEqual(watchers[0]?.all());
  // What one speaker said in turn stands in that turn.
  for (const ids of said) expect(order.filter((id) => ids.includes(id))).toEqual(ids);
});

test('who fell behind what is kept is told so and given a snapshot, never a part', async () => {
  const speakers = await guests(server.url, 12);
  const early = await followLog<Message>(await connect(server.url), 'live:chat', sessionId);
  const [first] = speakers;
  if (first === undefined) throw new Error('no speaker');
  await sayLines(server.url, first, 0, 3);
  await early.until('three lines are heard', (all) => all.length === 3);
  const longAgo = early.position();

  const keeping = await followLog<Message>(await connect(server.url), 'live:chat', sessionId);
  const each = Math.ceil((chatKeptMax + 5) / speakers.length);
  await Promise.all(speakers.map((speaker, i) => sayLines(server.url, speaker, i * 1_000, each)));
  const saidSince = each * speakers.length;
  await keeping.until('all is heard', (all) => all.length === saidSince + 3);

  const back = await followLog<Message>(await connect(server.url), 'live:chat', sessionId, longAgo);
  expect(back.joined.recovered).toBe(false);
  expect(back.joined.entries).toBeUndefined();
  expect(idsOf(back.before)).toEqual(idsOf(keeping.all().slice(-50)));
  const more = await sayLines(server.url, first, 9_000, 2);
  await back.until('it goes on from the snapshot', (all) => all.length >= 52);
  expect(idsOf(back.entries)).toEqual(more);
});

test('a position that this feed never gave gets a snapshot, not an error and not a part', async () => {
  const [speaker] = await two();
  const ids = await sayLines(server.url, speaker, 0, 4);
  const heard = await followLog<Message>(await connect(server.url), 'live:chat', sessionId);
  await heard.until('all four are heard', (all) => all.length === 4);
  const socket = await connect(server.url);
  const { position } = await ask<Joined>(socket, 'feeds:join', { feed: 'live:chat', id: sessionId });
  const invented = [
    '0',
    'nonsense',
    `${position}9`,
    `${position}.1`,
    'AAAAAAAA.2',
    `${position.slice(0, -1)}-1`,
    '.',
    ':',
  ];
  for (const from of invented) {
    // oxlint-disable-next-line no-await-in-loop -- one socket, one feed: each joins anew
    const joined = await ask<Joined>(socket, 'feeds:join', { feed: 'live:chat', id: sessionId, from });
    expect(joined, from).toMatchObject({ position, recovered: false });
    expect(idsOf((joined.snapshot as { entries: Message[] }).entries)).toEqual(ids);
  }
});

/** Someone who comes, goes and comes back, and writes down every line in the order in which it was told. */
function createWatcher(url: string) {
  const journal: string[] = [];
  let position: string | undefined;
  let socket: Socket | undefined;
  let sawEmptyRoom = false;

  // The answer is written down where it arrives and not after a promise: the next event may be in the same read of the
  // network, and would be handled before anything that awaits.
  function noteJoined(joined: Joined): void {
    if (position === undefined) {
      const { entries } = joined.snapshot as { entries: Message[] };
      sawEmptyRoom = entries.length === 0;
      journal.push(...idsOf(entries));
    } else {
      if (joined.recovered !== true) throw new Error(`not recovered from ${position}`);
      journal.push(...idsOf(joined.entries as Message[]));
    }
    position = joined.position;
  }

  function join(): Promise<void> {
    const here = socket;
    const input = { feed: 'live:chat', id: sessionId, ...(position === undefined ? {} : { from: position }) };
    return new Promise((resolve, reject) => {
      here?.emit('feeds:join', input, (answer: { ok: true; reply: Joined } | { ok: false }) => {
        if (!answer.ok) return reject(new Error(`joining was answered ${JSON.stringify(answer)}`));
        noteJoined(answer.reply);
        resolve();
      });
    });
  }

  async function arrive(): Promise<void> {
    socket = await connect(url);
    socket.on('live:chat', (event: { position: string; entries: Message[] }) => {
      journal.push(...idsOf(event.entries));
      position = event.position;
    });
    await join();
  }

  return {
    journal,
    sawEmptyRoom: () => sawEmptyRoom,
    arrive,
    join,
    leave: () => ask(socket as Socket, 'feeds:leave', { feed: 'live:chat', id: sessionId }),
    depart: () => void socket?.disconnect(),
    breakOff: () => {
      // What still lies in the pipe is not read any more: whoever is cut off has not seen it.
      socket?.off('live:chat');
      socket?.io.engine.close();
    },
  };
}

test(`thirty who come, go and come back while three talk each hear the whole log from where they began (seed ${seed})`, async () => {
  const chance = seededChance('chat churn');
  const speakers = await guests(server.url, 3);
  const log = await followLog<Message>(await connect(server.url), 'live:chat', sessionId);
  const lines = 60;
  const total = lines * speakers.length;
  const length = () => log.all().length;
  const grownBy = (n: number) => {
    const target = Math.min(total, length() + n);
    return until(`${target} lines are said`, () => length() >= target, { everyMs: 5, withinMs: 60_000 });
  };

  const talking = Promise.all(speakers.map((speaker) => sayLines(server.url, speaker, 0, lines)));
  const watchers = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const watcher = createWatcher(server.url);
      const plan = seededChance(`watcher ${chance.below(1_000_000)}`);
      await grownBy(plan.below(60));
      await watcher.arrive();
      while (length() < total) {
        await grownBy(1 + plan.below(20));
        switch (plan.below(4)) {
          case 0:
            await watcher.leave();
            await grownBy(plan.below(25));
            await watcher.join();
            break;
          case 1:
            watcher.depart();
            await grownBy(plan.below(25));
            await watcher.arrive();
            break;
          case 2:
            watcher.breakOff();
            await watcher.arrive();
            break;
          default:
            break;
        }
      }
      return watcher;
    }),
  );
  const said = (await talking).flat();
  const order = idsOf(log.all());
  expect(order.toSorted()).toEqual(said.toSorted());
  for (const watcher of watchers) {
    await until('the watcher heard the last line', () => watcher.journal.at(-1) === order.at(-1));
    const began = watcher.sawEmptyRoom() ? 0 : order.indexOf(watcher.journal[0] ?? '');
    expect(began).toBeGreaterThanOrEqual(0);
    expect(watcher.journal).toEqual(order.slice(began));
  }
}, 90_000);
