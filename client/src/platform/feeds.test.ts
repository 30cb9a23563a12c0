import { describe, expect, it } from 'vitest';
import {
  createFeeds,
  emptyLog,
  emptyState,
  entriesMax,
  type FeedTransport,
  type Joined,
  joinedLog,
  joinedState,
  type LogView,
  logMoved,
  stateMoved,
} from './feeds.ts';

const line = (n: number) => ({ messageId: `m${n}`, text: `line ${n}` });
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
const ids = (view: { entries: readonly unknown[] }) => view.entries.map((e) => (e as { messageId: string }).messageId);

describe('a log feed', () => {
  it('begins with the snapshot and goes on behind it', () => {
    let view: LogView = joinedLog(emptyLog, { position: 'e:3', snapshot: { entries: lines(1, 3) } });
    view = logMoved(view, { id: 's', position: 'e:5', entries: lines(4, 5) });
    expect(ids(view)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
    expect(view.position).toBe('e:5');
  });

  it('takes an event that comes twice once', () => {
    const view = joinedLog(emptyLog, { position: 'e:3', snapshot: { entries: lines(1, 3) } });
    const once = logMoved(view, { id: 's', position: 'e:4', entries: [line(4)] });
    expect(logMoved(once, { id: 's', position: 'e:4', entries: [line(4)] })).toBe(once);
  });

  it('takes an entry once even where an event overlaps what is there', () => {
    const view = joinedLog(emptyLog, { position: 'e:3', snapshot: { entries: lines(1, 3) } });
    expect(ids(logMoved(view, { id: 's', position: 'e:5', entries: lines(3, 5) }))).toEqual([
      'm1',
      'm2',
      'm3',
      'm4',
      'm5',
    ]);
  });

  it('puts exactly what was missed behind what is there, and says how much it was', () => {
    const view = joinedLog(emptyLog, { position: 'e:2', snapshot: { entries: lines(1, 2) } });
    const back = joinedLog(view, { position: 'e:52', recovered: true, entries: lines(3, 52) });
    expect(back.entries).toHaveLength(52);
    expect(back.caughtUp).toBe(50);
    expect(ids(back)).toEqual(lines(1, 52).map((l) => l.messageId));
  });

  it('starts anew from a snapshot when the gap cannot be closed, and never shows a part', () => {
    const view = joinedLog(emptyLog, { position: 'old:2', snapshot: { entries: lines(1, 2) } });
    const anew = joinedLog(view, { position: 'new:9', recovered: false, snapshot: { entries: lines(90, 99) } });
    expect(ids(anew)).toEqual(lines(90, 99).map((l) => l.messageId));
    expect(anew.caughtUp).toBeNull();
  });

  it('keeps a bounded number of entries, the newest', () => {
    let view = joinedLog(emptyLog, { position: 'p0', snapshot: { entries: [] } });
    for (let n = 1; n <= 1_000; n++) view = logMoved(view, { id: 's', position: `p${n}`, entries: [line(n)] });
    expect(view.entries).toHaveLength(entriesMax);
    expect(ids(view).at(-1)).toBe('m1000');
  });
});

describe('a state feed', () => {
  it('lays the fields that changed over the whole', () => {
    const whole = joinedState(emptyState, { position: 'a', snapshot: { free: 5, held: 0, paused: false } });
    expect(stateMoved(whole, { id: 'd', position: 'b', state: { free: 4, held: 1 } }).state).toEqual({
      free: 4,
      held: 1,
      paused: false,
    });
  });

  it('ignores a part before the whole is there', () => {
    expect(stateMoved(emptyState, { id: 'd', position: 'b', state: { free: 4 } })).toBe(emptyState);
  });

  it('takes the whole anew on every join', () => {
    const old = joinedState(emptyState, { position: 'a', snapshot: { free: 5, held: 0 } });
    expect(joinedState(old, { position: 'z', snapshot: { free: 1, held: 2 } }).state).toEqual({ free: 1, held: 2 });
  });
});

/** A server in a few lines: joins are answered when the test says so, as they would be on a slow line. */
function line1() {
  const events = new Map<string, (payload: unknown) => void>();
  const ups: (() => void)[] = [];
  const downs: (() => void)[] = [];
  const joins: {
    input: { feed: string; id: string; from?: string };
    answer: (a: Joined | { refused: string } | { againInMs: number }) => void;
  }[] = [];
  const left: string[] = [];
  const timers: (() => void)[] = [];
  let up = true;
  const transport: FeedTransport = {
    up: () => up,
    onUp: (listener) => void ups.push(listener),
    onDown: (listener) => void downs.push(listener),
    join: (input) => new Promise((answer) => void joins.push({ input, answer })),
    leave: ({ feed, id }) => void left.push(`${feed} ${id}`),
    on: (event, listener) => void events.set(event, listener),
    later: (_ms, act) => {
      timers.push(act);
      return () => void timers.splice(timers.indexOf(act), 1);
    },
  };
  return {
    transport,
    joins,
    left,
    emit: (event: string, payload: unknown) => events.get(event)?.(payload),
    fall: () => {
      up = false;
      for (const listener of downs) listener();
    },
    rise: () => {
      up = true;
      for (const listener of ups) listener();
    },
    timePasses: () => {
      for (const act of timers.splice(0)) act();
    },
  };
}
const settled = () => new Promise<void>((resolve) => void setTimeout(resolve, 0));
const answer = (
  server: ReturnType<typeof line1>,
  n: number,
  reply: Joined | { refused: string } | { againInMs: number },
) => {
  server.joins[n]?.answer(reply);
  return settled();
};

describe('following feeds', () => {
  it('joins once however many follow, and leaves when the last has gone for good', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    const stopA = feeds.follow('state', 'deals:stock', 'kettle~1', () => undefined);
    const stopB = feeds.follow('state', 'deals:stock', 'kettle~1', () => undefined);
    expect(server.joins).toHaveLength(1);
    stopA();
    server.timePasses();
    expect(server.left).toEqual([]);
    stopB();
    const stopC = feeds.follow('state', 'deals:stock', 'kettle~1', () => undefined);
    server.timePasses();
    expect(server.left).toEqual([]);
    stopC();
    server.timePasses();
    expect(server.left).toEqual(['deals:stock kettle~1']);
  });

  it('applies what came during a join behind its answer', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    feeds.follow('log', 'live:chat', 's', () => undefined);
    server.emit('live:chat', { id: 's', position: 'e:3', entries: [line(3)] });
    await answer(server, 0, { position: 'e:2', snapshot: { entries: lines(1, 2) } });
    expect(ids(feeds.read('log', 'live:chat', 's').view as LogView)).toEqual(['m1', 'm2', 'm3']);
  });

  it('hands its last position back after the line broke, and shows meanwhile that it is stale', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    feeds.follow('log', 'live:chat', 's', () => undefined);
    await answer(server, 0, { position: 'e:2', snapshot: { entries: lines(1, 2) } });
    server.emit('live:chat', { id: 's', position: 'e:4', entries: lines(3, 4) });
    server.fall();
    expect(feeds.read('log', 'live:chat', 's').status).toEqual({ is: 'stale' });
    server.rise();
    expect(server.joins[1]?.input).toEqual({ feed: 'live:chat', id: 's', from: 'e:4' });
    await answer(server, 1, { position: 'e:9', recovered: true, entries: lines(5, 9) });
    expect(ids(feeds.read('log', 'live:chat', 's').view as LogView)).toEqual(lines(1, 9).map((l) => l.messageId));
    expect(feeds.read('log', 'live:chat', 's').status).toEqual({ is: 'live' });
  });

  it('joins again by position when the server says that it is behind', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    feeds.follow('log', 'live:chat', 's', () => undefined);
    await answer(server, 0, { position: 'e:2', snapshot: { entries: lines(1, 2) } });
    server.emit('feeds:behind', { feed: 'live:chat', id: 's' });
    expect(server.joins[1]?.input.from).toBe('e:2');
  });

  it('drops the answer to a join that a broken line overtook', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    feeds.follow('log', 'live:chat', 's', () => undefined);
    server.fall();
    server.rise();
    await answer(server, 0, { position: 'old', snapshot: { entries: lines(1, 2) } });
    expect(feeds.read('log', 'live:chat', 's').status).toEqual({ is: 'waiting' });
    await answer(server, 1, { position: 'new', snapshot: { entries: lines(7, 8) } });
    expect(ids(feeds.read('log', 'live:chat', 's').view as LogView)).toEqual(['m7', 'm8']);
  });

  it('asks again when no answer came, and stops where the server refuses', async () => {
    const server = line1();
    const feeds = createFeeds(server.transport);
    feeds.follow('state', 'deals:stock', 'gone', () => undefined);
    await answer(server, 0, { againInMs: 500 });
    server.timePasses();
    expect(server.joins).toHaveLength(2);
    await answer(server, 1, { refused: 'unknown-id' });
    expect(feeds.read('state', 'deals:stock', 'gone').status).toEqual({ is: 'refused', why: 'unknown-id' });
    server.timePasses();
    expect(server.joins).toHaveLength(2);
  });
});
