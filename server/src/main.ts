import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FestivalFileError, FestivalRefused } from './capabilities/catalogue/index.ts';
import { compose } from './compose.ts';
import { ConfigError, readConfig } from './config.ts';
import { createLogger } from './platform/logger.ts';
import { RedisUnreachable } from './platform/redis/connections.ts';
import { UnfitRedis } from './platform/redis/durability.ts';
import { isDataInUse } from './platform/redis/embedded.ts';

/** Longer than every step of a drain may take together, beside the wait that is set by DRAIN_MS. */
const drainStepsMaxMs = 25_000;

/** Errors that a person mends by doing what they say; anything else is shown with its stack. */
function isWorded(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    error instanceof UnfitRedis ||
    error instanceof RedisUnreachable ||
    error instanceof FestivalFileError ||
    error instanceof FestivalRefused ||
    isDataInUse(error) ||
    (error instanceof Error && 'code' in error && error.code === 'EACCES')
  );
}

function refuse(error: unknown): never {
  process.stderr.write(
    `\n${isWorded(error) ? error.message : error instanceof Error ? error.stack : String(error)}\n\n`,
  );
  process.exit(1);
}

try {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  const festival = await compose({ config, logger });

  let leaving = false;
  const leave = (signal: string) => {
    if (leaving) {
      // A second Ctrl-C means now. Redis keeps what was acknowledged, so nothing is lost by it.
      process.exit(130);
    }
    leaving = true;
    // Whatever holds a drain up, the process ends: what was acknowledged is in Redis.
    setTimeout(() => {
      logger.error({}, 'the drain took too long; leaving now');
      process.exit(1);
    }, config.drainMs + drainStepsMaxMs).unref();
    logger.info({ signal }, 'draining');
    festival.drain().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ error: String(error) }, 'drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  // A promise that nobody awaited is a bug; it is said loudly and costs nobody else their evening.
  process.on('unhandledRejection', (error) => {
    logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a rejection was not handled');
  });

  const clientBuilt = existsSync(fileURLToPath(new URL('../../client/dist/index.html', import.meta.url)));
  const lines = [
    `Elevens is live: ${festival.url}`,
    ...(clientBuilt ? [] : ['  (the client is not built: run "npm start", or "npm run dev" for one that reloads)']),
    `  API               ${festival.url}/api`,
    ...(festival.metricsUrl === null ? [] : [`  metrics           ${festival.metricsUrl}`]),
    ...festival.links.map(({ label, path }) => `  ${label.padEnd(17)} ${festival.url}${path}`),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
} catch (error) {
  refuse(error);
}
