import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix, relative, sep } from 'node:path';
import { type Node, parseSync, Visitor } from 'oxc-parser';

/** Something in the tree that the architecture forbids, in words that say what to do instead. */
export type Violation = { file: string; line: number; rule: Rule; words: string };

export type Rule =
  | 'layers'
  | 'front door'
  | 'capability graph'
  | 'cycle'
  | 'readable imports'
  | 'test support'
  | 'clock'
  | 'chance'
  | 'environment'
  | 'redis client';

/** What was found, and how much was read to find it: a scan that saw nothing proves nothing. */
export type Tidiness = { violations: Violation[]; filesRead: number; importsRead: number };

type Import = { specifier: string | null; line: number };
type Use = { rule: 'clock' | 'chance' | 'environment'; line: number; words: string };
type Source = { file: string; imports: Import[]; uses: Use[]; unreadable: string | null };

/** Where a file stands. Imports flow from main down to shared, and between capabilities as the graph says. */
type Place =
  | { side: 'shared' }
  | { side: 'server' | 'client'; layer: 'main' | 'surfaces' | 'platform' }
  | { side: 'server' | 'client'; layer: 'capabilities'; capability: string; isFrontDoor: boolean }
  | { side: 'elsewhere' };

const builtins = new Set(builtinModules);

/** The files in which each source of surprise may be used; everybody else is given it. */
const homes: Readonly<Record<Use['rule'] | 'redis client', RegExp>> = {
  clock: /^(server\/src\/platform\/clock\.ts|client\/src\/platform\/server-clock[\w-]*\.tsx?)$/,
  chance: /^(server\/src\/platform\/random\.ts|client\/src\/platform\/chance\.ts)$/,
  environment: /^server\/src\/config\.ts$/,
  'redis client': /^server\/src\/platform\/redis\//,
};

const instead: Readonly<Record<Use['rule'], string>> = {
  clock: 'take a Clock as an argument',
  chance: 'take a Random as an argument',
  environment: 'read it in server/src/config.ts and take the setting as an argument',
};

/**
 * Reads every source of the tree under `root` and answers what breaks the architecture: the direction of imports, the
 * front doors and the declared graph of the capabilities, and who may use the clock, chance, the environment and the
 * Redis client. Tests and tools may use those freely, but are held to the direction of imports as well.
 */
export function checkTidiness(root: string, capabilityGraph: Readonly<Record<string, readonly string[]>>): Tidiness {
  const sources = ['shared', 'server', 'client']
    .flatMap((dir) => sourceFiles(root, dir))
    .map((file) => read(root, file));
  const violations = [
    ...sources.flatMap((source) => [...importViolations(source, capabilityGraph), ...useViolations(source)]),
    ...graphViolations(sources, capabilityGraph),
    ...cycleViolations(sources),
  ];
  return {
    violations: violations.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line),
    filesRead: sources.length,
    importsRead: sources.reduce((sum, source) => sum + source.imports.length, 0),
  };
}

function importViolations(
  { file, imports, unreadable }: Source,
  graph: Readonly<Record<string, readonly string[]>>,
): Violation[] {
  if (unreadable !== null) return [{ file, line: 1, rule: 'readable imports', words: `cannot be read: ${unreadable}` }];
  const from = placeOf(file);
  return imports.flatMap(({ specifier, line }): Violation[] => {
    const broken = (rule: Rule, words: string): Violation[] => [{ file, line, rule, words }];
    if (specifier === null) {
      return broken('readable imports', 'imports what only running it can tell; name the file in plain text');
    }
    const target = resolve(file, specifier);
    if (target === null) {
      const name = specifier.replace(/^node:/, '');
      if (from.side === 'shared' && (specifier.startsWith('node:') || builtins.has(name)) && !isTest(file)) {
        return broken('layers', `shared runs in the browser as well and must not import ${specifier}`);
      }
      if (/^ioredis(\/|$)/.test(specifier) && !homes['redis client'].test(file) && !isFree(file)) {
        return broken('redis client', 'imports ioredis; only server/src/platform/redis knows the client');
      }
      return [];
    }
    if (isTest(target) && !isTest(file)) return broken('test support', `imports ${target}, which is for tests`);
    return placeViolation({ file, from, target, to: placeOf(target), graph, broken });
  });
}

function placeViolation({
  file,
  from,
  target,
  to,
  graph,
  broken,
}: {
  file: string;
  from: Place;
  target: string;
  to: Place;
  graph: Readonly<Record<string, readonly string[]>>;
  broken: (rule: Rule, words: string) => Violation[];
}): Violation[] {
  if (from.side === 'elsewhere') return wholeProcessViolation({ file, target, broken });
  if (to.side === 'elsewhere') {
    // What is read as data (a built page, a festival's file) is not imported.
    const isSource = /\.m?[jt]sx?$/.test(target);
    return isTest(file) || !isSource ? [] : broken('layers', `imports ${target}, which is no part of the product`);
  }
  if (from.side === 'shared') {
    return to.side === 'shared' ? [] : broken('layers', `shared imports ${target}; shared knows neither side`);
  }
  if (to.side === 'shared') return [];
  if (from.side !== to.side) return broken('layers', `the ${from.side} imports ${target} of the ${to.side}`);
  if (rank(to.layer) > rank(from.layer)) {
    return broken('layers', `${from.layer} imports ${target}; imports flow main, capabilities, platform, shared`);
  }
  if (from.layer !== 'capabilities' || to.layer !== 'capabilities' || from.capability === to.capability) return [];
  if (!to.isFrontDoor) {
    return broken('front door', `${from.capability} imports ${target}; ${to.capability} is known by its index alone`);
  }
  if (from.side === 'server' && !isTest(file) && !graph[from.capability]?.includes(to.capability)) {
    return broken('capability graph', `${from.capability} imports ${to.capability}, which the graph does not say`);
  }
  return [];
}

/** Tests of whole processes and tools beside the sources may reach into their own side, and into no other. */
function wholeProcessViolation({
  file,
  target,
  broken,
}: {
  file: string;
  target: string;
  broken: (rule: Rule, words: string) => Violation[];
}): Violation[] {
  const own = file.split('/')[0];
  const other = own === 'server' ? 'client' : 'server';
  return own !== 'shared' && target.startsWith(`${other}/`)
    ? broken('layers', `the ${own} imports ${target} of the ${other}`)
    : [];
}

function rank(layer: 'main' | 'surfaces' | 'capabilities' | 'platform'): number {
  return { main: 3, surfaces: 2, capabilities: 1, platform: 0 }[layer];
}

function useViolations({ file, uses }: Source): Violation[] {
  return uses
    .filter(({ rule }) => !homes[rule].test(file) && !isFree(file))
    .map(({ rule, line, words }) => ({ file, line, rule, words: `uses ${words}; ${instead[rule]}` }));
}

/** The graph names each folder that is there, no other, and nothing that leads back to itself. */
function graphViolations(sources: Source[], graph: Readonly<Record<string, readonly string[]>>): Violation[] {
  const file = 'server/src/capabilities/graph.ts';
  const broken = (words: string): Violation => ({ file, line: 1, rule: 'capability graph', words });
  const there = new Set(
    sources.flatMap((source) => {
      const place = placeOf(source.file);
      return place.side === 'server' && place.layer === 'capabilities' ? [place.capability] : [];
    }),
  );
  const named = new Set(Object.entries(graph).flatMap(([name, known]) => [name, ...known]));
  return [
    ...[...there].filter((name) => !Object.hasOwn(graph, name)).map((name) => broken(`does not name ${name}`)),
    ...[...named].filter((name) => !there.has(name)).map((name) => broken(`names ${name}, which is not there`)),
    ...cycles(graph).map((cycle) => ({ ...broken(`goes in a circle: ${cycle.join(' → ')}`), rule: 'cycle' as const })),
  ];
}

/** What the folders really import, tests aside, on both sides. */
function cycleViolations(sources: Source[]): Violation[] {
  return (['server', 'client'] as const).flatMap((side) => {
    const known: Record<string, string[]> = {};
    for (const { file, imports } of sources) {
      const from = placeOf(file);
      if (from.side !== side || from.layer !== 'capabilities' || isTest(file)) continue;
      for (const { specifier } of imports) {
        const target = specifier === null ? null : resolve(file, specifier);
        const to = target === null ? null : placeOf(target);
        if (to?.side !== side || to.layer !== 'capabilities' || to.capability === from.capability) continue;
        known[from.capability] = [...(known[from.capability] ?? []), to.capability];
      }
    }
    return cycles(known).map((cycle) => ({
      file: `${side}/src/capabilities/${cycle[0]}`,
      line: 1,
      rule: 'cycle' as const,
      words: `imports go in a circle: ${cycle.join(' → ')}; what flows back is an announced event`,
    }));
  });
}

/** Each circle once, as the names along it, the first again at the end. */
function cycles(graph: Readonly<Record<string, readonly string[]>>): string[][] {
  const found: string[][] = [];
  const finished = new Set<string>();
  const visit = (name: string, path: string[]) => {
    const at = path.indexOf(name);
    if (at >= 0) found.push([...path.slice(at), name]);
    if (at >= 0 || finished.has(name)) return;
    for (const next of graph[name] ?? []) visit(next, [...path, name]);
    finished.add(name);
  };
  for (const name of Object.keys(graph)) visit(name, []);
  return found;
}

function placeOf(file: string): Place {
  if (file.startsWith('shared/src/')) return { side: 'shared' };
  const [, side, rest] = /^(server|client)\/src\/(.+)$/.exec(file) ?? [];
  if ((side !== 'server' && side !== 'client') || rest === undefined) return { side: 'elsewhere' };
  const [, capability, inner] = /^capabilities\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  if (capability !== undefined && inner !== undefined) {
    return { side, layer: 'capabilities', capability, isFrontDoor: /^index\.tsx?$/.test(inner) };
  }
  if (rest.startsWith('platform/') || (side === 'client' && rest.startsWith('ui/'))) return { side, layer: 'platform' };
  if (side === 'client' && rest.startsWith('surfaces/')) return { side, layer: 'surfaces' };
  return { side, layer: 'main' };
}

function isTest(file: string): boolean {
  return /^\w+\/tests\/|\.test\.tsx?$|\.test-[\w-]+\.tsx?$|\/test-[\w-]+\.tsx?$/.test(file);
}

/** Tests, and settings of tools, which run beside the product. */
function isFree(file: string): boolean {
  return isTest(file) || /^[^/]+\/[^/]+\.config\.ts$/.test(file);
}

/** The path under the root that a specifier leads to; null for a package. */
function resolve(file: string, specifier: string): string | null {
  const path = specifier.replace(/[?#].*$/, '');
  if (/^\.{1,2}(\/|$)/.test(path)) return posix.join(posix.dirname(file), path);
  const own = /^@elevens\/(shared|server|client|loadtest)\/(.+)$/.exec(path);
  return own === null ? null : `${own[1]}/${own[2]}`;
}

function sourceFiles(root: string, dir: string): string[] {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(join(root, dir));
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = relative(root, join(root, dir, entry.name))
      .split(sep)
      .join('/');
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sourceFiles(root, path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

function list(dir: string) {
  return readdirSync(dir, { withFileTypes: true });
}

/** Reads one file's imports of every form, and its uses of what has a home elsewhere, from its syntax. */
function read(root: string, file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const { program, errors } = parseSync(file, text);
  const imports: Import[] = [];
  const uses: Use[] = [];
  const cryptoNames = new Set(['crypto', 'webcrypto']);
  const lineOf = ({ start }: Node) => text.slice(0, start).split('\n').length;
  const textOf = ({ start, end }: Node) => text.slice(start, end);
  const addImport = (node: Node, specifier: string | null) => {
    imports.push({ specifier, line: lineOf(node) });
  };
  const note = (rule: Use['rule'], node: Node, words = textOf(node)) => uses.push({ rule, line: lineOf(node), words });
  const member = (node: Node, object: Node, name: string | null) => {
    const of = bareName(textOf(object));
    if (name === null) return;
    if (of === 'Date' && name === 'now') note('clock', node);
    else if (of === 'performance' && (name === 'now' || name === 'timeOrigin')) note('clock', node);
    else if (of === 'process' && (name === 'hrtime' || name === 'uptime')) note('clock', node);
    else if (of === 'Temporal' && name === 'Now') note('clock', node);
    else if (of === 'Math' && name === 'random') note('chance', node);
    else if (cryptoNames.has(of) && isChance(name)) note('chance', node);
    else if (of === 'process' && name === 'env') note('environment', node);
  };

  new Visitor({
    ImportDeclaration(node) {
      const from = node.source.value;
      addImport(node, from);
      for (const specifier of node.specifiers) {
        if (specifier.type !== 'ImportSpecifier') {
          if (/^(node:)?crypto$/.test(from)) cryptoNames.add(specifier.local.name);
          continue;
        }
        const name = textOf(specifier.imported);
        if (/^(node:)?crypto$/.test(from) && isChance(name)) note('chance', specifier, `${name} of ${from}`);
        if (/^(node:)?process$/.test(from) && name === 'env') note('environment', specifier, `env of ${from}`);
        if (/^(node:)?process$/.test(from) && name === 'hrtime') note('clock', specifier, `hrtime of ${from}`);
      }
    },
    ExportNamedDeclaration(node) {
      if (node.source) addImport(node, node.source.value);
    },
    ExportAllDeclaration(node) {
      addImport(node, node.source.value);
    },
    ImportExpression(node) {
      addImport(node, plainText(node.source));
    },
    TSImportType(node) {
      addImport(node, node.source.value);
    },
    CallExpression(node) {
      const callee = textOf(node.callee);
      const [first] = node.arguments;
      if (callee === 'require' || callee === 'import.meta.resolve') addImport(node, first ? plainText(first) : null);
      if (callee === 'Date') note('clock', node);
    },
    NewExpression(node) {
      const callee = bareName(textOf(node.callee));
      const [first, second] = node.arguments;
      if (callee === 'Date' && first === undefined) note('clock', node);
      if (callee === 'URL' && first && second && textOf(second) === 'import.meta.url') {
        const path = plainText(first);
        // What follows from data stays in the folder that the text before it names.
        const folder = first.type === 'TemplateLiteral' ? first.quasis[0]?.value.cooked : null;
        if (path !== null) addImport(node, path.startsWith('.') ? path : `./${path}`);
        else if (folder) addImport(node, folder.startsWith('.') ? folder : `./${folder}`);
      }
    },
    MemberExpression(node) {
      member(node, node.object, node.computed ? plainText(node.property) : textOf(node.property));
    },
    VariableDeclarator(node) {
      if (node.id.type !== 'ObjectPattern' || !node.init) return;
      for (const property of node.id.properties) {
        if (property.type === 'Property') member(property, node.init, textOf(property.key));
      }
    },
  }).visit(program);
  const [error] = errors;
  return { file, imports, uses, unreadable: error ? error.message : null };
}

function bareName(expression: string): string {
  return expression.replace(/^(globalThis|window|self)\./, '');
}

function isChance(name: string): boolean {
  return /^(random(Bytes|UUID|UUIDv7|Int|Fill|FillSync)|getRandomValues|webcrypto|pseudoRandomBytes|prng|rng)$/.test(
    name,
  );
}

/** The text of a string, or of a template without anything filled in; null for anything that must be run to be known. */
function plainText(node: Node): string | null {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0]?.value.cooked ?? null;
  return null;
}
