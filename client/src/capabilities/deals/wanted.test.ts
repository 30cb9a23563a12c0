import { describe, expect, it } from 'vitest';
import { createWanted, wantedMax, wantedOf, wantedWith } from './wanted.ts';

const line = (dealId: string, quantity = 1) => ({ dealId, quantity });

describe('what is wanted', () => {
  it('is read back as it was kept, and nothing else is taken for it', () => {
    expect(wantedOf(JSON.stringify([line('kettle', 2)]))).toEqual([line('kettle', 2)]);
    for (const text of [null, '', 'null', '{}', '[null,7,{"dealId":4}]', '[{"dealId":"a","quantity":1.5}]'])
      expect(wantedOf(text), String(text)).toEqual([]);
    expect(wantedOf('[{"dealId":"a","quantity":-3},{"dealId":"b","quantity":1e6}]')).toEqual([
      line('a', 1),
      line('b', 99),
    ]);
  });
  it('names each deal once, and no more than one claim can carry', () => {
    expect(wantedOf(JSON.stringify([line('a'), line('a', 3)]))).toEqual([line('a', 3)]);
    const full = Array.from({ length: wantedMax }, (_, i) => line(`d${i}`));
    expect(wantedWith(full, line('one-more'))).toBe(full);
    expect(wantedWith(full, line('d3', 2))).toHaveLength(wantedMax);
  });
  it('keeps a line at its place when its number changes, and loses it at nothing', () => {
    const two = [line('a'), line('b')];
    expect(wantedWith(two, line('a', 2))).toEqual([line('a', 2), line('b')]);
    expect(wantedWith(two, line('a', 0))).toEqual([line('b')]);
  });
});

describe('the list on a device', () => {
  const device = () => {
    const kept = new Map<string, string>();
    const tabs: EventTarget[] = [];
    const tab = () => {
      const events = new EventTarget();
      tabs.push(events);
      const storage = {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem(key: string, text: string) {
          kept.set(key, text);
          for (const other of tabs) {
            if (other !== events) other.dispatchEvent(Object.assign(new Event('storage'), { key }));
          }
        },
      };
      return createWanted(() => storage, events);
    };
    return { tab };
  };

  it('is the same in two tabs, and there after a reload', () => {
    const { tab } = device();
    const [one, other] = [tab(), tab()];
    let told = 0;
    other.subscribe(() => told++);
    one.put(line('kettle'));
    expect(told).toBe(1);
    expect(other.read()).toEqual([line('kettle')]);
    other.put(line('pan', 2));
    expect(one.read()).toEqual([line('kettle'), line('pan', 2)]);
    expect(tab().read()).toEqual([line('kettle'), line('pan', 2)]);
    one.take(['kettle', 'not-there']);
    expect(other.read()).toEqual([line('pan', 2)]);
  });
  it('is one and the same value until it changes, so that nothing is drawn twice', () => {
    const list = device().tab();
    list.put(line('kettle'));
    expect(list.read()).toBe(list.read());
  });
  it('lasts as long as the page where storage is refused', () => {
    const refused = createWanted(() => {
      throw new Error('refused');
    }, new EventTarget());
    refused.put(line('kettle'));
    refused.put(line('pan'));
    refused.take(['kettle']);
    expect(refused.read()).toEqual([line('pan')]);
  });
});
