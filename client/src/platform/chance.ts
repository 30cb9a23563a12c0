/**
 * The client's only source of chance: the browser's own generator, which is also there on plain http, where
 * crypto.randomUUID is not.
 */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/** 22 URL-safe characters, 132 random bits: fits where a requestId is wanted. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => alphabet[byte & 63]).join('');
}

/** A number in [from, to), for spreading out what many clients would else do at one moment. */
export function randomBetween(from: number, to: number): number {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return from + (word / 4_294_967_296) * (to - from);
}

/** A wait as a server asked for it, lengthened by up to a half, so that all who were told the same do not come back at once. */
export function spreadOut(waitMs: number): number {
  return waitMs * randomBetween(1, 1.5);
}

/** Resolves after a while. */
export function waitMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
