import type { Callers, Command, Contract, Feed } from '@elevens/shared/src/contract.ts';
import { disconnects, type FaultCode, faults } from '@elevens/shared/src/faults.ts';
import { z } from 'zod';

export type JsonSchema = { [key: string]: unknown };
export type NamedContract = Contract & { name: string };

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  security: Record<string, string[]>[];
  requestBody: { required: true; content: { 'application/json': { schema: JsonSchema } } };
  responses: Record<string, JsonSchema>;
  'x-elevens': { event: string; callers: Callers; cost: number; changes: boolean };
}

export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, { post: Operation }>;
  components: {
    securitySchemes: Record<string, JsonSchema>;
    schemas: Record<string, JsonSchema>;
    headers: Record<string, JsonSchema>;
    responses: Record<string, JsonSchema>;
  };
  'x-feeds': Record<
    string,
    { summary: string; kind: Feed['kind']; scope: Feed['scope']; callers: Callers; id: JsonSchema; payload: JsonSchema }
  >;
  'x-disconnects': typeof disconnects;
}

/** The statuses that stand for no fault of the table: what HTTP itself refuses. */
const byHttpItself = {
  '405': { name: 'MethodNotAllowed', fault: 'bad-input', meaning: 'Commands are called with POST.' },
  '415': { name: 'NotJson', fault: 'bad-input', meaning: 'The body must be JSON in UTF-8, not compressed.' },
} as const;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

/** A rejection as it is sent: its word, with the details it carries beside it. */
function rejectionSchema(why: string, details: z.ZodObject): JsonSchema {
  const {
    properties = {},
    required = [],
    ...rest
  } = schemaOf(details, 'output') as {
    properties?: JsonSchema;
    required?: string[];
  };
  return {
    title: why,
    ...rest,
    properties: { ok: { const: false }, why: { const: why }, ...properties },
    required: ['ok', 'why', ...required],
  };
}

/** Faults of one status share a response, because OpenAPI has one response for each status. */
function faultResponses(): { responses: Record<string, JsonSchema>; nameOf: Record<string, string> } {
  const byStatus = new Map<string, FaultCode[]>();
  for (const code of Object.keys(faults) as FaultCode[]) {
    const status = String(faults[code].http);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses: Record<string, JsonSchema> = {};
  const nameOf: Record<string, string> = {};
  const add = (status: string, name: string, codes: readonly FaultCode[], description: string, headers: JsonSchema) => {
    nameOf[status] = name;
    responses[name] = {
      description,
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      content: {
        'application/json': {
          schema: { allOf: [{ $ref: '#/components/schemas/Fault' }, { properties: { fault: { enum: codes } } }] },
        },
      },
    };
  };
  for (const [status, codes] of byStatus) {
    const name = codes.map((code) => code.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase()));
    const waits = codes.some((code) => faults[code].retry);
    const description = codes.map((code) => `\`${code}\`: ${faults[code].meaning}`).join('\n\n');
    const headers = waits ? { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } : {};
    add(status, name.join('Or'), codes, description, headers);
  }
  for (const [status, { name, fault, meaning }] of Object.entries(byHttpItself)) {
    const headers = status === '405' ? { Allow: { schema: { const: 'POST' } } } : {};
    add(status, name, [fault], meaning, headers);
  }
  return { responses, nameOf };
}

function operationOf(contract: string, key: string, command: Command, nameOf: Record<string, string>): Operation {
  const rejections = Object.entries(command.rejections);
  const responses: Operation['responses'] = {
    '200': {
      description: 'The reply, bare.',
      content: { 'application/json': { schema: schemaOf(command.reply, 'output') } },
    },
  };
  if (rejections.length > 0) {
    responses['409'] = {
      description: `Refused by the rules of the festival: ${rejections.map(([why]) => `\`${why}\``).join(', ')}.`,
      content: {
        'application/json': { schema: { oneOf: rejections.map(([why, details]) => rejectionSchema(why, details)) } },
      },
    };
  }
  for (const [status, name] of Object.entries(nameOf)) responses[status] = { $ref: `#/components/responses/${name}` };
  const { callers, cost, changes } = command;
  return {
    operationId: `${contract}${key.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase())}`,
    tags: [contract],
    summary: command.summary,
    // An empty requirement beside the other: a token may be sent, and counts, but need not be.
    security: callers === 'anyone' ? [{}, { bearer: [] }] : [{ bearer: [] }],
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(command.input, 'input') } } },
    responses,
    'x-elevens': { event: `${contract}:${key}`, callers, cost, changes },
  };
}

/** Describes the HTTP side of every contract in OpenAPI 3.1, and the feeds (which need a socket) as an extension. */
export function describeApi(contracts: readonly NamedContract[], { version }: { version: string }): OpenApi {
  const { responses, nameOf } = faultResponses();
  const paths: OpenApi['paths'] = {};
  const feeds: OpenApi['x-feeds'] = {};
  for (const contract of contracts) {
    for (const [key, command] of Object.entries(contract.commands))
      paths[`/api/${contract.name}/${key}`] = { post: operationOf(contract.name, key, command, nameOf) };
    for (const [key, feed] of Object.entries(contract.feeds)) {
      const { summary, kind, scope, callers } = feed;
      const id = schemaOf(feed.id, 'input');
      feeds[`${contract.name}:${key}`] = {
        summary,
        kind,
        scope,
        callers,
        id,
        payload: schemaOf(feed.payload, 'output'),
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Elevens',
      version,
      description:
        'Commands of a live shopping festival over HTTP. The same commands travel over Socket.IO as ' +
        '`emit("<capability>:<command>", input, ack)`, and feeds travel there only. A command that changes something ' +
        'carries a `requestId`: sent again, it gets the first answer again.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: contracts.map(({ name }) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'From `identity/guest` or a sign-in.',
        },
      },
      headers: {
        'Retry-After': {
          description: 'Whole seconds until the same call is worth sending again.',
          schema: { type: 'integer', minimum: 1 },
        },
      },
      schemas: {
        Fault: {
          type: 'object',
          required: ['ok', 'fault', 'retryAfterMs'],
          properties: {
            ok: { const: false },
            fault: { enum: Object.keys(faults) },
            retryAfterMs: {
              type: ['integer', 'null'],
              description: 'How long to wait before the same call is worth sending again; null when that cannot help.',
            },
            problems: { type: 'array', items: { $ref: '#/components/schemas/Problem' } },
            errorId: { type: 'string', description: 'Finds what happened in the log of the server.' },
          },
        },
        Problem: {
          type: 'object',
          required: ['path', 'message'],
          properties: {
            path: {
              type: 'string',
              description: 'The wrong field, such as `lines.0.quantity`; empty: the whole body.',
            },
            message: { type: 'string' },
          },
        },
      },
      responses,
    },
    'x-feeds': feeds,
    'x-disconnects': disconnects,
  };
}
