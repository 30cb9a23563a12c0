// The peer of the bench `claims`: plain Socket.IO and one EVALSHA a claim, as its users write it. Its shoppers are known by
// a token that was checked when they connected; a claim is looked at by hand and not by a schema.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { dealOf, evalsha, nodeCpuUs } from './claim-engines.mjs';
import { answerQuestions } from './processes.mjs';

const [url] = process.argv.slice(2);
const engine = await evalsha(url);
const http = createServer();
const io = new Server(http, { serveClient: false, transports: ['websocket'] });

io.use((socket, next) => {
  const { token } = socket.handshake.auth;
  if (typeof token !== 'string') return next(new Error('unauthenticated'));
  socket.data.shopperId = token;
  next();
});
io.on('connection', (socket) => {
  socket.on('deals:claim', async (input, ack) => {
    const line = input?.lines?.[0];
    if (typeof ack !== 'function' || typeof input.requestId !== 'string' || typeof line?.dealId !== 'string') return;
    if (!Number.isInteger(line.quantity) || line.quantity < 1) return;
    try {
      const outcome = await engine.claim({
        shopperId: socket.data.shopperId,
        requestId: input.requestId,
        inputHash: createHash('sha256').update(JSON.stringify(input.lines)).digest('base64url').slice(0, 16),
        holdId: `h0.${randomBytes(12).toString('base64url')}`,
        dealId: line.dealId,
        quantity: line.quantity,
      });
      ack(JSON.parse(outcome));
    } catch (error) {
      ack({ ok: false, fault: 'unknown', message: String(error) });
    }
  });
});

answerQuestions({
  listen: () =>
    new Promise((resolve) => {
      http.listen(0, '127.0.0.1', 4096, () => resolve({ port: http.address().port }));
    }),
  async stage({ dealId, total }) {
    await engine.stage(dealOf({ dealId, total, limit: 12 }));
    return {};
  },
  cpu: () => ({ cpuUs: nodeCpuUs() }),
  counts: ({ dealId }) => engine.counts(dealId),
});
