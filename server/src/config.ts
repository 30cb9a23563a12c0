import { resolve } from 'node:path';
import { z } from 'zod';
import type { OriginRule } from './platform/http/origins.ts';
import type { LogLevel } from './platform/logger.ts';
import { type Durability, durabilityOf, replicasMax, replicasOf } from './platform/redis/durability.ts';

/** Everything that can be set, read once at the start. No other file reads the environment. */
export interface Config {
  /** NODE_ENV=production: nothing is on that only a rehearsal may have. */
  production: boolean;
  host: string;
  /** 0 takes a free port. */
  port: number;
  /** Served on loopback only; 0 takes a free port, null serves none. */
  metricsPort: number | null;
  dataDir: string;
  /** A Redis of the operator's own; null runs the embedded one. */
  redisUrl: string | null;
  /** What a Redis that hides its configuration cannot tell is vouched for by the operator. */
  redisVouched: boolean;
  /** The redis-server to run; null takes the one that set-up found. */
  redisServer: string | null;
  /** Fixed when a festival is created; a start with another number is refused. */
  partitions: number;
  workers: 1;
  durability: Durability;
  /** Whether ledgers are sealed into segments under the data folder. */
  ledgerSeal: boolean;
  tickMs: number;
  /** The first signs, all verify; null has the server make one and keep it in Redis. */
  tokenSecrets: readonly [string, ...string[]] | null;
  allowedOrigins: OriginRule;
  /** Where shoppers find this festival, for links that lead back to it from elsewhere; null: the page's own host. */
  publicUrl: string | null;
  /** The payment provider; null runs the demo's own till in this process, or takes no payments at all. */
  till: { url: string; apiKey: string; webhookSecrets: readonly [string, ...string[]] } | null;
  /** Proxies in front that may be believed about the caller's address; 0 believes the socket alone. */
  trustProxy: number;
  /** How long a node says that it is not ready before it sends its clients away. */
  drainMs: number;
  demo: boolean;
  demoCrowd: number;
  /** A festival file of the operator's own; null plays the demo's or continues what is kept. */
  festivalFile: string | null;
  logLevel: LogLevel;
}

/** The settings cannot be used. `problems` holds every one of them, worded; `message` lists them for the terminal. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Elevens cannot start with these settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Shorter secrets can be guessed offline from one token. */
const secretCharactersMin = 32;
/** A secret of one key held down is long and still no secret. */
const secretDistinctMin = 8;
/** Secrets that verify at once: the signing one and those being retired. */
const secretsMax = 8;
const originsMax = 64;
/** Slots are spread evenly up to far more; beyond this, a sum over all partitions costs more than a partition carries. */
const partitionsMax = 64;

function whole(min: number, max: number, unit = '') {
  const words = `must be a whole number from ${min} to ${max}${unit}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, words)
    .transform(Number)
    .refine((n) => n >= min && n <= max, words);
}

/** One until workers are there; more is refused rather than silently ignored. */
function oneOnly(what: string) {
  return whole(1, 1_024)
    .refine((n) => n === 1, `${what} comes with a later version: leave it out or set 1`)
    .transform(() => 1 as const);
}

const onOff = z
  .string()
  .regex(/^(1|0|on|off|true|false|yes|no)$/i, 'must be on or off')
  .transform((text) => /^(1|on|true|yes)$/i.test(text));

/** The parts of a comma-separated list, without white space and empty parts. */
function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const webAddress = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must read like https://shop.example',
  )
  .transform((text) => text.replace(/\/+$/, ''));

const durability = z.string().transform((text, context): Durability => {
  const level = durabilityOf(text);
  if (level !== null) return level;
  context.addIssue({
    code: 'custom',
    message: `must be fsync (what is acknowledged is on disk), replicas:N (N replicas have it, 1 to ${replicasMax}), fsync+replicas:N (both) or memory (rehearsals)`,
  });
  return z.NEVER;
});

const secrets = z.string().transform((text, context) => {
  const [first, ...rest] = listOf(text);
  const all = first === undefined ? [] : [first, ...rest];
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (all.some((secret) => secret.length < secretCharactersMin))
    return refuse(
      `every secret must have at least ${secretCharactersMin} characters; "openssl rand -base64 48" makes a good one`,
    );
  if (all.some((secret) => new Set(secret).size < secretDistinctMin))
    return refuse('a secret of so few different characters can be guessed; "openssl rand -base64 48" makes a good one');
  if (new Set(all).size !== all.length) return refuse('names one secret twice');
  if (all.length > secretsMax) return refuse(`at most ${secretsMax} secrets may verify at once`);
  return first === undefined ? refuse('is empty') : ([first, ...rest] as const);
});

function origins(production: boolean) {
  return z.string().transform((text, context): OriginRule => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    const all = listOf(text);
    if (all.length > originsMax) return refuse(`at most ${originsMax} origins may be listed`);
    if (all.includes('*')) {
      if (production) return refuse('* lets every website call this server: list the origins of your own pages');
      if (all.length > 1) return refuse('* stands for every origin, so nothing may stand beside it');
      return { kind: 'any' };
    }
    for (const origin of all) {
      const url = URL.canParse(origin) ? new URL(origin) : null;
      if (url === null || !/^https?:$/.test(url.protocol) || url.origin !== origin.toLowerCase())
        return refuse(`"${origin}" is no origin: write it like https://shop.example or http://localhost:5173`);
    }
    if (all.length === 0) return refuse('is empty');
    return { kind: 'listed', origins: all.map((origin) => origin.toLowerCase()) };
  });
}

/** In production some settings have no default, so that none of them can be forgotten. */
function schemaFor(production: boolean) {
  const needed = (words: string) => ({ error: `must be set in production: ${words}` });
  return z.object({
    HOST: z
      .string()
      .regex(/^[\w.:-]{1,253}$/, 'must be an address or host name of this machine, such as 127.0.0.1 or 0.0.0.0')
      .default('127.0.0.1'),
    PORT: whole(0, 65_535).default(3_000),
    METRICS_PORT: z
      .union([z.literal('off').transform(() => null), whole(0, 65_535)], {
        error: 'must be a whole number from 0 to 65535, or off',
      })
      .default(9_464),
    DATA_DIR: z.string().max(1_000).default('data'),
    REDIS_URL: z
      .string()
      .refine(
        (text) => URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol),
        'must read like redis://host:6379 or rediss://name:password@host:6379',
      )
      .optional(),
    REDIS_CLUSTER: z
      .string()
      .refine(() => false, 'Redis Cluster comes with a later version: point REDIS_URL at one master, or leave both out')
      .optional(),
    REDIS_VOUCHED: onOff.default(false),
    REDIS_SERVER: z.string().max(1_000).optional(),
    PARTITIONS: whole(1, partitionsMax).default(1),
    WORKERS: oneOnly('more than one process behind a port').default(1),
    DURABILITY: durability.default('fsync'),
    LEDGER_SEAL: onOff.default(true),
    LEDGER_KEPT: z
      .string()
      .refine(
        () => false,
        'taking sealed lines of the ledger out of Redis comes with a later version: leave it out, and all of the ledger stays in Redis',
      )
      .optional(),
    TICK_MS: whole(10, 1_000, ' milliseconds').default(50),
    TOKEN_SECRET: production
      ? z.string(needed('tokens are signed with it; "openssl rand -base64 48" makes one')).pipe(secrets)
      : secrets.optional(),
    ALLOWED_ORIGINS: production
      ? z.string(needed('the origins of your own pages, such as https://shop.example')).pipe(origins(true))
      : origins(false).default({ kind: 'same-host' }),
    PUBLIC_URL: webAddress.optional(),
    TILL_URL: webAddress.optional(),
    TILL_API_KEY: z.string().min(16, 'must have at least 16 characters').max(500).optional(),
    TILL_WEBHOOK_SECRETS: secrets.optional(),
    TRUST_PROXY: whole(0, 16, ' proxies').default(0),
    DRAIN_MS: whole(0, 60_000, ' milliseconds').default(1_000),
    DEMO: onOff.default(!production),
    DEMO_CROWD: whole(0, 200, ' shoppers').default(12),
    FESTIVAL: z.string().max(1_000).optional(),
    LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'], {
        error: 'must be one of debug, info, warn, error, silent',
      })
      .default('info'),
  });
}

/** Settings whose value is never repeated in a problem: it would end up in somebody's log. */
const secretSettings = new Set(['TOKEN_SECRET', 'REDIS_URL', 'TILL_API_KEY', 'TILL_WEBHOOK_SECRETS']);

/** A provider needs all of its settings, and a way back for those who have paid. */
function tillOf(read: z.output<ReturnType<typeof schemaFor>>): Config['till'] {
  const { TILL_URL: url, TILL_API_KEY: apiKey, TILL_WEBHOOK_SECRETS: webhookSecrets, PUBLIC_URL: publicUrl } = read;
  if (url === undefined && apiKey === undefined && webhookSecrets === undefined) return null;
  const needed = { TILL_URL: url, TILL_API_KEY: apiKey, TILL_WEBHOOK_SECRETS: webhookSecrets, PUBLIC_URL: publicUrl };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (url === undefined || apiKey === undefined || webhookSecrets === undefined || publicUrl === undefined)
    throw new ConfigError([`TILL_URL: a payment provider needs ${missing.join(', ')} as well`]);
  return { url, apiKey, webhookSecrets };
}

/**
 * Reads the settings. An empty value counts as not set, because that is how shells and compose files leave one out.
 * Throws a ConfigError that lists every problem at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const production = given['NODE_ENV'] === 'production';
  const parsed = schemaFor(production).safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => {
        const name = String(issue.path[0]);
        const value = given[name];
        const shown = value === undefined || secretSettings.has(name) ? '' : ` (it is "${value.slice(0, 80)}")`;
        return `${name}: ${issue.message}${shown}`;
      }),
    );
  }
  const read = parsed.data;
  if (replicasOf(read.DURABILITY) > 0 && read.REDIS_URL === undefined) {
    throw new ConfigError([
      `DURABILITY: the embedded Redis has no replicas, so ${read.DURABILITY} needs a Redis of your own: set REDIS_URL, or choose fsync`,
    ]);
  }
  return {
    production,
    host: read.HOST,
    port: read.PORT,
    metricsPort: read.METRICS_PORT,
    dataDir: resolve(read.DATA_DIR),
    redisUrl: read.REDIS_URL ?? null,
    redisVouched: read.REDIS_VOUCHED,
    redisServer: read.REDIS_SERVER ?? null,
    partitions: read.PARTITIONS,
    workers: read.WORKERS,
    durability: read.DURABILITY,
    ledgerSeal: read.LEDGER_SEAL,
    tickMs: read.TICK_MS,
    tokenSecrets: read.TOKEN_SECRET ?? null,
    allowedOrigins: read.ALLOWED_ORIGINS,
    publicUrl: read.PUBLIC_URL ?? null,
    till: tillOf(read),
    trustProxy: read.TRUST_PROXY,
    drainMs: read.DRAIN_MS,
    demo: read.DEMO,
    demoCrowd: read.DEMO_CROWD,
    festivalFile: read.FESTIVAL === undefined ? null : resolve(read.FESTIVAL),
    logLevel: read.LOG_LEVEL,
  };
}
