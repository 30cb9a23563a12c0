/**
 * How a drop's fund is split over its packets: exact to the last minor unit, fixed by a seed before the drop opens, and
 * the same in the server and in any browser, so that whoever learns the seed can deal the whole drop again.
 *
 * **The distribution.** Every way to write the fund as an ordered sum of `packets` amounts of at least `leastMinor` is
 * equally likely: the split is a uniform random composition. The set of those ways does not change when positions are
 * swapped, so any reordering of a split is exactly as likely as the split: the amounts are exchangeable, and tapping
 * first, last or in between draws from one and the same distribution. (With spread S = fund - packets x least, an amount
 * is least + x with probability C(S-x+N-2, N-2) / C(S+N-1, N-1): about exponential around its mean, the usual shape of
 * red packets. A rule such as "at most twice the mean of what is left" would treat late taps otherwise than early ones.)
 *
 * **How it is drawn.** By stars and bars: packets - 1 different places for bars, out of S + packets - 1, uniformly among all
 * such sets; the stars between two bars are what a packet holds above the least. The set is drawn by Floyd's algorithm
 * (J. Bentley and R. Floyd, "A sample of brilliance", Communications of the ACM 30:9, 1987), which takes one draw a bar
 * and is exactly uniform over sets. Cut points drawn with replacement, the obvious way, would not do: two cuts that meet
 * give a zero only between bars, never at the ends, so the middle positions would be favoured (three packets, one spare
 * unit: the middle gets it half the time instead of a third), and visibly so where the spread is small.
 *
 * **The chance.** Draws are 48 bits, big-endian, from the keystream of AES-256-CTR (NIST SP 800-38A) with the 32 bytes
 * of the seed as its key and a counter block that starts at zero: what `openssl enc -aes-256-ctr -K <seed> -iv 0` makes of
 * zeros. A draw at or above the largest multiple of the wanted range below 2^48 is thrown away, so there is no bias; the
 * range is at most 10^12 + 10^5, so fewer than 1 in 250 are. One HMAC a block was measured at 16 us through WebCrypto,
 * 0.3 s for 100,000 packets before any sorting; the keystream comes in pages at about 5 us a thousand draws.
 *
 * WebCrypto is there in Node and in browsers on https and on localhost, not on other plain http pages.
 */

/** 32 bytes in lower-case hex. */
const SEED = /^[0-9a-f]{64}$/;

/** Draws a page of keystream holds: 48 KiB, a whole number of cipher blocks, and 13 pages for the largest drop. */
const drawsAPage = 8_192;
const drawBytes = 6;
const drawSpan = 2 ** 48;
const blockBytes = 16;

export interface SplitTerms {
  /** 32 bytes in lower-case hex. */
  seedHex: string;
  fundMinor: number;
  /** 1 to 100,000. */
  packets: number;
  /** The least that a packet holds; packets x least may not exceed the fund. */
  leastMinor: number;
}

/**
 * The amounts of a drop in the order in which they are dealt: `packets` integers of at least `leastMinor` that sum to
 * `fundMinor` exactly. The same terms give the same amounts everywhere. Throws a RangeError for terms that cannot be met.
 */
export async function splitFromSeed({ seedHex, fundMinor, packets, leastMinor }: SplitTerms): Promise<number[]> {
  for (const [name, value, least] of [
    ['fundMinor', fundMinor, 0],
    ['packets', packets, 1],
    ['leastMinor', leastMinor, 0],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} must be an integer of at least ${least}, not ${value}`);
    }
  }
  if (packets > 100_000) throw new RangeError(`packets must be at most 100000, not ${packets}`);
  const spread = fundMinor - packets * leastMinor;
  if (spread < 0) throw new RangeError(`a fund of ${fundMinor} is too small for ${packets} packets of ${leastMinor}`);
  const places = spread + packets - 1;
  if (places > 2 ** 47) throw new RangeError('the fund is larger than 48-bit draws can split without waste');

  const chance = drawer(await keystreamOf(seedHex));
  const bars = new Set<number>();
  for (let last = places - packets + 2; last <= places; last++) {
    let value = chance.below(last);
    // A page is fetched here and not in `below`, so that a draw that is at hand costs no turn of the event loop.
    while (value === null) {
      await chance.turn();
      value = chance.below(last);
    }
    const bar = value + 1;
    bars.add(bars.has(bar) ? last : bar);
  }

  const amounts: number[] = [];
  let before = 0;
  for (const bar of Float64Array.from(bars).toSorted()) {
    amounts.push(leastMinor + bar - before - 1);
    before = bar;
  }
  amounts.push(leastMinor + places - before);
  return amounts;
}

/** SHA-256 over the 32 bytes of the seed, in hex: what is published before a drop opens. */
export async function seedHash(seedHex: string): Promise<string> {
  return hexOf(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytesOf(seedHex))));
}

/** Uniform whole numbers out of a keystream; `below` answers null when the page at hand is used up. */
function drawer(pageFrom: Keystream): { below(range: number): number | null; turn(): Promise<void> } {
  let page = new DataView(new ArrayBuffer(0));
  let at = 0;
  let blocks = 0;
  return {
    below(range) {
      const fair = drawSpan - (drawSpan % range);
      while (at + drawBytes <= page.byteLength) {
        const draw = page.getUint16(at) * 2 ** 32 + page.getUint32(at + 2);
        at += drawBytes;
        if (draw < fair) return draw % range;
      }
      return null;
    },
    async turn() {
      page = new DataView(await pageFrom(blocks));
      blocks += (drawsAPage * drawBytes) / blockBytes;
      at = 0;
    },
  };
}

/** The page of keystream that begins with this cipher block. */
type Keystream = (block: number) => Promise<ArrayBuffer>;

async function keystreamOf(seedHex: string): Promise<Keystream> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', bytesOf(seedHex), 'AES-CTR', false, ['encrypt']);
  return (block) => {
    const counter = new Uint8Array(blockBytes);
    new DataView(counter.buffer).setUint32(blockBytes - 4, block);
    return subtle.encrypt({ name: 'AES-CTR', counter, length: 64 }, key, new Uint8Array(drawsAPage * drawBytes));
  };
}

function bytesOf(seedHex: string): Uint8Array<ArrayBuffer> {
  if (!SEED.test(seedHex)) throw new RangeError('a seed is 32 bytes in lower-case hex');
  return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(seedHex.slice(2 * i, 2 * i + 2), 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
