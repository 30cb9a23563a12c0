import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type ServerOptions, type Socket } from 'socket.io';
import { type Socket as ClientSocket, io as connect, type ManagerOptions, type SocketOptions } from 'socket.io-client';
import { WebSocket } from 'ws';
import { type CutCode, createTick, defaultBounds, type Tick, type TickOptions } from './tick.ts';

/** A real Socket.IO server with a tick, on a free port of the loopback, for the tests of this folder. */
export async function startRig(options: { tick?: Partial<TickOptions>; server?: Partial<ServerOptions> } = {}) {
  const http = createServer();
  const io = new Server(http, { serveClient: false, pingInterval: 5_000, pingTimeout: 5_000, ...options.server });
  const counted = { deliveries: 0, writes: 0, bytes: 0, skippedViewers: 0, skippedState: 0, behind: 0 };
  const cuts: CutCode[] = [];
  const behind: { socket: Socket; room: string }[] = [];
  const logged: { fields: object; message: string }[] = [];
  const watchers = new Set<() => void>();
  const look = () => {
    for (const watcher of watchers) watcher();
  };
  const tick: Tick = createTick({
    tickMs: 5,
    clock: { monotonicMs: () => performance.now() },
    metrics: {
      ticked(sums) {
        for (const name of Object.keys(counted) as (keyof typeof counted)[]) counted[name] += sums[name];
        look();
      },
      swept: look,
      cutOff(code, sockets) {
        for (let i = 0; i < sockets; i++) cuts.push(code);
        look();
      },
    },
    logger: {
      warn: (fields, message) => logged.push({ fields, message }),
      error: (fields, message) => logged.push({ fields, message }),
    },
    onBehind(socket, room) {
      behind.push({ socket, room });
      look();
    },
    recentMax: 500,
    bounds: defaultBounds,
    ...options.tick,
  });
  const clients: ClientSocket[] = [];
  const raws: WebSocket[] = [];
  io.on('connection', (socket) => {
    tick.attach(socket);
    socket.on('disconnect', look);
    look();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  tick.start();

  return {
    io,
    tick,
    counted,
    cuts,
    behind,
    logged,
    port,

    /** Waits until this holds, looking again after every tick, sweep, connection and disconnection. */
    async until(holds: () => boolean): Promise<void> {
      if (holds()) return;
      await new Promise<void>((resolve) => {
        const watcher = () => {
          if (!holds()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
      });
    },

    /** A stock client, connected, and the server's side of it. */
    async client(
      clientOptions: Partial<ManagerOptions & SocketOptions> = { transports: ['websocket'] },
    ): Promise<{ client: ClientSocket; socket: Socket }> {
      const client = connect(`http://127.0.0.1:${port}`, { forceNew: true, reconnection: false, ...clientOptions });
      clients.push(client);
      await new Promise<void>((resolve, reject) => {
        client.on('connect', resolve);
        client.on('connect_error', reject);
      });
      const socket = io.sockets.sockets.get(client.id ?? '');
      if (socket === undefined) throw new Error('The server does not know the client.');
      return { client, socket };
    },

    /** A websocket to this address, open, closed again with the rig. */
    async websocket(url: string): Promise<WebSocket> {
      const ws = new WebSocket(url);
      raws.push(ws);
      await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject));
      return ws;
    },

    /** A bare websocket that says what it is told to; `ready` once the namespace has answered. */
    async raw(connectNamespace = true): Promise<{ ws: WebSocket; socket: Socket | undefined }> {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
      raws.push(ws);
      ws.on('error', () => {});
      let sid = '';
      await new Promise<void>((resolve, reject) => {
        ws.on('close', () => reject(new Error('The server closed the connection.')));
        ws.on('message', (data) => {
          const text = (data as Buffer).toString();
          if (text.startsWith('0')) {
            if (connectNamespace) ws.send('40');
            else resolve();
          } else if (text.startsWith('40')) {
            sid = (JSON.parse(text.slice(2)) as { sid: string }).sid;
            resolve();
          } else if (text === '2') ws.send('3');
        });
      });
      return { ws, socket: io.sockets.sockets.get(sid) };
    },

    async stop(): Promise<void> {
      await tick.stop();
      for (const client of clients) client.close();
      for (const ws of raws) ws.terminate();
      await io.close();
    },
  };
}

export type Rig = Awaited<ReturnType<typeof startRig>>;
