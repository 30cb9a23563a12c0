// npm run load -- smoke [--short] [--shoppers N] [--url URL [--link CODE]] [--plant oversell] [--json FILE]
//
// Sends shoppers through a whole evening (loadtest/journeys/evening.ts, by k6), against a server of its own or one that
// runs already on this machine, and fails where a budget (loadtest/budgets.ts) or a conservation law does not hold.
import { parseArgs } from 'node:util';

const usage =
  'Usage: npm run load -- smoke [--short] [--shoppers N] [--url URL [--link CODE]] [--plant oversell] [--json FILE]';

/** Load is for one's own machine: sent anywhere else it is an attack, or looks like one. */
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function refuse(words) {
  console.error(`${words}\n${usage}`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        short: { type: 'boolean', default: false },
        shoppers: { type: 'string' },
        url: { type: 'string' },
        link: { type: 'string' },
        plant: { type: 'string' },
        json: { type: 'string' },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { positionals, values } = read();
if (positionals.length !== 1 || positionals[0] !== 'smoke') refuse('There is one load: smoke.');
if (values.url !== undefined) {
  if (!URL.canParse(values.url) || !/^https?:$/.test(new URL(values.url).protocol))
    refuse('--url must be an http address.');
  if (!loopback.test(new URL(values.url).hostname)) refuse('--url must be this machine (127.0.0.1, ::1 or localhost).');
}
if (values.shoppers !== undefined && !/^[1-9]\d{0,3}$/.test(values.shoppers)) refuse('--shoppers must be 1 to 9999.');
if (values.plant !== undefined && values.plant !== 'oversell') refuse('There is one thing to plant: oversell.');
if (values.plant !== undefined && values.url !== undefined)
  refuse('An oversell is planted only in a server of our own.');
if (values.link !== undefined && values.url === undefined) refuse('--link belongs to --url.');

// Children are told to end when this process is; a second signal ends it at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));

const { runSmoke } = await import('./smoke.ts');
process.exitCode = await runSmoke({
  short: values.short,
  url: values.url === undefined ? null : new URL(values.url).origin,
  link: values.link?.replace(/^.*#link=/, '') ?? null,
  shoppers: values.shoppers === undefined ? null : Number(values.shoppers),
  plant: values.plant === 'oversell' ? 'oversell' : null,
  jsonFile: values.json ?? null,
});
