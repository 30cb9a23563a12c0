import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { Logger } from '../logger.ts';

/** The built client, held in memory: a request can only ever reach what was there at the start. */
export interface ClientFiles {
  has(path: string): boolean;
  /** Answers with the file of this path, compressed as the caller likes it. */
  send(request: Request, response: Response, path: string): Promise<void>;
  /** The address of an asset by the start of its name, which the build lengthens with a hash. */
  assetUrl(nameStart: string): string | null;
}

/** The client is about a megabyte; a folder far above that is not the client. */
const bytesMax = 64 * 1024 * 1024;
const filesMax = 2_000;
/** Below this a compressed answer is hardly smaller. */
const compressBytesMin = 1_024;
/** The build puts a hash into these names, so what is under one of them never changes. */
const HASHED = /^\/assets\/.+-[\w-]{8,}\.\w+$/;

const types: Record<string, { type: string; compress: boolean }> = {
  '.html': { type: 'text/html; charset=utf-8', compress: true },
  '.js': { type: 'text/javascript; charset=utf-8', compress: true },
  '.css': { type: 'text/css; charset=utf-8', compress: true },
  '.svg': { type: 'image/svg+xml', compress: true },
  '.json': { type: 'application/json', compress: true },
  '.webmanifest': { type: 'application/manifest+json', compress: true },
  '.txt': { type: 'text/plain; charset=utf-8', compress: true },
  '.woff2': { type: 'font/woff2', compress: false },
  '.png': { type: 'image/png', compress: false },
  '.webp': { type: 'image/webp', compress: false },
  '.jpg': { type: 'image/jpeg', compress: false },
  '.ico': { type: 'image/x-icon', compress: false },
};

type Encoding = 'br' | 'gzip';
interface File {
  type: string;
  compress: boolean;
  etag: string;
  bytes: Buffer;
  compressed: Partial<Record<Encoding, Promise<Buffer>>>;
}

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

function read(dir: string): Map<string, File> {
  const files = new Map<string, File>();
  let total = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(dir, file).split(sep).join('/')}`;
    const kind = types[extname(entry.name)];
    // What begins with a dot is the build's own note, and a kind that is not listed is nothing that a page loads.
    if (!entry.isFile() || path.includes('/.') || kind === undefined) continue;
    const bytes = readFileSync(file);
    total += bytes.length;
    if (total > bytesMax || files.size >= filesMax) throw new Error(`${dir} is too large to be the built client`);
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    files.set(path, { ...kind, etag, bytes, compressed: {} });
  }
  return files;
}

/** Reads the built client. A folder that is not there is no error: the API works without pages, which say so. */
export function openClientFiles(dir: string, logger: Logger): ClientFiles {
  let files: Map<string, File>;
  try {
    files = read(dir);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    logger.warn({ dir }, 'the client has not been built, so there are no pages');
    files = new Map();
  }

  /** Compressed once, at the first request for it, off the event loop. */
  function compressed(file: File, encoding: Encoding): Promise<Buffer> {
    file.compressed[encoding] ??=
      encoding === 'br'
        ? brotli(file.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
        : zip(file.bytes, { level: 9 });
    return file.compressed[encoding];
  }

  return {
    has: (path) => files.has(path),
    assetUrl(nameStart) {
      for (const path of files.keys()) if (path.startsWith(`/assets/${nameStart}`)) return path;
      return null;
    },
    async send(request, response, path) {
      const file = files.get(path);
      if (file === undefined) throw new Error(`${path} is not among the client's files`);
      response.setHeader('Content-Type', file.type);
      response.setHeader('ETag', file.etag);
      response.setHeader('Cache-Control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
      let body = file.bytes;
      if (file.compress && file.bytes.length >= compressBytesMin) {
        response.setHeader('Vary', 'Accept-Encoding');
        // Asked for one by one: given both, the order in which the caller wrote them would decide.
        const encoding = request.acceptsEncodings('br') || request.acceptsEncodings('gzip');
        if (encoding === 'br' || encoding === 'gzip') {
          response.setHeader('Content-Encoding', encoding);
          response.setHeader('ETag', file.etag.replace(/"$/, `-${encoding}"`));
          body = await compressed(file, encoding);
        }
      }
      if (request.fresh) response.status(304).end();
      else response.status(200).send(body);
    },
  };
}
