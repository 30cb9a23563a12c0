import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Bye, DisconnectCode } from '@elevens/shared/src/faults.ts';
import { disconnects } from '@elevens/shared/src/faults.ts';
import { Server, type Socket } from 'socket.io';
import type { Person } from '../caller.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import { type Answer, type Gateway, jsonOf } from '../gateway.ts';
import type { Random } from '../random.ts';
import { createCommandLane } from './command-lane.ts';
import { type EngineSocket, engineOf } from './engine-internals.ts';
import { releaseHandshake } from './release-handshake.ts';
import type { Tick } from './tick.ts';
import { createWireParser } from './wire-parser.ts';

/** Pages a connection may say it comes from; anything else counts as `other`. */
const surfaces = ['storefront', 'brand-console', 'control-room'] as const;
export type Surface = (typeof surfaces)[number] | 'other';

/** Calls one connection may have under way; a page never has more than a handful. */
const callsInFlightMax = 64;
/** Calls that break the contract before a connection is cut off: a bug in a client shows, a fuzzer goes. */
const badCallsMax = 200;
/** Connections one process accepts: below the 20,000 files that a process may usually open. */
const socketsMax = 18_000;
/** A connection that has not said who it is by then is closed. */
const connectTimeoutMs = 10_000;
/** Largest message a client may send: no command comes near it. */
const messageBytesMax = 16 * 1_024;
/** Over how long clients are asked to come back when a node drains: a node's worth must not arrive at once. */
const spreadMs = 8_000;

/** How long a draining node waits for its clients to take their leave. */
const goodbyeMs = 3_000;

export interface Connection {
  person: Person | null;
  address: string;
  surface: Surface;
  expiresAtMs: number;
  badCalls: number;
  inFlight: number;
}

export type Authenticated =
  | { ok: true; person: Person; expiresAtMs: number }
  | { ok: false; reason: 'expired' | 'invalid' | 'revoked' };

export interface Sockets {
  io: Server;
  connectionOf(socket: Socket): Connection;
  /** People here now by surface; the demo's own crowd is counted apart. */
  census(): { bySurface: Record<string, number>; crowd: number; sockets: number };
  /** Ends every connection of a person. */
  closePerson(personId: string, code: DisconnectCode): void;
  /** From now on nobody new is let in; who is here stays. */
  refuseNew(): void;
  /** Tells clients when to come back, and ends their connections. Resolves when all are gone. */
  drain(): Promise<void>;
}

type Ack = (answer: unknown) => void;

/** Where a socket keeps its connection: a field is found quicker than an entry of a map of all of them. */
const slot = Symbol('elevens.connection');
type Connected = Socket & { [slot]?: Connection };

function connectionOf(socket: Connected): Connection {
  const connection = socket[slot];
  if (connection === undefined) throw new Error('a socket without its connection');
  return connection;
}

export function createSockets({
  http,
  gateway,
  tick,
  clock,
  random,
  authenticate,
  originAllowed,
  addressOf,
  onBadCaller,
  onLeave,
  onEnded,
}: {
  http: HttpServer;
  gateway: Gateway;
  tick: Tick;
  clock: Clock;
  random: Random;
  authenticate: (token: string) => Promise<Authenticated>;
  originAllowed: (origin: string | undefined, host: string | undefined) => boolean;
  /** Whose budget pays: the address behind the proxies that are trusted. */
  addressOf: (request: IncomingMessage) => string;
  onBadCaller: (kind: string, facts: object, message: string) => void;
  onLeave: (socket: Socket) => void;
  /** A connection was ended with a code, or refused. */
  onEnded: (code: DisconnectCode | 'refused') => void;
}): Sockets {
  let draining = false;
  const people = new Map<string, Set<Socket>>();

  const io = new Server(http, {
    path: '/socket.io',
    serveClient: false,
    maxHttpBufferSize: messageBytesMax,
    pingInterval: 25_000,
    pingTimeout: 20_000,
    perMessageDeflate: false,
    httpCompression: false,
    cors: { origin: false },
    parser: createWireParser(),
    // Another site's page can open a websocket whatever CORS says, so the origin is checked here.
    allowRequest: (request, decide) => {
      if (draining) decide('draining', false);
      else decide(null, originAllowed(request.headers.origin, request.headers.host));
    },
  });

  function bye(socket: Socket, code: DisconnectCode): void {
    onEnded(code);
    const reconnect = disconnects[code].reconnect;
    const notice: Bye = {
      code,
      message: disconnects[code].meaning,
      retryAfterMs: reconnect ? 500 + random.int(code === 'draining' ? spreadMs : 2_000) : null,
    };
    socket.emit('system:bye', notice);
    // Closed a moment later by the engine once its buffer is flushed; a reader that never reads is cut by the tick.
    setImmediate(() => socket.disconnect(true));
  }

  /** Connections that have not said who they are, and since when. */
  const newcomers = new Map<EngineSocket, number>();
  io.engine.on('connection', (engine: EngineSocket) => newcomers.set(engine, clock.monotonicMs()));
  const asked = new WeakSet<EngineSocket>();

  // Cut off rather than closed: an orderly end would wait for an answer from someone who has said nothing yet.
  const doorkeeper = setInterval(() => {
    const beforeMs = clock.monotonicMs() - connectTimeoutMs;
    for (const [engine, sinceMs] of newcomers) {
      if (engine.readyState === 'closed') newcomers.delete(engine);
      else if (sinceMs < beforeMs) {
        newcomers.delete(engine);
        onEnded('refused');
        if (engine.transport.socket === undefined) engine.close(true);
        else engine.transport.socket.terminate();
      }
    }
  }, 1_000);
  doorkeeper.unref();

  io.use((socket, next) => {
    const engine = engineOf(socket);
    if (asked.has(engine)) {
      // One CONNECT is all a client ever sends; more would be more sockets on one connection.
      onBadCaller('bad-packet', { what: 'a second CONNECT' }, 'a client sent a packet that nobody sends');
      engine.close(true);
      return;
    }
    asked.add(engine);
    const auth = socket.handshake.auth as { token?: unknown; surface?: unknown };
    const refuse = (code: string, message: string, retryAfterMs: number | null) => {
      const error = new Error(message) as Error & { data: object };
      error.data = { code, retryAfterMs };
      onEnded('refused');
      next(error);
    };
    const admit = (person: Person | null, expiresAtMs: number) => {
      const surface = surfaces.find((s) => s === auth.surface) ?? 'other';
      const address = addressOf(socket.request);
      newcomers.delete(engine);
      (socket as Connected)[slot] = { person, address, surface, expiresAtMs, badCalls: 0, inFlight: 0 };
      next();
    };
    if (draining) return refuse('draining', disconnects.draining.meaning, 500 + random.int(spreadMs));
    if (io.engine.clientsCount > socketsMax)
      return refuse('overloaded', 'This node is full. Try again shortly.', 2_000 + random.int(spreadMs));
    if (auth.token === undefined || auth.token === null) return admit(null, Number.POSITIVE_INFINITY);
    if (typeof auth.token !== 'string') return refuse('unauthenticated', 'auth.token must be text.', null);
    return void authenticate(auth.token).then(
      (found) => {
        if (found.ok) admit(found.person, found.expiresAtMs);
        else
          refuse(found.reason === 'invalid' ? 'unauthenticated' : found.reason, `The token is ${found.reason}.`, null);
      },
      (error: unknown) =>
        refuse('unavailable', error instanceof Fault ? error.message : 'The token cannot be checked just now.', 1_000),
    );
  });

  function badCall(socket: Socket, connection: Connection, event: string): void {
    connection.badCalls++;
    onBadCaller(
      'bad-call',
      { event: event.slice(0, 40), address: connection.address },
      'a client sends calls that break the contract',
    );
    if (connection.badCalls === badCallsMax) bye(socket, 'too-many-bad-calls');
  }

  const lane = createCommandLane((socket, { id, name, inputs }) => take(socket, name, inputs, id));

  // What does not come down the lane: names without a colon, calls without an acknowledgement. One listener for all
  // connections, so that an idle one costs no closure of its own.
  function onEvent(this: Socket, event: unknown, ...rest: unknown[]): void {
    if (!tick.mayRead(this)) return;
    if (typeof event !== 'string') return;
    const ack = rest.pop();
    if (typeof ack === 'function') take(this, event, rest, ack as Ack);
    else badCall(this, connectionOf(this), event);
  }

  /** A call that came down the lane is answered by its id, any other through the library. */
  function tell(socket: Socket, to: number | Ack, answer: Answer): void {
    if (typeof to === 'number') tick.answer(socket, to, jsonOf(answer));
    else to(JSON.parse(jsonOf(answer)));
  }

  function take(socket: Socket, event: string, inputs: unknown[], to: number | Ack): void {
    const connection = connectionOf(socket);
    if (inputs.length !== 1) {
      tell(
        socket,
        to,
        new Fault('bad-input', {
          problems: [{ path: '', message: 'a command takes exactly one input and an acknowledgement' }],
        }).answer(),
      );
      return badCall(socket, connection, event);
    }
    if (connection.inFlight >= callsInFlightMax)
      return tell(socket, to, new Fault('overloaded', { retryAfterMs: 500 }).answer());
    connection.inFlight++;
    void gateway
      .call({ name: event, input: inputs[0], person: connection.person, address: connection.address, socket })
      .then((answer) => {
        connection.inFlight--;
        tell(socket, to, answer);
        if (!answer.ok && 'fault' in answer && (answer.fault === 'bad-input' || answer.fault === 'not-found'))
          badCall(socket, connection, event);
      });
  }

  // Reached by what the parser refuses; the library closes the connection right after, once this notice is written.
  // A client may name an event of its own `error`; that one has no Error in it and is answered like any unknown call.
  function onError(this: Socket, error: unknown): void {
    if (!(error instanceof Error)) return;
    onBadCaller(
      'bad-packet',
      { what: error.message.slice(0, 100), address: connectionOf(this).address },
      'a client sent a packet that nobody sends',
    );
    const notice: Bye = {
      code: 'bad-packet',
      message: `${disconnects['bad-packet'].meaning} It was ${error.message}.`,
      retryAfterMs: null,
    };
    onEnded('bad-packet');
    this.emit('system:bye', notice);
  }

  function onDisconnect(this: Socket): void {
    const { person } = connectionOf(this);
    onLeave(this);
    if (person === null) return;
    const theirs = people.get(person.shopperId);
    theirs?.delete(this);
    if (theirs?.size === 0) people.delete(person.shopperId);
  }

  io.on('connection', (socket) => {
    const { person } = connectionOf(socket);
    if (person !== null) {
      const theirs = people.get(person.shopperId);
      if (theirs === undefined) people.set(person.shopperId, new Set([socket]));
      else theirs.add(socket);
    }
    tick.attach(socket);
    lane.attach(socket);
    const engine = engineOf(socket);
    if (engine.transport.name === 'websocket') releaseHandshake(socket);
    // Whoever begins by polling needs the request until it has changed over.
    else socket.conn.once('upgrade', () => releaseHandshake(socket));
    socket.onAny(onEvent);
    socket.on('error', onError);
    socket.on('disconnect', onDisconnect);
  });

  const expiry = setInterval(() => {
    const nowMs = clock.nowMs();
    for (const socket of io.sockets.sockets.values()) {
      if (connectionOf(socket).expiresAtMs <= nowMs) bye(socket, 'expired');
    }
  }, 10_000);
  expiry.unref();

  return {
    io,
    connectionOf,
    census() {
      const bySurface: Record<string, number> = {};
      const seen = new Set<string>();
      let crowd = 0;
      for (const socket of io.sockets.sockets.values()) {
        const { person, surface } = connectionOf(socket);
        if (person?.simulated) {
          crowd++;
          continue;
        }
        // Two tabs of one person on one surface are one person there.
        const who = `${person?.shopperId ?? socket.id} ${surface}`;
        if (seen.has(who)) continue;
        seen.add(who);
        bySurface[surface] = (bySurface[surface] ?? 0) + 1;
      }
      return { bySurface, crowd, sockets: io.sockets.sockets.size };
    },
    closePerson(personId, code) {
      for (const socket of people.get(personId) ?? []) bye(socket, code);
    },
    refuseNew() {
      draining = true;
    },
    async drain() {
      draining = true;
      clearInterval(expiry);
      clearInterval(doorkeeper);
      for (const socket of io.sockets.sockets.values()) bye(socket, 'draining');
      for (let waitedMs = 0; io.engine.clientsCount > 0 && waitedMs < goodbyeMs; waitedMs += 50) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      // An orderly close waits half a minute for a peer that does not answer it, and so would the server.
      const left = io.engine as unknown as { clients: Record<string, EngineSocket> };
      for (const engine of Object.values(left.clients)) engine.transport.socket?.terminate();
      // Kept-alive connections would hold the server open for as long as somebody uses them.
      const hurry = setInterval(() => http.closeAllConnections(), 50);
      await Promise.race([io.close(), new Promise((resolve) => setTimeout(resolve, goodbyeMs))]);
      clearInterval(hurry);
    },
  };
}
