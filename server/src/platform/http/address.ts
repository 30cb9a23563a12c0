import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/** One household or phone has a whole /64 of IPv6 to itself, so its addresses are one caller. */
function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * Whose budget pays: the address behind `proxies` trusted proxies. With none the socket alone is believed, because
 * anybody can write an X-Forwarded-For; each proxy appends whom it saw, so the entry that counts is that far from the end.
 */
export function addressOf(request: Pick<IncomingMessage, 'headers' | 'socket'>, proxies: number): string {
  const seen = networkOf(request.socket.remoteAddress ?? 'unknown');
  if (proxies === 0) return seen;
  const header = request.headers['x-forwarded-for'];
  const chain = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => part.trim());
  const claimed = chain[Math.max(0, chain.length - proxies)] ?? '';
  return isIP(claimed) === 0 ? seen : networkOf(claimed);
}
