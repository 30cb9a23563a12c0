import { describe, expect, it } from 'vitest';
import { clockText, createFormat, decimalText, momentInPlaces, timeInPlaces } from './format.ts';

const places = [
  { city: 'Shanghai', timeZone: 'Asia/Shanghai' },
  { city: 'Amsterdam', timeZone: 'Europe/Amsterdam' },
];
/** 2026-11-11 00:00 in Shanghai. */
const doorsMs = Date.UTC(2026, 10, 10, 16, 0);

describe('money', () => {
  it('is written from minor units without ever being divided', () => {
    expect(decimalText(19_900, 'CNY')).toBe('199.00');
    expect(decimalText(5, 'EUR')).toBe('0.05');
    expect(decimalText(168_000, 'VND')).toBe('168000');
    expect(decimalText(-50, 'USD')).toBe('-0.50');
    expect(decimalText(900_719_925_474_099_1, 'CNY')).toBe('90071992547409.91');
  });

  it('reads as each language writes it, short only where it is whole', () => {
    expect(createFormat('en').money(19_900, 'CNY', 'short')).toBe('¥199');
    expect(createFormat('en').money(19_950, 'CNY', 'short')).toBe('¥199.50');
    expect(createFormat('nl').money(19_950, 'EUR').replaceAll(/\s/g, ' ')).toBe('€ 199,50');
    expect(createFormat('vi').money(168_000, 'VND').replaceAll(/\s/g, ' ')).toBe('168.000 ₫');
    expect(createFormat('zh').money(100_000_000_000_000, 'CNY')).toBe('¥1,000,000,000,000.00');
  });

  it('stands apart from its sign, which comes first or last as the language has it', () => {
    expect(createFormat('en').moneyParts(888, 'CNY')).toEqual({ sign: '¥', number: '8.88', signFirst: true });
    expect(createFormat('vi').moneyParts(16_800, 'VND')).toEqual({ sign: '₫', number: '16.800', signFirst: false });
  });
});

describe('times', () => {
  const format = createFormat('en');

  it("carry their place, the festival's own first and the reader's second", () => {
    expect(timeInPlaces(format, doorsMs, places, 'Europe/Amsterdam')).toBe('00:00 Shanghai, 17:00 Amsterdam');
    expect(timeInPlaces(format, doorsMs, places, 'America/New_York')).toBe('00:00 Shanghai, 11:00 New York');
  });

  it('name a second place of the festival for a reader who is at home there, or nowhere', () => {
    expect(timeInPlaces(format, doorsMs, places, 'Asia/Shanghai')).toBe('00:00 Shanghai, 17:00 Amsterdam');
    expect(timeInPlaces(format, doorsMs, places, 'UTC')).toBe('00:00 Shanghai, 17:00 Amsterdam');
  });

  it('on which something depends are full dates to the second, with the other place’s date where it is another day', () => {
    const said = momentInPlaces(format, doorsMs + 7_000, places, 'Europe/Amsterdam');
    expect(said.moment).toBe(`${format.fullMoment(doorsMs + 7_000, 'Asia/Shanghai')} Shanghai`);
    expect(said.moment).toContain('00:00:07');
    // Midnight in Shanghai is still the day before in Amsterdam.
    expect(said.elsewhere).toMatch(/^\d{1,2} \w{3}, 17:00:07 Amsterdam$/);
    const noonMs = doorsMs + 12 * 3_600_000;
    expect(momentInPlaces(format, noonMs, places, 'Europe/Amsterdam').elsewhere).toBe('05:00:00 Amsterdam');
    expect(momentInPlaces(format, noonMs, [], 'Asia/Shanghai').elsewhere).toBeNull();
  });

  it('are in twenty-four hours in every language', () => {
    for (const language of ['en', 'zh', 'nl', 'vi'])
      expect(createFormat(language).time(doorsMs, 'Asia/Shanghai')).toBe('00:00');
  });
});

describe('a countdown', () => {
  it('reads zero only when it is over', () => {
    expect(clockText(1)).toBe('00:01');
    expect(clockText(0)).toBe('00:00');
    expect(clockText(-5_000)).toBe('00:00');
  });
  it('shows hours only from one on', () => {
    expect(clockText(3_599_000)).toBe('59:59');
    expect(clockText(3_600_000)).toBe('1:00:00');
  });
  it('is said in words', () => {
    expect(createFormat('en').duration(522_000)).toBe('8 minutes, 42 seconds');
    expect(createFormat('nl').duration(1_000)).toBe('1 seconde');
  });
});
