import type { Callers } from '@elevens/shared/src/contract.ts';
import { faults } from '@elevens/shared/src/faults.ts';
import { escaped, type Fonts, page } from './look.ts';
import type { JsonSchema, OpenApi, Operation } from './openapi.ts';

const style = `
.wide { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { border-bottom: 1px solid var(--line); background: linear-gradient(#2b0a12, var(--ground)); padding: 48px 0 32px; }
header h1 { font-size: clamp(2.4rem, 7vw, 4rem); font-stretch: 118%; }
header p { max-width: 68ch; color: var(--soft); margin: 16px 0 0; }
nav { position: sticky; top: 0; z-index: 2; background: var(--ground); border-bottom: 1px solid var(--line); overflow-x: auto; }
nav ul { display: flex; gap: 4px; list-style: none; margin: 0 auto; padding: 0 12px; max-width: 1080px; }
nav a { display: block; padding: 12px 10px; color: var(--soft); text-decoration: none; white-space: nowrap; min-height: 44px; }
nav a:hover { color: var(--gold); }
section.wide { padding-top: 40px; scroll-margin-top: 48px; }
section > h2 { font-size: 1.75rem; color: var(--gold); margin-bottom: 16px; }
article { background: var(--surface); border: 1px solid var(--line); border-radius: 2px; padding: 20px 24px; margin: 0 0 16px; scroll-margin-top: 60px; }
article h3 { font: 700 1.05rem/1.3 var(--code); overflow-wrap: anywhere; }
article h3 b { color: var(--jade); margin-right: .5em; }
article > p { margin: 8px 0 0; color: var(--soft); max-width: 76ch; }
.facts { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 12px 0 0; padding: 0; list-style: none; color: var(--faint); font-size: .875rem; }
.facts b { color: var(--text); font-weight: 600; }
table { width: 100%; border-collapse: collapse; margin: 16px 0 0; font-size: .9rem; }
caption { text-align: left; color: var(--faint); padding-bottom: 4px; font-size: .8125rem; }
th, td { text-align: left; vertical-align: top; padding: 7px 12px 7px 0; border-top: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; color: var(--soft); }
tr th:first-child { width: 26%; }
.red { color: var(--red); }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--gold); padding: 6px 0; }
pre { background: var(--ground); border: 1px solid var(--line); padding: 14px; overflow-x: auto; margin: 6px 0 0; line-height: 1.45; }
footer.wide { padding-top: 48px; padding-bottom: 64px; color: var(--faint); }
@media (max-width: 640px) { article { padding: 16px; } tr th:first-child { width: 34%; } }
`;

function callersWords(callers: Callers): string {
  return callers === 'anyone' ? 'anyone, with or without a token' : callers.join(', ');
}

/** The rules of a schema in a few words: `string, at most 24 characters`. The whole of it stands below, as JSON. */
function typeWords(schema: JsonSchema): string {
  if (schema['const'] !== undefined) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' or ');
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return choices.map((choice) => typeWords(choice as JsonSchema)).join(', or ');
  const { type, items } = schema;
  const words = [Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'any value'];
  if (type === 'array' && typeof items === 'object' && items !== null)
    words[0] = `list of ${typeWords(items as JsonSchema)}`;
  const bound = (key: string, before: string, after: string) => {
    const value = schema[key];
    if (typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER)
      words.push(`${before} ${value}${after}`);
  };
  bound('minimum', 'from', '');
  bound('maximum', 'up to', '');
  bound('minLength', 'at least', ' characters');
  bound('maxLength', 'at most', ' characters');
  bound('minItems', 'at least', ' of them');
  bound('maxItems', 'at most', ' of them');
  if (typeof schema['pattern'] === 'string') words.push(`matches ${schema['pattern']}`);
  return words.join(', ');
}

function fieldRows(schema: JsonSchema, path = '', depth = 0): string {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = new Set((schema['required'] ?? []) as string[]);
  return Object.entries(properties)
    .map(([key, field]) => {
      const name = path === '' ? key : `${path}.${key}`;
      const optional = required.has(key) ? '' : ' <span>(optional)</span>';
      const row = `<tr><th scope="row"><code>${escaped(name)}</code>${optional}</th><td>${escaped(typeWords(field))}</td></tr>`;
      const inner = (field['type'] === 'array' ? field['items'] : field) as JsonSchema | undefined;
      // Two levels are read at a glance; what lies deeper is in the schema below.
      const nested = inner?.['properties'] !== undefined && depth < 2;
      return row + (nested ? fieldRows(inner, field['type'] === 'array' ? `${name}.0` : name, depth + 1) : '');
    })
    .join('');
}

function fields(caption: string, schema: JsonSchema, empty: string): string {
  const rows = fieldRows(schema);
  if (rows === '') return `<p>${escaped(empty)}</p>`;
  return `<table><caption>${escaped(caption)}</caption><tbody>${rows}</tbody></table>`;
}

function whole(summary: string, schema: JsonSchema): string {
  return `<details><summary>${escaped(summary)}</summary><pre><code>${escaped(JSON.stringify(schema, null, 2))}</code></pre></details>`;
}

function contentOf(response: JsonSchema | undefined): JsonSchema {
  const content = response?.['content'] as { 'application/json': { schema: JsonSchema } } | undefined;
  return content?.['application/json'].schema ?? {};
}

function command(path: string, operation: Operation): string {
  const { event, callers, cost, changes } = operation['x-elevens'];
  const input = operation.requestBody.content['application/json'].schema;
  const reply = contentOf(operation.responses['200']);
  const rejections = (contentOf(operation.responses['409'])['oneOf'] ?? []) as JsonSchema[];
  const refused = rejections
    .map((schema) => {
      const { ok: _ok, why: _why, ...details } = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
      const carries = Object.entries(details).map(([key, field]) => `${key}: ${typeWords(field)}`);
      const words = carries.length === 0 ? 'no details' : carries.join('; ');
      return `<tr><th scope="row"><code class="red">${escaped(String(schema['title']))}</code></th><td>${escaped(words)}</td></tr>`;
    })
    .join('');
  return `<article id="${escaped(event)}">
<h3><b>POST</b>${escaped(path)}</h3>
<p>${escaped(operation.summary)}</p>
<ul class="facts"><li>Socket.IO event <b><code>${escaped(event)}</code></b></li><li>For <b>${escaped(callersWords(callers))}</b></li>
<li>Costs <b>${cost}</b> of the caller's budget</li><li>${changes ? 'Changes something: its answer is <b>remembered</b> by requestId' : 'Carries <b>no</b> requestId'}</li></ul>
${fields('Input', input, 'The input is an empty object: {}')}
${fields('Reply (200)', reply, 'The reply is described by its schema.')}
${refused === '' ? '' : `<table><caption>Refused (409) with</caption><tbody>${refused}</tbody></table>`}
${whole('Schema of the input', input)}
${whole('Schema of the reply', reply)}
</article>`;
}

function feed(name: string, described: OpenApi['x-feeds'][string]): string {
  const kind =
    described.kind === 'log'
      ? 'log: every entry, once, in order, also after a reconnect'
      : 'state: the latest, as the fields that changed';
  return `<article id="feed-${escaped(name)}"><h3><b>FEED</b>${escaped(name)}</h3><p>${escaped(described.summary)}</p>
<ul class="facts"><li>Kind <b>${escaped(kind)}</b></li><li>For <b>${escaped(callersWords(described.callers))}</b></li>
<li>Id <b>${escaped(described.scope === 'own' ? "the caller's own shopperId" : typeWords(described.id))}</b></li></ul>
${fields(described.kind === 'log' ? 'An entry' : 'The state', described.payload, 'Described by its schema.')}
${whole('Schema', described.payload)}</article>`;
}

/** The API as a page for people, drawn from the document and nothing else. It needs no script. */
export function apiPage(api: OpenApi, fonts: Fonts): string {
  const sections = api.tags.map(({ name }) => {
    const commands = Object.entries(api.paths).filter(([, { post }]) => post.tags.includes(name));
    const feeds = Object.entries(api['x-feeds']).filter(([key]) => key.startsWith(`${name}:`));
    return `<section id="${escaped(name)}" class="wide"><h2>${escaped(name)}</h2>
${commands.map(([path, { post }]) => command(path, post)).join('\n')}
${feeds.map(([key, described]) => feed(key, described)).join('\n')}</section>`;
  });
  const faultRows = Object.entries(faults)
    .map(
      ([code, { http, retry, meaning }]) =>
        `<tr><th scope="row"><code class="red">${escaped(code)}</code></th><td>${http}</td><td>${retry ? 'Wait retryAfterMs, then send it again.' : 'Sending it again cannot help.'}</td><td>${escaped(meaning)}</td></tr>`,
    )
    .join('');
  const byeRows = Object.entries(api['x-disconnects'])
    .map(
      ([code, { reconnect, meaning }]) =>
        `<tr><th scope="row"><code class="red">${escaped(code)}</code></th><td>${reconnect ? 'Come back.' : 'Stay away.'}</td><td>${escaped(meaning)}</td></tr>`,
    )
    .join('');
  const links = [...api.tags.map(({ name }) => name), 'faults']
    .map((name) => `<li><a href="#${escaped(name)}">${escaped(name)}</a></li>`)
    .join('');
  const body = `<header><div class="wide"><h1>The API</h1>
<p>${escaped(api.info.description).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>
<p>The same as a document for machines: <a href="/api/openapi.json">openapi.json</a> (OpenAPI ${escaped(api.openapi)}), version ${escaped(api.info.version)}.</p></div></header>
<nav aria-label="Capabilities"><ul>${links}</ul></nav>
<main>${sections.join('\n')}
<section id="faults" class="wide"><h2>faults</h2><article><p>A call that could not be decided answers <code>{ ok: false, fault, retryAfterMs }</code>, over HTTP with the status of the fault.</p>
<table><caption>Faults</caption><tbody>${faultRows}</tbody></table>
<table><caption>Why a connection is ended (system:bye)</caption><tbody>${byeRows}</tbody></table></article></section></main>
<footer class="wide">Drawn from the declarations that the server runs on.</footer>`;
  return page({ title: 'API · Elevens', style, body, fonts });
}
