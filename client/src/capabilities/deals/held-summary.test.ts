import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { describe, expect, it } from 'vitest';
import { heldSummary } from './held-summary.ts';

const hold = (dealId: string, more: Partial<Hold> = {}): Hold => ({
  holdId: `h0.${dealId}-hold`,
  kind: 'hold',
  paymentId: null,
  lines: [{ dealId, quantity: 1, priceMinor: 100, currency: 'CNY' }],
  claimedAtMs: 0,
  lapsesAtMs: 600_000,
  ...more,
});
const kettle = hold('kettle');
const pan = hold('pan', { lines: [{ dealId: 'pan', quantity: 2, priceMinor: 100, currency: 'CNY' }] });
const offer = hold('lamp', { kind: 'offer', lapsesAtMs: 60_000 });

describe('what every page says of what is held', () => {
  it('is nothing when nothing is held', () => expect(heldSummary({ holds: [], offers: [], here: null })).toBeNull());
  it('is how many things, by the hold that lapses first', () =>
    expect(heldSummary({ holds: [kettle, pan], offers: [], here: null })).toEqual({
      is: 'held',
      units: 3,
      hold: kettle,
    }));
  it('is not said twice on the page of the one thing held', () => {
    expect(heldSummary({ holds: [kettle], offers: [], here: 'kettle' })).toBeNull();
    expect(heldSummary({ holds: [kettle, pan], offers: [], here: 'kettle' })).toMatchObject({ is: 'held', units: 3 });
  });
  it('is an offer before all else, but on its own page', () => {
    expect(heldSummary({ holds: [kettle], offers: [offer], here: null })).toEqual({
      is: 'offer',
      hold: offer,
      dealId: 'lamp',
    });
    expect(heldSummary({ holds: [kettle], offers: [offer], here: 'lamp' })).toMatchObject({ is: 'held' });
  });
  it('leads to the till when everything held waits there', () => {
    const paying = hold('kettle', { paymentId: 'y0.aaaaaaaa' });
    expect(heldSummary({ holds: [paying], offers: [], here: null })).toMatchObject({
      is: 'till',
      paymentId: 'y0.aaaaaaaa',
    });
    expect(heldSummary({ holds: [paying, pan], offers: [], here: null })).toMatchObject({ is: 'held', units: 2 });
  });
});
