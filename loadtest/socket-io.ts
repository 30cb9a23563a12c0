import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import { WebSocket } from 'k6/websockets';

/**
 * Socket.IO for k6, which has websockets and no npm: the one file of the load tests that frames packets. Text only, one
 * namespace, websocket only: what Elevens speaks. Engine.IO 4 puts a digit before each message (0 open, 2 ping, 3 pong,
 * 4 message), Socket.IO 5 another one behind the 4 (0 connect, 1 disconnect, 2 event, 3 acknowledgement, 4 refused).
 */

/** Being let in takes a token's check; a server that needs longer is broken, and a shopper would have left. */
const connectMs = 10_000;
/** An answer that has not come by then counts as lost: the page would have offered "try again" long before. */
const answerMs = 15_000;
/** How often a connection looks for answers that are overdue. */
const lookMs = 1_000;
/** Calls one connection may have under way: the server refuses more than 64, so more is a mistake of the journey. */
const callsMax = 64;

/** The answer never came: the connection ended, or nothing was heard for too long. What was decided is not known. */
export interface Lost {
  ok: false;
  lost: string;
}

export interface Connection {
  /** Sends a command and waits for its answer. Never throws: a lost answer is an outcome like any other. */
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutcome<N> | Lost>;
  /** Hears an event of the server, `live:chat` and the like. One listener an event. */
  on(event: string, listener: (payload: unknown) => void): void;
  /** Why the connection ended, or null while it stands. */
  ended(): string | null;
  close(): void;
}

/** Opens a connection and is let in, or throws with the reason. */
export function connect(url: string, auth: { token?: string; surface?: string }): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const listeners = new Map<string, (payload: unknown) => void>();
    const waiting = new Map<number, { answer: (outcome: unknown) => void; untilMs: number }>();
    let nextId = 0;
    let ended: string | null = null;

    function end(why: string): void {
      if (ended !== null) return;
      ended = why;
      clearTimeout(watch);
      for (const { answer } of waiting.values()) answer({ ok: false, lost: why } satisfies Lost);
      waiting.clear();
      socket.close();
      reject(new Error(why));
    }
    // One timer that looks at the clock, and not one a call: see wait.ts.
    const openedMs = Date.now();
    let letIn = false;
    let watch = setTimeout(look, lookMs);
    function look(): void {
      const nowMs = Date.now();
      if (!letIn && nowMs - openedMs >= connectMs) return end(`not let in within ${connectMs} ms`);
      for (const [id, { answer, untilMs }] of waiting) {
        if (nowMs < untilMs) continue;
        waiting.delete(id);
        answer({ ok: false, lost: `no answer within ${answerMs} ms` } satisfies Lost);
      }
      watch = setTimeout(look, lookMs);
    }

    const connection: Connection = {
      call: (name, input) =>
        new Promise((settle) => {
          const answer = settle as (outcome: unknown) => void;
          if (ended !== null) return answer({ ok: false, lost: ended } satisfies Lost);
          if (waiting.size >= callsMax) throw new Error(`more than ${callsMax} calls under way`);
          const id = nextId++;
          waiting.set(id, { answer, untilMs: Date.now() + answerMs });
          socket.send(`42${id}${JSON.stringify([name, input])}`);
        }),
      on: (event, listener) => void listeners.set(event, listener),
      ended: () => ended,
      close() {
        // A good-bye first, so that the server sees a leaving and not a broken line.
        if (ended === null) socket.send('41');
        end('closed by us');
      },
    };

    // oxlint-disable unicorn/prefer-add-event-listener -- k6's types name its events by an enum that is not there at run time
    socket.onmessage = (message) => {
      const text = message?.data;
      if (typeof text !== 'string') return end('a binary message, which Elevens never sends');
      if (text === '2') return socket.send('3');
      if (text.startsWith('0')) return socket.send(`40${JSON.stringify(auth)}`);
      if (text.startsWith('42')) {
        const [event, payload] = JSON.parse(text.slice(2)) as [string, unknown];
        return listeners.get(event)?.(payload);
      }
      if (text.startsWith('43')) {
        const open = text.indexOf('[');
        const id = Number(text.slice(2, open));
        const call = waiting.get(id);
        waiting.delete(id);
        return call?.answer((JSON.parse(text.slice(open)) as unknown[])[0]);
      }
      if (text.startsWith('40')) {
        letIn = true;
        return resolve(connection);
      }
      if (text.startsWith('44')) return end(`refused: ${text.slice(2, 300)}`);
      if (text.startsWith('41') || text === '1') return end('closed by the server');
      // 6 is a noop of the engine; anything else would be news to us.
      return text === '6' ? undefined : end(`an unknown packet: ${text.slice(0, 100)}`);
    };
    socket.onerror = (error) => end(`connection error: ${error?.error ?? 'unknown'}`);
    socket.onclose = () => end('the connection closed');
    // oxlint-enable unicorn/prefer-add-event-listener
  });
}
