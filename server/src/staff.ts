import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { displayNameSchema, localeSchema } from '@elevens/shared/src/identity/contract.ts';
import { recordIdSchema } from '@elevens/shared/src/ids.ts';
import { z } from 'zod';
import { readFestivalFile } from './capabilities/catalogue/index.ts';
import { createStaffOffice, type Staff } from './capabilities/identity/index.ts';
import { type Config, readConfig } from './config.ts';
import { createClock, disciplineClock } from './platform/clock.ts';
import { createPasswords } from './platform/identity/passwords.ts';
import { createLogger, type Logger } from './platform/logger.ts';
import { createRandom, type Random } from './platform/random.ts';
import { openConnections, type RedisTarget } from './platform/redis/connections.ts';
import { readEmbeddedConnection, startEmbeddedRedis } from './platform/redis/embedded.ts';
import { createKeyspace } from './platform/redis/keyspace.ts';
import { redisBinary } from './platform/redis/redis-binary.ts';

const usage = `Makes, changes and removes the accounts of operators, hosts and brands.

  npm run staff -- add <name> --role operator
  npm run staff -- add <name> --role host
  npm run staff -- add <name> --role brand --brand <brand id>
      --display <text>   the name others see (as <name> if left out)
      --locale <en|zh|nl|vi>
  npm run staff -- remove <name>

The password is asked for, or read from the first line of standard input. Run it with the settings of the server
(REDIS_URL or DATA_DIR, FESTIVAL); the server may be running or not. Changing an account signs it out everywhere.`;

/** Long enough that 20 tries an hour, which the lock leaves, never get anywhere. */
const passwordCharactersMin = 12;
/** As many as signing in accepts. */
const passwordCharactersMax = 200;

/** Something a person has to mend; shown without a stack. */
class Refusal extends Error {}

const accountSchema = z
  .object({
    name: z.string(),
    role: z.enum(['operator', 'host', 'brand'], { error: '--role must be operator, host or brand' }),
    brand: recordIdSchema.optional(),
    display: displayNameSchema.optional(),
    locale: localeSchema.default('en'),
  })
  .refine(({ role, brand }) => (role === 'brand') === (brand !== undefined), {
    error: '--brand belongs to --role brand, and to no other',
  });

/** Standard input up to its first line break; typed letters are not shown on a terminal. */
async function readPassword(): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) {
    stderr.write('Password: ');
    stdin.setRawMode(true);
  }
  stdin.setEncoding('utf8');
  let typed = '';
  try {
    for await (const part of stdin as AsyncIterable<string>) {
      for (const letter of part) {
        if (letter === '\n' || letter === '\r' || letter === '\u0004') return typed;
        if (letter === '\u0003') throw new Refusal('Nothing was changed.');
        if (letter === '\u007F' || letter === '\b') typed = typed.replace(/.$/su, '');
        else typed += letter;
        if (typed.length > passwordCharactersMax) throw new Refusal(`At most ${passwordCharactersMax} characters.`);
      }
    }
    return typed;
  } finally {
    if (stdin.isTTY) {
      stdin.setRawMode(false);
      stderr.write('\n');
    }
  }
}

/** The Redis of a running server, the operator's own, or the embedded one started for the length of this command. */
async function openRedis(config: Config, { logger, random }: { logger: Logger; random: Random }) {
  const clock = createClock();
  const open = (target: RedisTarget) =>
    openConnections(target, {
      logger,
      onReady: (hot) => disciplineClock(clock, () => hot.time() as Promise<[number, number]>),
      onDown: () => {},
    });
  if (config.redisUrl !== null) return { clock, connections: await open({ url: config.redisUrl }), embedded: null };
  const running = readEmbeddedConnection(config.dataDir);
  if (running !== null) {
    try {
      const connections = await open({ ...running.connection, password: running.password });
      return { clock, connections, embedded: null };
    } catch {
      // The note was left behind by a server that was killed: nothing runs there.
    }
  }
  const embedded = await startEmbeddedRedis({
    dataDir: config.dataDir,
    binary: config.redisServer ?? redisBinary(),
    logger,
    randomToken: () => random.token(24),
  });
  return { clock, connections: await open({ ...embedded.connection, password: embedded.password }), embedded };
}

async function main(): Promise<string> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      role: { type: 'string' },
      brand: { type: 'string' },
      display: { type: 'string' },
      locale: { type: 'string' },
    },
  });
  const [what, name, ...more] = positionals;
  if (name === undefined || more.length > 0 || (what !== 'add' && what !== 'remove')) throw new Refusal(usage);

  let account: (Omit<Staff, 'demo'> & { password: string }) | null = null;
  if (what === 'add') {
    const parsed = accountSchema.safeParse({ name, ...values });
    if (!parsed.success) {
      const lines = parsed.error.issues.map(({ path, message }) =>
        path.length === 0 ? message : `--${path.join('.')}: ${message}`,
      );
      throw new Refusal(`${lines.join('\n')}\n\n${usage}`);
    }
    const { role, brand, display, locale } = parsed.data;
    const password = await readPassword();
    if (password.length < passwordCharactersMin)
      throw new Refusal(`The password must have at least ${passwordCharactersMin} characters.`);
    account = {
      name,
      displayName: display ?? name.slice(0, 24),
      locale,
      roles: ['shopper', role],
      brandId: brand ?? null,
      password,
    };
  }

  const config = readConfig();
  const logger = createLogger('error');
  const random = createRandom();
  const festivalFile = config.festivalFile ?? fileURLToPath(new URL('../festivals/demo.json', import.meta.url));
  const { festival } = await readFestivalFile(festivalFile);
  const { clock, connections, embedded } = await openRedis(config, { logger, random });
  try {
    const office = createStaffOffice({
      redis: connections.hot,
      keys: createKeyspace({ festival: festival.id, partitions: config.partitions }),
      clock,
      passwords: createPasswords({ random }),
    });
    if (account === null) {
      if (!(await office.remove(name))) throw new Refusal(`There is no account "${name}".`);
      return `${name} is removed from ${festival.id} and signed out.`;
    }
    const { password, ...staff } = account;
    await office.save(staff, password);
    return `${name} may sign in to ${festival.id} as ${staff.roles.at(-1)}.`;
  } finally {
    await connections.close();
    await embedded?.stop();
  }
}

try {
  process.stdout.write(`${await main()}\n`);
  // Standard input of a terminal would keep the process waiting for more.
  process.exit(0);
} catch (error) {
  const worded =
    error instanceof Error && (error instanceof Refusal || error instanceof RangeError || error.name === 'ConfigError');
  const unknownOption = error instanceof TypeError && 'code' in error;
  process.stderr.write(
    `${worded || unknownOption ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
