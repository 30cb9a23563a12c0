/* oxlint-disable no-async-endpoint-handlers -- Express 5 hands a rejected promise to the error handler by itself. */
import type { FaultAnswer, FaultCode } from '@elevens/shared/src/faults.ts';
import { faults } from '@elevens/shared/src/faults.ts';
import express, {
  type ErrorRequestHandler,
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import type { Person } from '../caller.ts';
import { Fault } from '../fault.ts';
import type { Answer, Gateway } from '../gateway.ts';
import type { Logger } from '../logger.ts';
import type { Random } from '../random.ts';
import { isRedisAway } from '../redis/scripts.ts';
import { addressOf } from './address.ts';
import { apiPage } from './api-page.ts';
import { openClientFiles } from './client-files.ts';
import { type Fonts, problemPage } from './look.ts';
import { describeApi, type NamedContract } from './openapi.ts';
import { type OriginRule, originAllowed } from './origins.ts';

export interface Readiness {
  ready: boolean;
  /** What is not, in words: "Redis does not answer". */
  failing: string[];
}

/**
 * A route for another house's machine: the body comes as the bytes that were sent, because a signature is over those.
 * There is no token and no origin to check; whoever handles it judges the sender by the signature.
 */
export interface RawRoute {
  path: string;
  bodyBytesMax: number;
  handle: (body: Buffer, header: (name: string) => string | undefined) => Promise<RawAnswer>;
}

export interface RawAnswer {
  status: number;
  answer: object;
}

export interface HttpNeeds {
  gateway: Pick<Gateway, 'call'>;
  authenticate: (
    token: string,
  ) => Promise<{ ok: true; person: Person } | { ok: false; reason: 'expired' | 'invalid' | 'revoked' }>;
  contracts: readonly NamedContract[];
  config: { allowedOrigins: OriginRule; trustProxy: number };
  readiness: () => Promise<Readiness>;
  /** The built client. */
  clientDir: string;
  /** Further documents under /api, by file name. */
  documents: Readonly<Record<string, object>>;
  /** Where other houses deliver what they have to tell. */
  rawRoutes?: readonly RawRoute[];
  /** Whole sites of their own that are served beside ours, such as the sandbox of the payment provider at `/till`. */
  sites?: readonly { path: string; handler: RequestHandler }[];
  /** Stands in the API's description. */
  version: string;
  logger: Logger;
  random: Random;
  metrics: { fault(code: FaultCode): void };
}

/** No command needs a larger body: the longest is a record of a few kilobytes. */
const bodyBytesMax = 16 * 1024;
/** A readiness check that takes longer is an answer in itself. */
const readinessMs = 2_000;
/** Browsers ask again whether they may call from another origin after this long. */
const preflightSeconds = 600;

/** For `http.createServer`: who sends a request's head or body slower than this holds a connection for nothing. */
export const httpServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  // Longer than the minute after which clients and proxies stop reusing a connection: a POST must not meet its end.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
} as const;

/** The storefront's own addresses; the page finds out by itself what to show there. */
const storefront =
  /^\/(?:mine|basket|(?:deals|live|packets)(?:\/[^/.]{1,80})?|pay\/y\d{1,3}\.[\w-]{8,40}|order\/o\d{1,3}\.[\w-]{8,40})?\/?$/;

const contentSecurity = {
  useDefaults: false,
  directives: {
    'default-src': ["'self'"],
    'script-src': ["'self'"],
    'script-src-attr': ["'none'"],
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    // Some browsers do not count a websocket to the same host as 'self'.
    'connect-src': ["'self'", 'ws:', 'wss:'],
    'font-src': ["'self'"],
    'object-src': ["'none'"],
    'base-uri': ["'self'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  },
};

/**
 * Everything that is HTTP: the commands, their description, the pages and the two questions of an orchestrator. There
 * are no cookies, so no other site's page can act in a visitor's name; origins are checked all the same.
 */
export function createHttpApp(needs: HttpNeeds): Express {
  const {
    gateway,
    authenticate,
    contracts,
    config,
    readiness,
    clientDir,
    documents,
    rawRoutes = [],
    sites = [],
    version,
    logger,
    random,
    metrics,
  } = needs;
  const client = openClientFiles(clientDir, logger);
  const fonts: Fonts = { sign: client.assetUrl('anybody-latin'), text: client.assetUrl('archivo-latin') };
  const commands = new Set(
    contracts.flatMap(({ name, commands: own }) => Object.keys(own).map((key) => `${name}:${key}`)),
  );
  const api = describeApi(contracts, { version });
  const apiText = JSON.stringify(api, null, 1);
  const apiHtml = apiPage(api, fonts);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  // Transport security is the business of whatever ends TLS in front; upgrading plain http would break a phone in the same room.
  app.use(helmet({ contentSecurityPolicy: contentSecurity, strictTransportSecurity: false }));

  function writeFault(response: Response, answer: FaultAnswer, status: number = faults[answer.fault].http): void {
    if (answer.retryAfterMs !== null)
      response.setHeader('Retry-After', String(Math.max(1, Math.ceil(answer.retryAfterMs / 1_000))));
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    response.status(status).json(answer);
  }
  /** A fault met before the gateway, which counts its own. */
  function answerFault(response: Response, answer: FaultAnswer, status?: number): void {
    metrics.fault(answer.fault);
    writeFault(response, answer, status);
  }
  const badInput = (message: string) => new Fault('bad-input', { problems: [{ path: '', message }] }).answer();

  function answerCall(response: Response, answer: Answer): void {
    if (answer.ok) response.status(200).json(answer.reply);
    else if ('why' in answer) response.status(409).json(answer);
    else writeFault(response, answer);
  }

  app.get('/healthz', (_request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    response.json({ ok: true });
  });

  app.get('/readyz', async (_request, response) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Readiness>((settle) => {
      timer = setTimeout(() => settle({ ready: false, failing: ['the check itself takes too long'] }), readinessMs);
    });
    const asked = readiness().catch((error: unknown) => {
      logger.error({ error: String(error) }, 'the readiness check failed');
      return { ready: false, failing: ['the check itself fails'] };
    });
    const state = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
    response.setHeader('Cache-Control', 'no-store');
    response.status(state.ready ? 200 : 503).json(state);
  });

  for (const { path, handler } of sites) app.use(path, handler);

  // --- what other houses deliver ---

  for (const { path, bodyBytesMax, handle } of rawRoutes) {
    app
      .route(path)
      // Compressed bodies are refused here too, and whatever type the sender names, its bytes stay as they are.
      .post(express.raw({ limit: bodyBytesMax, inflate: false, type: () => true }), async (request, response) => {
        response.setHeader('Cache-Control', 'no-store');
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        try {
          const { status, answer } = await handle(body, (name) => request.get(name));
          response.status(status).json(answer);
        } catch (error) {
          const fault = !(error instanceof Fault) && isRedisAway(error) ? new Fault('unavailable') : error;
          if (!(fault instanceof Fault)) throw error;
          answerFault(response, fault.answer());
        }
      })
      .all((_request, response) => {
        response.setHeader('Allow', 'POST');
        answerFault(response, badInput('this address takes POST alone'), 405);
      });
  }

  // --- the commands ---

  /** Who may ask from a web page, and what a page of another origin may read of the answer. */
  function checkOrigin(request: Request, response: Response, next: NextFunction): void {
    const { origin, host } = request.headers;
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Vary', 'Origin');
    if (!originAllowed(config.allowedOrigins, { origin, host })) {
      answerFault(response, new Fault('forbidden').answer());
      return;
    }
    if (origin !== undefined) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    }
    next();
  }

  /** Reads the token first: what a stranger with a bad one sends is not even parsed. */
  async function readToken(request: Request, response: Response, next: NextFunction): Promise<void> {
    const header = request.headers.authorization;
    response.locals['person'] = null;
    if (header === undefined) {
      next();
      return;
    }
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(header)?.[1];
    const who = token === undefined ? ({ ok: false, reason: 'invalid' } as const) : await authenticate(token);
    if (who.ok) {
      response.locals['person'] = who.person;
      next();
      return;
    }
    answerFault(response, new Fault('unauthenticated').answer());
  }

  function requireJson(request: Request, response: Response, next: NextFunction): void {
    // `false`: there is a body of another type. `null`: there is none, which stands for an empty object.
    if (request.is('application/json') === false) {
      answerFault(response, badInput('the body must be JSON: content-type: application/json'), 415);
    } else next();
  }
  // Compressed bodies are refused, so that 16 kB on the wire stay 16 kB in memory.
  const readJson = express.json({ limit: bodyBytesMax, strict: false, inflate: false, type: 'application/json' });

  function commandOf(request: Request): string {
    return `${String(request.params['capability'])}:${String(request.params['command'])}`;
  }

  app.get('/api/openapi.json', (_request, response) => {
    response.setHeader('Cache-Control', 'no-cache');
    response.type('application/json').send(apiText);
  });
  for (const [name, document] of Object.entries(documents)) {
    const text = JSON.stringify(document, null, 1);
    app.get(`/api/${name}`, (_request, response) => {
      response.setHeader('Cache-Control', 'no-cache');
      response.type('application/json').send(text);
    });
  }
  app.get('/api', (_request, response) => {
    response.setHeader('Cache-Control', 'no-cache');
    response.type('html').send(apiHtml);
  });

  app
    .route('/api/:capability/:command')
    .all(checkOrigin)
    .options((_request, response) => {
      response.setHeader('Allow', 'POST');
      response.setHeader('Access-Control-Allow-Methods', 'POST');
      response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type');
      response.setHeader('Access-Control-Max-Age', String(preflightSeconds));
      response.status(204).end();
    })
    .post(readToken, requireJson, readJson, async (request, response) => {
      const answer = await gateway.call({
        name: commandOf(request),
        input: request.body === undefined ? {} : (request.body as unknown),
        person: response.locals['person'] as Person | null,
        address: addressOf(request, config.trustProxy),
        socket: null,
      });
      answerCall(response, answer);
    })
    .all((request, response, next) => {
      if (!commands.has(commandOf(request))) {
        next();
        return;
      }
      response.setHeader('Allow', 'POST');
      answerFault(response, badInput('commands are called with POST'), 405);
    });

  app.use('/api', (_request, response) => answerFault(response, new Fault('not-found').answer()));

  // --- the pages ---

  async function sendPage(request: Request, response: Response, path: string): Promise<void> {
    if (client.has(path)) {
      await client.send(request, response, path);
      return;
    }
    const heading = 'The market is not set up yet';
    const words = 'The pages have not been built. Start the server with npm start, which builds them first.';
    response
      .status(503)
      .type('html')
      .send(problemPage({ status: 503, heading, words, fonts, wayOut: false }));
  }

  app.get(storefront, (request, response) => sendPage(request, response, '/index.html'));
  app.get(/^\/control-room\/?$/, (request, response) => sendPage(request, response, '/control-room.html'));
  app.get(/./, async (request, response, next) => {
    // Pages have their addresses above, without a suffix.
    if (client.has(request.path) && !request.path.endsWith('.html')) await client.send(request, response, request.path);
    else next();
  });

  app.use((_request, response) => {
    const heading = 'No stall here';
    const words =
      'This address leads nowhere in the market. It may have been mistyped, or what stood here has packed up.';
    response
      .status(404)
      .type('html')
      .send(problemPage({ status: 404, heading, words, fonts }));
  });

  /** What body parsing and routing refuse, by the words their errors carry; everything else is a bug of ours. */
  const onError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { type, status } = (typeof error === 'object' && error !== null ? error : {}) as {
      type?: unknown;
      status?: unknown;
    };
    const forApi = request.path.startsWith('/api');
    if (type === 'entity.too.large') {
      // What is still on its way is not read, so the connection cannot carry another request.
      response.setHeader('Connection', 'close');
      if (rawRoutes.some(({ path }) => path === request.path))
        logger.warn({ audit: 'delivery-too-large', path: request.path }, 'what another house delivered was too large');
      answerFault(response, new Fault('too-large').answer());
    } else if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
      answerFault(response, badInput('the body must be JSON in UTF-8, not compressed'), 415);
    } else if (typeof type === 'string' && status === 400) {
      answerFault(response, badInput('the body is not JSON'));
    } else if (status === 400) {
      if (forApi) answerFault(response, badInput('the address cannot be read'));
      else {
        const heading = 'That address cannot be read';
        const words = 'Some of its characters are not what an address may hold.';
        response
          .status(400)
          .type('html')
          .send(problemPage({ status: 400, heading, words, fonts }));
      }
    } else {
      const errorId = random.token(9);
      logger.error(
        {
          errorId,
          path: request.path.slice(0, 200),
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        },
        'a request met a bug',
      );
      if (forApi) answerFault(response, { ok: false, fault: 'bug', retryAfterMs: null, errorId });
      else {
        const heading = 'A lantern went out';
        const words = `Something broke on our side, and only for this page. If it stays so, tell us the number ${errorId}.`;
        response
          .status(500)
          .type('html')
          .send(problemPage({ status: 500, heading, words, fonts }));
      }
    }
  };
  app.use(onError);
  return app;
}
