/* oxlint-disable no-async-endpoint-handlers -- Express 5 hands a rejected promise to the error handler by itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Request, type Response, Router } from 'express';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { createApi } from './api.ts';
import { openBooks } from './books.ts';
import { createDelivery } from './deliver.ts';
import { nowherePage, sessionPage } from './page.ts';
import { type CardNumber, cards, type Delays, type Locale, locales, pass, press, type Session } from './session.ts';

export interface TillNeeds {
  /**
   * Where shoppers find the till. A path (`/till`) when it is served by the shop's own host: then a phone in the same room
   * finds it too. Asked at every call, because a port may be free to choose.
   */
  publicUrl: () => string;
  /** What shops present to the API. */
  apiKey: string;
  /** Webhooks are signed with each of these: two, while one is being replaced. */
  webhookSecrets: readonly [string, ...string[]];
  webhookUrl: () => string;
  /** Where it remembers everything over a restart; null for a till that need not. One till alone may write a file. */
  journalFile: string | null;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Whom the shopper pays, and the address that the till shows as its own. */
  shop?: string;
  host?: string;
  delays?: Partial<Delays & { retryMs: number }>;
  sessionsMax?: number;
  /** Where the faces of the pages are; without one, those of the built client. */
  fontsDir?: string;
}

export interface Till {
  /** Pages at `/pay/<session>`, the API at `/v1`. For an Express app of its own, or one that it is mounted in. */
  router: Router;
  /** Lets happen what is due: banks answer, sessions end, webhooks go out. Resolves when those are answered. */
  look(): Promise<void>;
  /** Looks by itself from now on. */
  start(): void;
  stop(): Promise<void>;
}

const delaysDefault = { slowMs: 20_000, lateMs: 8_000, refundMs: 2_000, retryMs: 500 };
/** How often the till looks what is due: shorter than anybody's patience, longer than a look takes. */
const lookMs = 100;
/** A form with one card. */
const formBytesMax = 1_024;

const assetsDir = fileURLToPath(new URL('./assets', import.meta.url));
/** The faces are those of the built client; without them the till falls back to the system's. */
const builtFontsDir = fileURLToPath(new URL('../../../client/dist/assets', import.meta.url));
/** The build puts a hash behind a name; the till's own style names them without. */
const FONT = /^([a-z0-9-]+?)(?:-[\w-]{8})?\.woff2$/;
const assetTypes: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
};

/** All that the pages load, read once: a request can only ever reach what was there at the start. */
function readAssets(fontsDir: string): Map<string, { type: string; bytes: Buffer }> {
  const assets = new Map<string, { type: string; bytes: Buffer }>();
  const add = (dir: string, nameOf: (name: string) => string | undefined) => {
    for (const file of readdirSync(dir)) {
      const name = nameOf(file);
      const type = assetTypes[/\.(\w+)$/.exec(file)?.[1] ?? ''];
      if (name !== undefined && type !== undefined) assets.set(name, { type, bytes: readFileSync(join(dir, file)) });
    }
  };
  add(assetsDir, (name) => name);
  try {
    add(fontsDir, (name) => {
      const font = FONT.exec(name)?.[1];
      return font === undefined ? undefined : `fonts/${font}.woff2`;
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return assets;
}

/** Everything on a page is the till's own; it may send a form to itself and its shopper back to the shop. */
function contentSecurity(returnUrl: string | null): string {
  const back = returnUrl !== null && URL.canParse(returnUrl) ? ` ${new URL(returnUrl).origin}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    `form-action 'self'${back}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function localeOf(request: Request, session: Session | undefined): Locale {
  const asked = new URLSearchParams(request.url.split('?', 2)[1] ?? '').get('lang');
  const known = locales.find((locale) => locale === asked);
  if (known !== undefined) return known;
  if (session?.locale) return session.locale;
  const spoken = request.acceptsLanguages([...locales]);
  return locales.find((locale) => locale === spoken) ?? 'en';
}

/**
 * The Copper Till: a payment provider of its own, reached over HTTP like any other, in which every way a payment can go
 * may be chosen by its test card. For rehearsals and tests; no money moves.
 */
export async function createTill(needs: TillNeeds): Promise<Till> {
  const { clock, random, logger, shop = 'Elevens', host = 'pay.coppertill.example' } = needs;
  const { retryMs, ...delays } = { ...delaysDefault, ...needs.delays };
  const deliver = createDelivery({ webhookUrl: needs.webhookUrl, secrets: needs.webhookSecrets, clock, logger });
  const books = await openBooks({
    journalFile: needs.journalFile,
    clock,
    random,
    logger,
    deliver,
    retryMs,
    ...(needs.sessionsMax === undefined ? {} : { sessionsMax: needs.sessionsMax }),
  });
  const assets = readAssets(needs.fontsDir ?? builtFontsDir);
  /** The path of the till, as browsers see it: something in front may add to what arrives here. */
  function base(): string {
    const url = needs.publicUrl();
    return (URL.canParse(url) ? new URL(url).pathname : url).replace(/\/$/, '');
  }
  const router = Router();

  router.use((_request, response, next) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('X-Frame-Options', 'DENY');
    // The address of a session is its key: it is told to nobody.
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Content-Security-Policy', contentSecurity(null));
    next();
  });

  router.use('/v1', createApi({ books, apiKey: needs.apiKey, publicUrl: needs.publicUrl, delays }));

  router.get(/^\/assets\/([\w./-]+)$/, (request, response, next) => {
    const asset = assets.get(String(request.params[0]));
    if (asset === undefined) return next();
    response.setHeader('Cache-Control', 'public, max-age=3600');
    response.setHeader('Content-Type', asset.type);
    response.send(asset.bytes);
  });

  /** The session of a page, brought up to this moment; without one the page says so. */
  function sessionOf(request: Request<{ id: string }>, response: Response): Session | undefined {
    response.setHeader('Cache-Control', 'no-store');
    const session = books.get(request.params.id);
    if (session === undefined) {
      const page = nowherePage({ locale: localeOf(request, undefined), host, base: base() });
      response.status(404).type('html').send(page);
      return undefined;
    }
    if (pass(session, books.moment())) books.save(session);
    response.setHeader('Content-Security-Policy', contentSecurity(session.returnUrl));
    return session;
  }

  router.get('/pay/:id', async (request, response) => {
    const session = sessionOf(request, response);
    if (session === undefined) return;
    await books.durable();
    const { nowMs } = books.moment();
    const page = sessionPage({ session, locale: localeOf(request, session), nowMs, shop, host, base: base(), delays });
    response.type('html').send(page);
  });

  router.get('/pay/:id/state', async (request, response) => {
    const session = sessionOf(request, response);
    if (session === undefined) return;
    await books.durable();
    response.json({ status: session.status });
  });

  router.post('/pay/:id', express.urlencoded({ extended: false, limit: formBytesMax }), async (request, response) => {
    const session = sessionOf(request as Request<{ id: string }>, response);
    if (session === undefined) return;
    const number = String((request.body as { card?: unknown } | undefined)?.card);
    if (!Object.hasOwn(cards, number)) {
      response.status(400).json({ error: { code: 'unknown-card' } });
      return;
    }
    press(session, number as CardNumber, delays, books.moment());
    books.save(session);
    await books.durable();
    if (request.accepts(['html', 'json']) === 'json') response.json({ status: session.status });
    else response.redirect(303, `${base()}/pay/${session.id}?lang=${localeOf(request, session)}`);
  });

  router.use((request, response) => {
    response
      .status(404)
      .type('html')
      .send(nowherePage({ locale: localeOf(request, undefined), host, base: base() }));
  });

  let timer: NodeJS.Timeout | undefined;
  const looks = new Set<Promise<void>>();
  return {
    router,
    look: () => books.look(),
    start() {
      timer = setInterval(() => {
        // A webhook that is slow to be answered holds up no other, so looks may overlap: each sends what no other sends.
        const look = books
          .look()
          .catch((error: unknown) => logger.error({ error: String(error) }, 'the till could not look after its books'))
          .finally(() => looks.delete(look));
        looks.add(look);
      }, lookMs);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(looks);
      await books.close();
    },
  };
}
