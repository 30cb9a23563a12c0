import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { Random } from '../random.ts';

export interface Passwords {
  /** A text that tells whether a password is the right one: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. */
  hash(password: string): Promise<string>;
  /**
   * Whether this is the password of that hash. Without a hash (nobody bears the name) the answer is no, after as much
   * work as for a real one, so that the time tells nothing. Throws a Fault `overloaded` when too many wait.
   */
  matches(password: string, hashed: string | null): Promise<boolean>;
}

export interface ScryptCost {
  /** Binary logarithm of N. Memory is 128 x N x r bytes. */
  ln: number;
  r: number;
  p: number;
}

/** 32 MiB and three passes, a tenth to a third of a second: one of OWASP's equal choices, with the least memory. */
const standardCost: ScryptCost = { ln: 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;
/** A hash text is from our own Redis; a damaged one must still not ask for gigabytes. */
const memoryBytesMax = 160 * 1024 * 1024;
/** Each takes one of Node's four worker threads, which file access and compression share. */
const atOnceMax = 2;
/** Sign-ins that wait for their turn: some seconds' work. More is an attack, or every operator at the same instant. */
const waitingMax = 32;

const FORMAT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{10,86})\$([\w-]{20,86})$/;

export function createPasswords({ random, cost = standardCost }: { random: Random; cost?: ScryptCost }): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  // Nobody knows the password of this one. It bears today's cost, as a newly made record does.
  const nobody = `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${random.token(saltBytes)}$${random.token(hashBytes)}`;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnceMax) {
      if (waiting.length >= waitingMax) throw new Fault('overloaded', { retryAfterMs: 5_000 });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      // The place goes straight to the next in line, so nobody can slip in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  function derive(password: string, salt: Buffer, { ln, r, p }: ScryptCost, bytes: number): Promise<Buffer> {
    const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: memoryBytesMax };
    // The same letters typed on two systems may come in two Unicode forms.
    const typed = password.normalize('NFKC');
    return inTurn(
      () =>
        new Promise((resolve, reject) => {
          scrypt(typed, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
        }),
    );
  }

  return {
    async hash(password) {
      const salt = random.bytes(saltBytes);
      const key = await derive(password, salt, cost, hashBytes);
      const { ln, r, p } = cost;
      return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64url')}$${key.toString('base64url')}`;
    },
    async matches(password, hashed) {
      const parts = FORMAT.exec(hashed ?? nobody);
      if (parts === null) throw new Error('a kept password hash cannot be read');
      const [, ln, r, p, salt = '', expected = ''] = parts;
      const wanted = Buffer.from(expected, 'base64url');
      const theirs = { ln: Number(ln), r: Number(r), p: Number(p) };
      const key = await derive(password, Buffer.from(salt, 'base64url'), theirs, wanted.length);
      return timingSafeEqual(key, wanted) && hashed !== null;
    },
  };
}
