import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contracts } from '@elevens/shared/src/contracts.ts';
import { Server, type Socket } from 'socket.io';

/** A command that the crowd sent, as the wire brought it. */
export interface Sent {
  token: string;
  name: string;
  input: Record<string, unknown>;
}

const inputs = new Map(
  contracts.flatMap((c) => Object.entries(c.commands).map(([key, command]) => [`${c.name}:${key}`, command.input])),
);

/**
 * A stage for the crowd to be watched on: the public wire with nothing behind it. It refuses whatever the contract
 * refuses, remembers all that was sent, and answers what the test says.
 */
export async function openStage(answer: (sent: Sent, socket: Socket) => unknown) {
  const paid: string[] = [];
  /** The till's page: whoever sends a card to it has paid. */
  const http = createServer((request, response) => {
    if (request.url?.startsWith('/socket.io')) return;
    request.setEncoding('utf8').on('data', (body: string) => paid.push(`${request.method} ${request.url} ${body}`));
    request.on('end', () => {
      response.writeHead(303, { location: '/' }).end();
      look();
    });
  });
  const io = new Server(http, { transports: ['websocket'] });
  const sent: Sent[] = [];
  const breaches: string[] = [];
  const waiting: { until: () => boolean; resolve: () => void }[] = [];
  const look = () => {
    for (const w of waiting.splice(0)) {
      if (w.until()) w.resolve();
      else waiting.push(w);
    }
  };
  io.on('connection', (socket) => {
    look();
    const token = String((socket.handshake.auth as { token?: unknown }).token);
    socket.on('disconnect', () => setImmediate(look));
    socket.onAny((name: string, input: Record<string, unknown>, ack: (answer: unknown) => void) => {
      const parsed = inputs.get(name)?.safeParse(input);
      if (parsed?.success !== true) breaches.push(`${name} ${JSON.stringify(input)}`);
      const said = { token, name, input };
      sent.push(said);
      const answered = answer(said, socket);
      if (answered !== undefined) ack(answered);
      look();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    io,
    sent,
    /** Calls that the contract does not allow; there must be none. */
    breaches,
    /** What came to the till's pages. */
    paid,
    of: (name: string) => sent.filter((s) => s.name === name),
    here: () => io.sockets.sockets.size,
    /** Waits for something to be so; looks whenever somebody comes, speaks or goes. */
    until: (until: () => boolean) =>
      new Promise<void>((resolve) => {
        waiting.push({ until, resolve });
        look();
      }),
    async close() {
      await io.close();
    },
  };
}
export type Stage = Awaited<ReturnType<typeof openStage>>;
