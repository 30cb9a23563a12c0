import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { campaign } from '@elevens/shared/src/campaign/contract.ts';
import { catalogue as catalogueContract } from '@elevens/shared/src/catalogue/contract.ts';
import { festivalJsonSchema } from '@elevens/shared/src/catalogue/festival.ts';
import { clock as clockContract } from '@elevens/shared/src/clock/contract.ts';
import { contracts } from '@elevens/shared/src/contracts.ts';
import { control as controlContract } from '@elevens/shared/src/control/contract.ts';
import { deals as dealsContract } from '@elevens/shared/src/deals/contract.ts';
import { energy as energyContract } from '@elevens/shared/src/energy/contract.ts';
import { feeds as feedsContract } from '@elevens/shared/src/feeds/contract.ts';
import { identity as identityContract, localeSchema } from '@elevens/shared/src/identity/contract.ts';
import { live as liveContract } from '@elevens/shared/src/live/contract.ts';
import { orders as ordersContract } from '@elevens/shared/src/orders/contract.ts';
import { payments as paymentsContract } from '@elevens/shared/src/payments/contract.ts';
import { redpackets as redpacketsContract } from '@elevens/shared/src/redpackets/contract.ts';
import serverPackage from '../package.json' with { type: 'json' };
import { createCampaign } from './capabilities/campaign/index.ts';
import { createCatalogue, readFestivalFile } from './capabilities/catalogue/index.ts';
import { createControl } from './capabilities/control/index.ts';
import { createDeals, stockBalances } from './capabilities/deals/index.ts';
import { createEnergy } from './capabilities/energy/index.ts';
import { createIdentity } from './capabilities/identity/index.ts';
import { createLive } from './capabilities/live/index.ts';
import { createMoney, createSealing } from './capabilities/money/index.ts';
import { createOrders } from './capabilities/orders/index.ts';
import { createHttpProvider, createPayments } from './capabilities/payments/index.ts';
import { createRedPackets } from './capabilities/redpackets/index.ts';
import { type Config, ConfigError } from './config.ts';
import { createStallholders } from './demo/stallholders.ts';
import { startCrowd } from './demo/start-crowd.ts';
import { createChores } from './platform/chores.ts';
import { createClock, disciplineClock } from './platform/clock.ts';
import { createFeeds } from './platform/feeds.ts';
import { createGateway } from './platform/gateway.ts';
import { addressOf } from './platform/http/address.ts';
import { createHttpApp, httpServerOptions } from './platform/http/app.ts';
import { originAllowed } from './platform/http/origins.ts';
import { createPasswords } from './platform/identity/passwords.ts';
import { keptSecret } from './platform/identity/secrets.ts';
import { createTokens } from './platform/identity/tokens.ts';
import { createSayOnce, type Logger } from './platform/logger.ts';
import { createMetrics, serveMetrics } from './platform/metrics.ts';
import { createNodeFacts } from './platform/node-facts.ts';
import { createRandom } from './platform/random.ts';
import { createSockets } from './platform/realtime/sockets.ts';
import { createTick } from './platform/realtime/tick.ts';
import { createConfirmation } from './platform/redis/confirmation.ts';
import { openConnections, type RedisTarget } from './platform/redis/connections.ts';
import { checkDurability, replicasOf } from './platform/redis/durability.ts';
import { startEmbeddedRedis } from './platform/redis/embedded.ts';
import { createKeyspace } from './platform/redis/keyspace.ts';
import { openObjectStore } from './platform/redis/object-store.ts';
import { fixPartitions } from './platform/redis/partitions.ts';
import { redisBinary } from './platform/redis/redis-binary.ts';
import { createRelay } from './platform/relay.ts';
import { createTill } from './till/till.ts';

const demoFestival = fileURLToPath(new URL('../festivals/demo.json', import.meta.url));
const clientDir = fileURLToPath(new URL('../../client/dist', import.meta.url));

/** Entries of a log kept in a node's memory, so that ten thousand who come back together cost Redis one read. */
const recentMax = 500;
/** Beyond this, what the clock decides could differ between nodes (CONSISTENCY.md 30). */
const clockErrorMaxMs = 20;
/** Calls in flight get this long to finish when the node drains. */
const finishMaxMs = 5_000;

export interface Festival {
  url: string;
  metricsUrl: string | null;
  /** One-click links of the demo. */
  links: { label: string; path: string }[];
  /** Not ready, no new connections, what is in flight finishes, clients are told when to come back, all is closed. */
  drain(): Promise<void>;
}

/** A port that somebody else has is mended by a setting, so it is told as one. */
function portTrouble(setting: 'PORT' | 'METRICS_PORT', port: number, error: unknown): unknown {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!taken) return error;
  return new ConfigError([
    `${setting}: port ${port} is already in use: stop what listens there, or set ${setting} to another port (0 takes a free one)`,
  ]);
}

/** Builds the whole server from its settings and starts it. The only place that constructs things. */
export async function compose({ config, logger }: { config: Config; logger: Logger }): Promise<Festival> {
  const festivalFile = config.festivalFile ?? (config.demo ? demoFestival : null);
  if (festivalFile === null)
    throw new ConfigError(['FESTIVAL: name a festival file (docs/FESTIVAL.md), or set DEMO=on for the demo']);
  const authored = await readFestivalFile(festivalFile);

  const clock = createClock();
  const random = createRandom();
  const metrics = createMetrics();
  const chores = createChores(logger);
  const sayOnce = createSayOnce(logger, clock);
  const nodeName = `${hostname().slice(0, 24)}-${random.token(3)}`;
  const keys = createKeyspace({ festival: authored.festival.id, partitions: config.partitions });
  let draining = false;

  // --- Redis: our own child, or the operator's; checked at every connect against what we promise.
  const embedded =
    config.redisUrl === null
      ? await startEmbeddedRedis({
          dataDir: config.dataDir,
          binary: config.redisServer ?? redisBinary(),
          logger,
          randomToken: () => random.token(24),
          onCrash: (how) =>
            logger.error(
              { how },
              'the embedded Redis ended; it is being restarted and the festival is degraded meanwhile',
            ),
        })
      : null;
  const target: RedisTarget =
    embedded === null ? { url: config.redisUrl ?? '' } : { ...embedded.connection, password: embedded.password };
  const { metricsPort } = config;
  const metricsServer =
    metricsPort === null
      ? null
      : await serveMetrics(metrics.registry, metricsPort).catch((error: unknown) => {
          throw portTrouble('METRICS_PORT', metricsPort, error);
        });
  const onBack: (() => void)[] = [];
  const redisConnections = await openConnections(target, {
    logger,
    async onReady(hot, again) {
      await checkDurability(hot, config.durability, config.redisVouched);
      await disciplineClock(clock, () => hot.time() as Promise<[number, number]>);
      if (again) for (const back of onBack) back();
    },
    onDown: () => logger.warn({}, 'Redis is away'),
    waits: replicasOf(config.durability) > 0,
  });
  const { hot: redis, subscriber, waiter } = redisConnections;
  const fixedPartitions = await fixPartitions(redis, keys);
  if (fixedPartitions !== config.partitions) {
    throw new ConfigError([
      `PARTITIONS: the festival ${keys.festival} was created with ${fixedPartitions} and is started with ${config.partitions}: set PARTITIONS=${fixedPartitions}, or play under another festival id`,
    ]);
  }
  const confirmation =
    waiter === null
      ? null
      : createConfirmation({
          waiter,
          replicas: replicasOf(config.durability),
          key: keys.desk.confirmed,
          logger,
          onDegraded: metrics.degraded,
        });
  const objects = await openObjectStore(target, { logger });

  // --- Platform: the door for commands, the feeds, the tick that writes them, the relay between tags.
  const gateway = createGateway({
    clock,
    random,
    logger,
    metrics,
    checkReplies: !config.production,
    mayChange: redisConnections.up,
    confirmation,
  });
  const tick = createTick({
    tickMs: config.tickMs,
    clock,
    metrics: metrics.tick,
    logger,
    onBehind: (socket, room) => feeds.behind(socket, room),
    recentMax,
  });
  const feeds = createFeeds({
    redis,
    subscriber,
    tick,
    clock,
    random,
    logger,
    isPerson: (socket) => !sockets.connectionOf(socket).person?.simulated,
    confirmation,
  });
  const relay = createRelay({ redis, logger, confirmation });

  // --- Capabilities: one line each to make it, one to serve it.
  const tokens = await createTokens({
    secrets: config.tokenSecrets ?? [await keptSecret(redis, keys.people.secrets, random)],
    festival: keys.festival,
    clock,
  });
  const identity = createIdentity({
    redis,
    subscriber,
    keys,
    clock,
    random,
    logger,
    tokens,
    passwords: createPasswords({ random }),
    demo: config.demo,
  });
  identity.onRevoked((personId) => sockets.closePerson(personId, 'revoked'));
  await identity.start();
  const catalogue = createCatalogue({ redis, subscriber, objects, keys, clock, random, logger, feeds });
  await catalogue.load(authored);
  const deals = createDeals({ redis, keys, clock, random, logger, metrics, feeds, relay, catalogue });
  // The till of the demo is another house under our roof: it is spoken to over HTTP like any payment provider.
  let url = '';
  const ownTill =
    config.till === null && config.demo
      ? { url: '', apiKey: random.token(24), webhookSecrets: [random.token(24)] as const }
      : null;
  const till =
    ownTill &&
    (await createTill({
      publicUrl: () => '/till',
      apiKey: ownTill.apiKey,
      webhookSecrets: ownTill.webhookSecrets,
      webhookUrl: () => `${url}/api/payments/webhook`,
      journalFile: join(config.dataDir, `till-${keys.festival}.jsonl`),
      clock,
      random,
      logger,
      shop: authored.festival.title,
    }));
  const tillSettings = config.till ?? ownTill;
  if (tillSettings === null)
    logger.warn(
      { setting: 'TILL_URL' },
      'no payment provider is set: orders can be placed, and none of them can be paid',
    );
  const provider = createHttpProvider({
    baseUrl: () => config.till?.url ?? `${url}/till`,
    apiKey: tillSettings?.apiKey ?? '',
    webhookSecrets: tillSettings?.webhookSecrets ?? [''],
  });
  const orders = createOrders({
    redis,
    keys,
    clock,
    random,
    logger,
    feeds,
    relay,
    catalogue,
    pools: deals.pools,
    provider: tillSettings === null ? null : provider,
    // Payments are made after the orders that they settle.
    askProvider: (paymentId) => payments.ask(paymentId),
    returnUrl: (paymentId) => `${config.till === null ? '' : (config.publicUrl ?? '')}/pay/${paymentId}`,
  });
  const payments = createPayments({
    redis,
    keys,
    clock,
    logger,
    provider,
    book: orders.book,
    mayChange: redisConnections.up,
  });
  const live = createLive({ redis, keys, clock, random, feeds, relay, catalogue, nodeName });
  const redpackets = createRedPackets({ redis, keys, clock, random, metrics, logger, feeds, relay, catalogue });
  const energy = createEnergy({ redis, keys, clock, logger, feeds, relay, catalogue });
  const money = createMoney({
    redis,
    keys,
    clock,
    usesPerShopper: (couponId) => catalogue.get('coupons', couponId)?.usesPerShopper,
  });
  const nodeFacts = createNodeFacts({ clock, tick, metrics, census: () => sockets.census(), draining: () => draining });
  const control = createControl({
    redis,
    keys,
    clock,
    random,
    logger,
    feeds,
    catalogue,
    deals,
    money,
    redpackets,
    energy,
    live,
    nodeName,
    nodeFacts,
    durability: config.durability,
  });

  confirmation?.onConfirmedLate(deals.restartClocks);

  gateway.serve(identityContract, identity.handlers);
  gateway.serve(clockContract, { now: async () => ({ ok: true, reply: { nowMs: clock.nowMs() } }) });
  gateway.serve(feedsContract, feeds.handlers);
  gateway.serve(catalogueContract, catalogue.handlers);
  gateway.serve(campaign, createCampaign({ catalogue, clock, demo: config.demo }).handlers);
  gateway.serve(dealsContract, deals.handlers);
  gateway.serve(ordersContract, orders.handlers);
  gateway.serve(paymentsContract, payments.handlers);
  gateway.serve(liveContract, live.handlers);
  gateway.serve(redpacketsContract, redpackets.handlers);
  gateway.serve(energyContract, energy.handlers);
  gateway.serve(controlContract, control.handlers);

  /** The demo's own shoppers speak all the languages of the storefront. */
  async function crowdTokens(count: number): Promise<string[]> {
    const locales = localeSchema.options;
    return Promise.all(
      Array.from(
        { length: count },
        async (_, i) => (await identity.crowdSession({ locale: locales[i % locales.length] ?? 'en' })).token,
      ),
    );
  }

  // --- The wire.
  async function readiness() {
    const failing: string[] = [];
    if (draining) failing.push('this node is draining');
    if (!redisConnections.up()) failing.push('Redis does not answer');
    if (subscriber.status !== 'ready') failing.push('the doorbells of Redis are not connected');
    if (clock.errorMs() > clockErrorMaxMs)
      failing.push(`the clock may be ${Math.ceil(clock.errorMs())} ms off, more than ${clockErrorMaxMs}`);
    return { ready: failing.length === 0, failing };
  }
  const http = createServer(
    httpServerOptions,
    createHttpApp({
      gateway,
      authenticate: identity.authenticate,
      contracts,
      config,
      readiness,
      clientDir,
      rawRoutes: tillSettings === null ? [] : [payments.webhook],
      sites: till === null ? [] : [{ path: '/till', handler: till.router }],
      documents: { 'festival.schema.json': festivalJsonSchema() },
      version: serverPackage.version,
      logger,
      random,
      metrics,
    }),
  );
  const sockets = createSockets({
    http,
    gateway,
    tick,
    clock,
    random,
    authenticate: identity.authenticate,
    originAllowed: (origin, host) => originAllowed(config.allowedOrigins, { origin, host }),
    addressOf: (request) => addressOf(request, config.trustProxy),
    onBadCaller: sayOnce,
    onLeave: (socket) => feeds.leaveAll(socket),
    onEnded: metrics.disconnected,
  });

  // --- Chores that any node may do.
  chores.every('stage deals', 1_000, deals.stage);
  // What could not be confirmed has not begun to run: nothing lapses until its shopper could be told of it.
  chores.every('lapse holds', 200, async () => {
    if (!confirmation?.degraded()) await deals.lapse();
  });
  chores.every('carry units of pools', 250, deals.sweepPools);
  chores.every('retire deals', 60_000, deals.retire);
  chores.every('stage coupons', 1_000, orders.stageCoupons);
  chores.every('end orders that are due', 200, orders.due);
  chores.every('settle what the till told', 1_000, payments.sweep);
  chores.every('ask the till', 1_000, payments.reconcile);
  if (config.demo) {
    const stallholders = createStallholders({ gateway, clock, brands: () => catalogue.all('brands') });
    chores.every('send what was paid', 5_000, stallholders.look);
  }
  chores.every('sweep drops', 1_000, redpackets.sweep);
  chores.every('look after rooms', 1_000, live.look);
  chores.every('discipline clock', 10_000, () =>
    disciplineClock(clock, () => redis.time() as Promise<[number, number]>),
  );
  chores.every('measure Redis', 1_000, async () => {
    const beganMs = clock.monotonicMs();
    await redis.ping();
    metrics.redis((clock.monotonicMs() - beganMs) / 1_000);
  });
  chores.every('wall', 1_000, control.look);
  if (config.ledgerSeal) {
    const { dataDir } = config;
    const sealing = createSealing({ redis, keys, clock, random, logger, dataDir, stock: stockBalances });
    chores.every('seal ledgers', 15_000, async () => {
      // What replicas have not confirmed may still be lost with its master, and a file would go on telling of it.
      if (!confirmation?.degraded()) await sealing.seal();
    });
  }
  onBack.push(
    () => feeds.reconnected(),
    deals.forgetStaged,
    orders.forgetStaged,
    () => void catalogue.catchUp().catch(() => {}),
  );

  await deals.stage();
  await orders.stageCoupons();
  await redpackets.sweep();
  tick.start();
  feeds.start();
  relay.start();

  await new Promise<void>((resolve, reject) => {
    http.once('error', (error) => reject(portTrouble('PORT', config.port, error)));
    http.listen(config.port, config.host, resolve);
  });
  const { port } = http.address() as AddressInfo;
  url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${port}`;
  const crowd =
    config.demo && config.demoCrowd > 0
      ? startCrowd({ url, tokens: await crowdTokens(config.demoCrowd), logger })
      : null;
  const links = (await identity.createDemoLinks(catalogue.all('brands'))).map(({ code, role, displayName }) => ({
    label: role === 'operator' ? 'control room' : displayName,
    path: `${role === 'operator' ? '/control-room' : '/'}#link=${code}`,
  }));
  till?.start();
  logger.info({ node: nodeName, festival: keys.festival, port }, 'ready');

  return {
    url,
    metricsUrl: metricsServer === null ? null : `http://127.0.0.1:${metricsServer.port}/metrics`,
    links,
    async drain() {
      draining = true;
      sockets.refuseNew();
      await crowd?.stop();
      // Whatever stands in front must see that this node is not ready before its clients are sent away.
      await pause(config.drainMs);
      // What is taken up from here on could be decided and its answer lost with the connection.
      gateway.refuseNew();
      for (let waitedMs = 0; gateway.inFlight() > 0 && waitedMs < finishMaxMs; waitedMs += 20) await pause(20);
      await tick.stop();
      await sockets.drain();
      await chores.stop();
      await payments.idle();
      await till?.stop();
      // With Redis away the wall forgets this node by itself; everything behind this still has to be closed.
      await control
        .leave()
        .catch((error: unknown) => logger.warn({ error: String(error) }, 'this node could not leave the wall'));
      feeds.stop();
      await relay.stop();
      await confirmation?.stop();
      await identity.stop();
      catalogue.stop();
      await metricsServer?.close();
      await objects.close();
      await redisConnections.close();
      await embedded?.stop();
    },
  };
}
