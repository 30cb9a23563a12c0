import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { z } from 'zod';
import { createClock } from '../platform/clock.ts';
import { createLogger } from '../platform/logger.ts';
import { createRandom } from '../platform/random.ts';
import { createTill } from './till.ts';

/**
 * The till as a process of its own, for several nodes that share one: `node server/src/till/main.ts settings.json`. The
 * settings come by a file, so that no secret stands on a command line. It prints its address when it is open.
 */
const settingsSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  /** Without one, the address it listens at. */
  publicUrl: z.string().optional(),
  apiKey: z.string().min(16),
  webhookSecrets: z.tuple([z.string().min(16)], z.string().min(16)),
  webhookUrl: z.url(),
  journalFile: z.string().nullable().default(null),
  shop: z.string().default('Elevens'),
  delays: z
    .strictObject({ slowMs: z.int().min(0), lateMs: z.int().min(0), refundMs: z.int().min(0), retryMs: z.int().min(1) })
    .partial()
    .default({}),
});

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Name the file with the settings: node server/src/till/main.ts settings.json\n');
  process.exit(2);
}
const read = settingsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
if (!read.success) {
  process.stderr.write(`The till cannot open with these settings:\n${z.prettifyError(read.error)}\n`);
  process.exit(2);
}
const settings = read.data;

const app = express();
app.disable('x-powered-by');
const http = createServer(app);
let url = '';
const till = await createTill({
  ...settings,
  delays: Object.fromEntries(Object.entries(settings.delays).filter(([, ms]) => ms !== undefined)),
  publicUrl: () => settings.publicUrl ?? url,
  webhookUrl: () => settings.webhookUrl,
  clock: createClock(),
  random: createRandom(),
  logger: createLogger('info'),
});
app.use(till.router);
await new Promise<void>((resolve, reject) => {
  http.once('error', reject);
  http.listen(settings.port, settings.host, resolve);
});
url = `http://${settings.host}:${(http.address() as AddressInfo).port}`;
till.start();
process.stdout.write(`The till is open: ${url}\n`);

function leave(): void {
  http.close();
  http.closeAllConnections();
  void till.stop().then(() => process.exit(0));
}
process.once('SIGTERM', leave);
process.once('SIGINT', leave);
