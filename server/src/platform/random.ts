import { createHmac, randomBytes } from 'node:crypto';

/** The one source of chance. Unpredictable in service; seeded in tests and proofs, so that a failure can be run again. */
export interface Random {
  bytes(count: number): Buffer;
  /** `count` random bytes as URL-safe text. */
  token(count: number): string;
  /** A whole number in [0, below), without bias. */
  int(below: number): number;
  /** A fraction in [0, 1). */
  fraction(): number;
}

/** Text is drawn in pages: three bytes are four characters without a rest, so a page can be cut anywhere between two such. */
const pageBytes = 6_144;
const pagedBytesMax = 64;

function from(bytes: (count: number) => Buffer): Random {
  let page = '';
  let at = 0;
  function token(count: number): string {
    if (count % 3 !== 0 || count > pagedBytesMax) return bytes(count).toString('base64url');
    const characters = (count / 3) * 4;
    if (at + characters > page.length) {
      page = bytes(pageBytes).toString('base64url');
      at = 0;
    }
    at += characters;
    return page.slice(at - characters, at);
  }
  const fraction = () => bytes(7).readUIntBE(0, 6) / 2 ** 48;
  return {
    bytes,
    token,
    // 48 random bits scaled: the bias is below/2^48, under one in 10^9 for every count this project draws from.
    int: (below) => Math.floor(fraction() * below),
    fraction,
  };
}

/** The machine's CSPRNG, read in pages so that a small draw costs no system call. */
export function createRandom(): Random {
  let page = Buffer.alloc(0);
  let at = 0;
  return from((count) => {
    if (count > 1024) return randomBytes(count);
    if (at + count > page.length) {
      page = randomBytes(8192);
      at = 0;
    }
    at += count;
    // A copy, so that a caller who keeps 16 bytes does not keep the page.
    return Buffer.from(page.subarray(at - count, at));
  });
}

/** The same chance every time for one seed: HMAC-SHA256 in counter mode. For tests and proofs, never for tokens. */
export function createSeededRandom(seed: string): Random {
  let counter = 0;
  let rest = Buffer.alloc(0);
  return from((count) => {
    while (rest.length < count) {
      rest = Buffer.concat([rest, createHmac('sha256', seed).update(String(counter++)).digest()]);
    }
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  });
}
