import { contracts } from '@elevens/shared/src/contracts.ts';
import { faults } from '@elevens/shared/src/faults.ts';
import { describe, expect, it } from 'vitest';
import { apiPage } from './api-page.ts';
import { describeApi, type JsonSchema, type NamedContract } from './openapi.ts';

const all = contracts as unknown as readonly NamedContract[];
const api = describeApi(all, { version: '1.2.3' });
const declared = all.flatMap((contract) =>
  Object.entries(contract.commands).map(([key, command]) => ({ path: `/api/${contract.name}/${key}`, command })),
);

function* valuesOf(node: unknown, at = ''): Generator<{ at: string; key: string; value: unknown }> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    yield { at, key, value };
    yield* valuesOf(value, `${at}/${key}`);
  }
}

function resolved(reference: string): unknown {
  return reference
    .slice('#/'.length)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], api);
}

const schemaOf = (response: JsonSchema | undefined) =>
  (response?.['content'] as { 'application/json': { schema: JsonSchema } } | undefined)?.['application/json'].schema;

describe('the description of the API', () => {
  it('holds every declared command and no other, each under an id of its own', () => {
    expect(Object.keys(api.paths).toSorted()).toEqual(declared.map(({ path }) => path).toSorted());
    const ids = Object.values(api.paths).map(({ post }) => post.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+[A-Za-z]+$/);
  });

  it('names each rejection of each command under 409 with its details', () => {
    for (const { path, command } of declared) {
      const words = Object.keys(command.rejections);
      const documented = schemaOf(api.paths[path]?.post.responses['409'])?.['oneOf'] as JsonSchema[] | undefined;
      expect((documented ?? []).map((schema) => schema['title'])).toEqual(words);
      for (const schema of documented ?? []) {
        const details = Object.keys(command.rejections[String(schema['title'])]?.shape ?? {});
        expect(Object.keys(schema['properties'] as object)).toEqual(['ok', 'why', ...details]);
      }
    }
    const claim = schemaOf(api.paths['/api/deals/claim']?.post.responses['409'])?.['oneOf'] as JsonSchema[];
    expect(claim.find((schema) => schema['title'] === 'limit-reached')).toEqual({
      title: 'limit-reached',
      type: 'object',
      additionalProperties: false,
      required: ['ok', 'why', 'dealId', 'limit', 'taken'],
      properties: {
        ok: { const: false },
        why: { const: 'limit-reached' },
        dealId: expect.objectContaining({ type: 'string' }),
        limit: expect.objectContaining({ type: 'integer' }),
        taken: expect.objectContaining({ type: 'integer' }),
      },
    });
  });

  it('has a response for the status of every fault, and for what HTTP itself refuses', () => {
    const statuses = [...Object.values(faults).map(({ http }) => String(http)), '405', '415', '200'];
    for (const { post } of Object.values(api.paths)) {
      const others = Object.keys(post.responses).filter((status) => status !== '409');
      expect(others.toSorted()).toEqual([...new Set(statuses)].toSorted());
    }
    const codes = Object.values(api.components.responses).flatMap((response) => {
      const [, narrowed] = (schemaOf(response)?.['allOf'] ?? []) as { properties: { fault: { enum: string[] } } }[];
      return narrowed?.properties.fault.enum ?? [];
    });
    expect(new Set(codes)).toEqual(new Set(Object.keys(faults)));
  });

  it('asks for a token where a role is needed and lets one be left out elsewhere', () => {
    for (const { path, command } of declared) {
      const expected = command.callers === 'anyone' ? [{}, { bearer: [] }] : [{ bearer: [] }];
      expect(api.paths[path]?.post.security).toEqual(expected);
    }
  });

  it('refuses unknown fields in every input, as the server does', () => {
    for (const { post } of Object.values(api.paths)) {
      const { schema } = post.requestBody.content['application/json'];
      expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    }
  });

  it('points only at what is in it, and needs no other document', () => {
    const references = [...valuesOf(api)].filter(({ key }) => key === '$ref');
    expect(references.length).toBeGreaterThan(100);
    for (const { value } of references) {
      expect(String(value)).toMatch(/^#\//);
      expect(resolved(String(value)), String(value)).toBeTypeOf('object');
    }
    expect([...valuesOf(api)].some(({ key }) => key === '$schema')).toBe(false);
  });

  it('has patterns that any JavaScript reader can compile', () => {
    const patterns = [...valuesOf(api)].filter(({ key, value }) => key === 'pattern' && typeof value === 'string');
    expect(patterns.length).toBeGreaterThan(10);
    for (const { value } of patterns) expect(() => new RegExp(String(value), 'u')).not.toThrow();
  });

  it('lists every feed with its kind', () => {
    const feeds = all.flatMap((contract) => Object.keys(contract.feeds).map((key) => `${contract.name}:${key}`));
    expect(Object.keys(api['x-feeds']).toSorted()).toEqual(feeds.toSorted());
    expect(api['x-feeds']['live:chat']?.kind).toBe('log');
  });
});

describe('the page of the API', () => {
  const html = apiPage(api, { sign: '/assets/anybody-latin-abc.woff2', text: null });

  it('shows every command, rejection, feed and fault, and runs nothing', () => {
    for (const { path, command } of declared) {
      expect(html).toContain(path);
      for (const why of Object.keys(command.rejections)) expect(html).toContain(`>${why}<`);
    }
    for (const name of [...Object.keys(api['x-feeds']), ...Object.keys(faults)]) expect(html).toContain(name);
    expect(html).not.toMatch(/<script|javascript:|\son\w+=|https?:\/\//i);
  });

  it('cannot be broken by what stands in a declaration', () => {
    const hostile = structuredClone(api);
    const first = Object.values(hostile.paths)[0];
    if (first === undefined) throw new Error('there are commands');
    first.post.summary = '<img src=x onerror=alert(1)>';
    hostile.tags.push({ name: '"><script>' });
    const drawn = apiPage(hostile, { sign: null, text: null });
    expect(drawn).not.toContain('<img');
    expect(drawn).not.toContain('<script');
  });
});
