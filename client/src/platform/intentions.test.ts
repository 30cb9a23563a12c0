import { beforeEach, describe, expect, it } from 'vitest';
import { createIntentions, freshForMs, type Kept } from './intentions.ts';

let nowMs = 0;
let ids = 0;
const device = () => {
  const found = new Map<string, string>();
  const kept: Kept = {
    getItem: (key) => found.get(key) ?? null,
    setItem: (key, text) => void found.set(key, text),
    removeItem: (key) => void found.delete(key),
  };
  return { found, kept };
};
const page = (kept: Kept | null) => createIntentions({ kept, randomId: () => `id-${++ids}`, nowMs: () => nowMs });

beforeEach(() => {
  nowMs = 1_000;
  ids = 0;
});

describe('an intention', () => {
  it('keeps its requestId through a second tap and a reload', () => {
    const { kept } = device();
    const first = page(kept).mean('place', 'a');
    expect(page(kept).mean('place', 'a').requestId).toBe(first.requestId);
    expect(page(kept).interrupted('place')).toEqual(first);
  });
  it('is a new one for another input', () => {
    const { kept } = device();
    const first = page(kept).mean('place', 'a');
    expect(page(kept).mean('place', 'b').requestId).not.toBe(first.requestId);
  });
  it('is over once it is answered, so that the next tap is decided anew', () => {
    const { kept } = device();
    const here = page(kept);
    const first = here.mean('place', 'a');
    here.answered('place', first.requestId);
    expect(here.interrupted('place')).toBeNull();
    expect(here.mean('place', 'a').requestId).not.toBe(first.requestId);
  });
  it('is not ended by a late answer to the one before it', () => {
    const { kept } = device();
    const first = page(kept).mean('place', 'a');
    const second = page(kept).mean('place', 'b');
    page(kept).answered('place', first.requestId);
    expect(page(kept).interrupted('place')).toEqual(second);
  });
  it('is gone on with by itself only just after, and is nobody’s after a quarter of an hour', () => {
    const { kept } = device();
    const first = page(kept).mean('place', 'a');
    nowMs += freshForMs - 1;
    expect(page(kept).interrupted('place')).toBeNull();
    expect(page(kept).mean('place', 'a')).toEqual(first);
    nowMs += 1;
    expect(page(kept).mean('place', 'a').requestId).not.toBe(first.requestId);
  });
  it('lasts as long as the page where storage is refused', () => {
    const refuse = () => {
      throw new Error('refused');
    };
    const here = page({ getItem: refuse, setItem: refuse, removeItem: refuse });
    const first = here.mean('place', 'a');
    expect(here.mean('place', 'a')).toEqual(first);
    here.answered('place', first.requestId);
    expect(here.interrupted('place')).toBeNull();
    const bare = page(null);
    expect(bare.mean('claim', 'a')).toEqual(bare.mean('claim', 'a'));
  });
  it('does not stumble over what somebody else wrote there', () => {
    const { kept, found } = device();
    page(kept).mean('place', 'a');
    for (const key of found.keys()) found.set(key, '{"requestId":7}');
    expect(page(kept).interrupted('place')).toBeNull();
  });
});
