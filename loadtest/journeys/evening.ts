import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { FaultAnswer } from '@elevens/shared/src/faults.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import { emptyRun, type Journal, seen } from '../journal.ts';
import type { Evening } from '../shapes/evenings.ts';
import { connect, type Lost } from '../socket-io.ts';
import { wait } from '../wait.ts';

/** What is on this evening: found once, by anybody's eyes, before the first shopper comes. */
export interface Plan {
  url: string;
  journalUrl: string;
  evening: Evening;
  /** The moment of the server's clock from which the evening's times count. */
  startMs: number;
  dealIds: string[];
  dropIds: string[];
  sessionId: string;
  /** Whether this festival was made for the load, so that its tasks are on all evening and energy can be added up. */
  alone: boolean;
}

const answerMs = new Trend('answer_ms');
const chatSeenMs = new Trend('chat_seen_ms');
const faults = new Rate('faults');
const bugs = new Counter('bugs');
const lostAnswers = new Rate('lost_answers');
const unfinished = new Counter('unfinished');
const linesSeen = new Counter('lines_seen');

/** Round trips from which a shopper takes the quickest to learn the server's time. */
const clockProbes = 3;
/** How often a call whose answer was lost is sent again, with the same requestId. */
const resendsMax = 3;
/** How often a shopper who lost the line tries to come back before giving the evening up. */
const comebacksMax = 5;
/** After the last act: what was announced must have arrived in the shopper's own feeds by then. */
const settleMs = 20_000;
/** Troubles and lost answers of one shopper that are told in words. */
const notesMax = 10;
/** How long a shopper who loses the line on purpose is away: some lines of chat, no more than a room keeps. */
const awayMs = 1_500;

const requestId = () => crypto.randomUUID();

type Outcome<N extends CommandName> = CommandOutcome<N> | FaultAnswer | Lost;

function wordOf(outcome: { ok: boolean }): string {
  if (outcome.ok) return 'ok';
  if ('why' in outcome) return String(outcome.why);
  return 'fault' in outcome ? String(outcome.fault) : 'lost';
}

/**
 * One shopper's evening: comes as a guest, sets the clock, looks at the programme, follows a deal's stock and the chat,
 * talks, claims in the moment in which everybody claims, opens a packet, checks in, and goes home. Answers with the
 * journal; nothing that the server does makes it throw.
 */
export async function spendEvening(plan: Plan, shopper: number): Promise<Journal> {
  const journal: Journal = {
    shopper,
    shopperId: '',
    finished: false,
    troubles: [],
    lost: [],
    outcomes: {},
    claims: [],
    packets: [],
    said: [],
    saidUnknown: 0,
    chat: emptyRun,
    resent: { same: 0, different: 0 },
    returned: { times: 0, recovered: 0 },
    holdsShown: null,
    walletMinorShown: null,
    energyShown: null,
    energyEarned: 0,
  };
  try {
    await evening(plan, shopper, journal);
    journal.finished = true;
  } catch (error) {
    trouble(journal, error instanceof Error ? error.message : String(error));
  }
  unfinished.add(journal.finished ? 0 : 1);
  return journal;
}

function trouble(journal: Journal, words: string): void {
  note(journal.troubles, words);
}

function note(notes: string[], words: string): void {
  if (notes.length < notesMax) notes.push(words.slice(0, 300));
}

async function evening(plan: Plan, shopper: number, journal: Journal): Promise<void> {
  const { url, evening, sessionId, startMs } = plan;
  await wait(((shopper - 1) * evening.rampMs) / evening.shoppers);

  const guest = await post(plan, journal, 'identity:guest', { locale: 'en' }, null);
  if (!guest.ok) throw new Error(`no guest: ${wordOf(guest)}`);
  const { token, shopperId } = guest.reply;
  journal.shopperId = shopperId;
  const auth = { token, surface: 'storefront' };
  let line = await connect(url, auth);
  const call = <N extends CommandName>(name: N, input: CommandInput<N>) => timed(journal, name, line.call(name, input));

  /** How far the server's clock is ahead of ours, by the quickest of a few round trips. */
  let aheadMs = 0;
  let quickestMs = Number.POSITIVE_INFINITY;
  for (let probe = 0; probe < clockProbes; probe++) {
    const sentMs = Date.now();
    const now = await call('clock:now', {});
    const tookMs = Date.now() - sentMs;
    if (!now.ok || tookMs >= quickestMs) continue;
    quickestMs = tookMs;
    aheadMs = now.reply.nowMs - sentMs - tookMs / 2;
  }
  const serverNowMs = () => Date.now() + aheadMs;
  const until = (afterMs: number) => wait(startMs + afterMs - serverNowMs());

  const [tonight, deals, drops, sessions, tasks] = await Promise.all([
    call('campaign:tonight', {}),
    call('deals:list', {}),
    call('redpackets:list', {}),
    call('live:list', {}),
    call('energy:tasks', {}),
  ]);
  if (!tonight.ok || !deals.ok || !drops.ok || !sessions.ok || !tasks.ok)
    throw new Error('the programme cannot be had');
  for (const id of [...plan.dealIds, ...plan.dropIds, sessionId]) {
    if (!tonight.reply.programme.some((entry) => entry.id === id)) trouble(journal, `${id} is not in the programme`);
  }

  // --- Feeds. Each is followed again after the line was lost.
  let position = '';
  const hear = (entries: Message[], live: boolean) => {
    linesSeen.add(entries.length);
    for (const entry of entries) {
      journal.chat = seen(journal.chat, entry.messageId);
      if (live) chatSeenMs.add(Math.max(0, serverNowMs() - entry.saidAtMs));
    }
  };
  const ownLinesSeen = new Set<string>();
  async function enterRoom(): Promise<void> {
    const joined = await call('feeds:join', { feed: 'live:chat', id: sessionId, ...(position && { from: position }) });
    if (!joined.ok) throw new Error(`the room could not be joined: ${wordOf(joined)}`);
    if (position !== '') journal.returned.times++;
    if (joined.reply.recovered) {
      if (position !== '') journal.returned.recovered++;
      remember(joined.reply.entries as Message[], false);
    } else {
      // What came before is not known any more: a new run begins, and the lines before it are not vouched for.
      journal.chat = emptyRun;
      remember((joined.reply as { snapshot: { entries: Message[] } }).snapshot.entries, false);
    }
    position = joined.reply.position;
  }
  function remember(entries: Message[], live: boolean): void {
    hear(entries, live);
    for (const { messageId } of entries) ownLinesSeen.add(messageId);
  }
  async function follow(feed: string, id: string, heard: (state: Record<string, unknown>) => void): Promise<void> {
    const states = heardBy.get(feed) ?? new Map<string, (state: Record<string, unknown>) => void>();
    heardBy.set(feed, states.set(id, heard));
    line.on(feed, (payload) => {
      const event = payload as { id: string; state: Record<string, unknown> };
      states.get(event.id)?.(event.state);
    });
    const joined = await call('feeds:join', { feed, id });
    if (!joined.ok) throw new Error(`${feed} ${id} could not be joined: ${wordOf(joined)}`);
    if ('snapshot' in joined.reply) heard(joined.reply.snapshot as Record<string, unknown>);
  }
  const heardBy = new Map<string, Map<string, (state: Record<string, unknown>) => void>>();
  async function enter(): Promise<void> {
    line.on('live:chat', (payload) => {
      const event = payload as { position: string; entries: Message[] };
      position = event.position;
      remember(event.entries, true);
    });
    line.on('feeds:behind', () => void enterRoom().catch(ignore));
    line.on('system:bye', (bye) => trouble(journal, `sent away: ${JSON.stringify(bye)}`));
    await enterRoom();
    for (const id of plan.dealIds) await follow('deals:stock', id, ignore);
    for (const id of plan.dropIds) await follow('redpackets:drop', id, ignore);
    await follow('deals:mine', shopperId, ({ holds }) => {
      if (Array.isArray(holds)) journal.holdsShown = holds.map((hold: { holdId: string }) => hold.holdId);
    });
    await follow('redpackets:mine', shopperId, ({ walletMinor }) => {
      if (typeof walletMinor === 'number') journal.walletMinorShown = walletMinor;
    });
    await follow('energy:mine', shopperId, ({ energy }) => {
      if (typeof energy === 'number') journal.energyShown = energy;
    });
  }
  await enter();

  // --- Whoever loses the line comes back, like any client, and with the position that was reached.
  let coming: Promise<void> | null = null;
  const comeBack = () => {
    coming ??= (async () => {
      for (let tries = 1; ; tries++) {
        try {
          line = await connect(url, auth);
          return await enter();
        } catch (error) {
          line.close();
          if (tries === comebacksMax) throw error;
          await wait(awayMs);
        }
      }
    })().finally(() => {
      coming = null;
    });
    return coming;
  };
  const withLine = async () => {
    if (coming !== null || line.ended() !== null) await comeBack();
  };
  const again = <T extends { ok: boolean }>(send: () => Promise<T>) => sendUntilAnswered(send, withLine);

  // --- Chat: a line on coming in, then one every so often until shortly before the end, beside everything else.
  const mouth = { open: true };
  const chat = (async () => {
    for (let lines = 1; mouth.open; lines++) {
      const id = requestId();
      const input = { requestId: id, sessionId, text: `shopper ${shopper}, line ${lines}` };
      const said = await again(() => call('live:say', input));
      if (said.ok) journal.said.push(said.reply.messageId);
      else if (wordOf(said) === 'lost' || wordOf(said) === 'unknown') journal.saidUnknown++;
      else trouble(journal, `could not say a line: ${wordOf(said)}`);
      await wait(evening.chatEveryMs);
    }
  })();

  // --- The common moment: everybody claims, some by HTTP.
  await until(evening.claimAtMs);
  const claim = async (dealId: string, byHttp: boolean): Promise<void> => {
    const input = { requestId: requestId(), lines: [{ dealId, quantity: 1 }] };
    const overHttp = () => post(plan, journal, 'deals:claim', input, token);
    const overSocket = () => call('deals:claim', input);
    const askedAtMs = serverNowMs();
    const outcome = await again(byHttp ? overHttp : overSocket);
    const outcomeWord = wordOf(outcome);
    journal.claims.push({
      dealId,
      outcome: outcomeWord,
      askedAtMs,
      answeredAtMs: serverNowMs(),
      ...(outcome.ok && { holdId: outcome.reply.holdId }),
    });
    // The same request once more, by the other way in: the answer must be the first one, word for word.
    if (shopper % 5 === 0 && (outcome.ok || 'why' in outcome)) {
      const repeated = await again(byHttp ? overSocket : overHttp);
      journal.resent[JSON.stringify(repeated) === JSON.stringify(outcome) ? 'same' : 'different']++;
    }
  };
  await Promise.all(plan.dealIds.map((dealId) => claim(dealId, shopper % 10 === 3)));
  // A second, honest try of the greedy: another request for the same deals. The limit must hold.
  if (shopper % 4 === 0) await Promise.all(plan.dealIds.map((dealId) => claim(dealId, false)));

  // --- Red packets, in a common moment of their own; some tap twice.
  await until(evening.openAtMs);
  const open = async (dropId: string): Promise<void> => {
    const id = requestId();
    const outcome = await again(() => call('redpackets:open', { requestId: id, dropId }));
    const packet = outcome.ok ? { amountMinor: outcome.reply.amountMinor, index: outcome.reply.index } : {};
    journal.packets.push({ dropId, outcome: wordOf(outcome), ...packet });
  };
  for (const dropId of plan.dropIds) {
    await Promise.all(shopper % 3 === 0 ? [open(dropId), open(dropId)] : [open(dropId)]);
  }

  // --- Energy: the tap of its own.
  const isOn = (task: { opensAtMs: number; closesAtMs: number }) =>
    task.opensAtMs <= serverNowMs() && serverNowMs() < task.closesAtMs;
  for (const task of tasks.reply.tasks.filter((one) => one.on === 'check-in' && isOn(one))) {
    const id = requestId();
    const done = await again(() => call('energy:complete', { requestId: id, taskId: task.taskId }));
    if (done.ok) journal.energyEarned += done.reply.credited;
  }

  // --- Some lose the line and come back with their position.
  if (shopper % 7 === 0) {
    await wait(awayMs);
    mouth.open = false;
    await chat;
    line.close();
    await wait(awayMs);
    await comeBack();
  }

  await until(evening.endAtMs - evening.chatEveryMs);
  mouth.open = false;
  await chat;
  await until(evening.endAtMs + ((shopper - 1) * 1_000) / evening.shoppers);

  // --- Before going home: what was earned, held and said must be seen. Waits for it, and not for ever.
  const did = {
    'check-in': false,
    'deals.claimed': journal.claims.some(({ outcome }) => outcome === 'ok'),
    'live.said': journal.said.length > 0,
    'redpackets.opened': journal.packets.some(({ outcome }) => outcome === 'ok'),
    // This evening is about claims: nobody pays in it.
    'orders.paid': false,
  };
  for (const task of tasks.reply.tasks) if (did[task.on]) journal.energyEarned += task.energy;
  const holds = journal.claims.filter(({ outcome }) => outcome === 'ok').length;
  const walletMinor = journal.packets.reduce((sum, { amountMinor = 0 }) => sum + amountMinor, 0);
  const settled = () =>
    (!plan.alone || journal.energyShown === journal.energyEarned) &&
    journal.holdsShown?.length === holds &&
    journal.walletMinorShown === walletMinor &&
    journal.said.every((id) => ownLinesSeen.has(id));
  for (const deadlineMs = Date.now() + settleMs; !settled() && Date.now() < deadlineMs; ) {
    await withLine();
    await wait(100);
  }
  for (const id of journal.said) if (!ownLinesSeen.has(id)) trouble(journal, `never saw its own line ${id}`);

  await again(() => call('feeds:leave', { feed: 'live:chat', id: sessionId }));
  line.close();
}

const ignore = () => {};

/** Sends a call again while its answer is lost or the fault says that this helps: with the same input, so safely. */
async function sendUntilAnswered<T extends { ok: boolean }>(
  send: () => Promise<T>,
  withLine: () => Promise<void>,
): Promise<T> {
  for (let resends = 0; ; resends++) {
    await withLine();
    const outcome = await send();
    const fault = outcome as { fault?: string; retryAfterMs?: number | null };
    const waitMs = wordOf(outcome) === 'lost' ? 500 : (fault.retryAfterMs ?? null);
    if (outcome.ok || waitMs === null || resends >= resendsMax) return outcome;
    await wait(Math.min(waitMs, 5_000));
  }
}

/** Counts and times one call, whatever way it went. */
async function timed<N extends CommandName, O extends Outcome<N>>(
  journal: Journal,
  name: N,
  going: Promise<O>,
): Promise<O> {
  const sentMs = Date.now();
  const outcome = await going;
  const word = wordOf(outcome);
  const label = `${name} ${word}`;
  journal.outcomes[label] = (journal.outcomes[label] ?? 0) + 1;
  answerMs.add(Date.now() - sentMs, { command: name });
  faults.add('fault' in outcome);
  bugs.add(word === 'bug' ? 1 : 0);
  lostAnswers.add(word === 'lost');
  if ('lost' in outcome) note(journal.lost, `${name}: ${outcome.lost}`);
  return outcome;
}

/** Calls a command by its HTTP route. A reply comes bare with 200; a refusal or a fault is the outcome itself. */
function post<N extends CommandName>(
  plan: Plan,
  journal: Journal,
  name: N,
  input: CommandInput<N>,
  token: string | null,
): Promise<CommandOutcome<N> | FaultAnswer | Lost> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token !== null) headers['authorization'] = `Bearer ${token}`;
  const going = http
    .asyncRequest('POST', `${plan.url}/api/${name.replace(':', '/')}`, JSON.stringify(input), { headers })
    .then((response): CommandOutcome<N> | FaultAnswer | Lost => {
      if (response.status === 0) return { ok: false, lost: `no answer: ${response.error}` };
      // Not response.json(): it puts the fields in an order of its own, and answers are compared word for word.
      const body: unknown = JSON.parse(response.body as string);
      return response.status === 200 ? ({ ok: true, reply: body } as CommandOutcome<N>) : (body as FaultAnswer);
    });
  return timed(journal, name, going);
}
