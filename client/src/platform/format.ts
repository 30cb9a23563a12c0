import { type Currency, decimalsOf } from '@elevens/shared/src/money.ts';

/** Money, numbers and times as people of a language write them. Everything goes through Intl; nothing is glued by hand. */

export interface Place {
  city: string;
  timeZone: string;
}

export interface Format {
  locale: string;
  /** "¥199.00", or "¥199" where whole and `short` is asked for. Takes minor units. */
  money(minor: number, currency: Currency, how?: 'full' | 'short'): string;
  /** The sign and the number apart, for prices whose sign is set smaller. */
  moneyParts(
    minor: number,
    currency: Currency,
    how?: 'full' | 'short',
  ): { sign: string; number: string; signFirst: boolean };
  number(value: number): string;
  percent(share: number): string;
  /** "00:20" in a zone. */
  time(atMs: number, timeZone: string): string;
  /** "00:20:09" in a zone. */
  timeToSecond(atMs: number, timeZone: string): string;
  /** "Tue 11 Nov, 00:20" in a zone. */
  dateTime(atMs: number, timeZone: string): string;
  /** "11 Nov, 00:20:09" in a zone. */
  dayToSecond(atMs: number, timeZone: string): string;
  /** "11 November 2026 at 00:20:09" in a zone: a moment on which something depends. */
  fullMoment(atMs: number, timeZone: string): string;
  /** A length of time in words: "8 minutes, 42 seconds". */
  duration(ms: number): string;
  /** The same, short: "8 min, 42 sec". */
  durationShort(ms: number): string;
  list(items: string[]): string;
}

const tags: Record<string, string> = { en: 'en-GB', zh: 'zh-CN', nl: 'nl-NL', vi: 'vi-VN' };

/** The exact decimal text of an amount: no division, so no amount is ever rounded on its way to Intl. */
export function decimalText(minor: number, currency: Currency): `${number}` {
  const decimals = decimalsOf(currency);
  if (decimals === 0) return `${minor}`;
  const sign = minor < 0 ? '-' : '';
  const digits = String(Math.abs(minor)).padStart(decimals + 1, '0');
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` as `${number}`;
}

/** Minutes and seconds of a countdown, rounded up, so that it reads 00:00 only when it is over. */
export function clockDigits(leftMs: number): { hours: number; minutes: number; seconds: number } {
  const all = Math.max(0, Math.ceil(leftMs / 1_000));
  return { hours: Math.floor(all / 3_600), minutes: Math.floor(all / 60) % 60, seconds: all % 60 };
}

/** "08:42", or "2:08:42" from an hour up. */
export function clockText(leftMs: number): string {
  const { hours, minutes, seconds } = clockDigits(leftMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`;
}

/** The zone this device is set to. */
export const ownZone: string = new Intl.DateTimeFormat().resolvedOptions().timeZone;

export function createFormat(language: string): Format {
  const locale = tags[language] ?? language;
  const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();
  const once = <T extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => T): T => {
    const known = made.get(key) ?? make();
    made.set(key, known);
    return known as T;
  };
  const moneyFormat = (minor: number, currency: Currency, how: 'full' | 'short'): Intl.NumberFormat => {
    const whole = decimalsOf(currency) === 0 || (how === 'short' && minor % 100 === 0);
    const digits = whole ? 0 : decimalsOf(currency);
    return once(
      `money ${currency} ${digits}`,
      () =>
        new Intl.NumberFormat(locale, {
          style: 'currency',
          currency,
          currencyDisplay: 'narrowSymbol',
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
        }),
    );
  };
  const dateFormat = (key: string, timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    once(`${key} ${timeZone}`, () => new Intl.DateTimeFormat(locale, { hourCycle: 'h23', timeZone, ...options }));
  const unitFormat = (unit: 'hour' | 'minute' | 'second', display: 'long' | 'short'): Intl.NumberFormat =>
    once(`${unit} ${display}`, () => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: display }));
  const inUnits = (ms: number, display: 'long' | 'short'): string => {
    const { hours, minutes, seconds } = clockDigits(ms);
    const parts: string[] = [];
    if (hours > 0) parts.push(unitFormat('hour', display).format(hours));
    if (minutes > 0) parts.push(unitFormat('minute', display).format(minutes));
    if (hours === 0 && (seconds > 0 || minutes === 0)) parts.push(unitFormat('second', display).format(seconds));
    return new Intl.ListFormat(locale, { type: 'unit', style: display === 'long' ? 'long' : 'narrow' }).format(parts);
  };

  return {
    locale,
    money: (minor, currency, how = 'full') => moneyFormat(minor, currency, how).format(decimalText(minor, currency)),
    moneyParts(minor, currency, how = 'full') {
      const parts = moneyFormat(minor, currency, how).formatToParts(decimalText(minor, currency));
      const at = parts.findIndex((part) => part.type === 'currency');
      const number = parts
        .filter((part) => part.type !== 'currency' && part.type !== 'literal')
        .map((part) => part.value);
      return { sign: parts[at]?.value ?? '', number: number.join(''), signFirst: at <= 1 };
    },
    number: (value) => once('number', () => new Intl.NumberFormat(locale)).format(value),
    percent: (share) => once('percent', () => new Intl.NumberFormat(locale, { style: 'percent' })).format(share),
    time: (atMs, timeZone) => dateFormat('time', timeZone, { hour: '2-digit', minute: '2-digit' }).format(atMs),
    timeToSecond: (atMs, timeZone) =>
      dateFormat('second', timeZone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(atMs),
    dateTime: (atMs, timeZone) =>
      dateFormat('date', timeZone, {
        weekday: 'short',
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit',
      }).format(atMs),
    dayToSecond: (atMs, timeZone) =>
      dateFormat('day second', timeZone, {
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      }).format(atMs),
    fullMoment: (atMs, timeZone) =>
      dateFormat('moment', timeZone, {
        day: 'numeric',
        month: 'long',
        year: 'numeric',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      }).format(atMs),
    duration: (ms) => inUnits(ms, 'long'),
    durationShort: (ms) => inUnits(ms, 'short'),
    list: (items) => new Intl.ListFormat(locale, { type: 'conjunction' }).format(items),
  };
}

/** The city of a zone that the festival does not name: "Europe/Paris" is "Paris". */
function cityOf(timeZone: string): string {
  return (timeZone.split('/').at(-1) ?? timeZone).replaceAll('_', ' ');
}

/** The festival's own place, and the reader's where that differs (else a second place of the festival). */
function shownPlaces(places: readonly Place[], zone: string): Place[] {
  const [first, second] = places;
  if (first === undefined) return [];
  const own =
    zone === first.timeZone
      ? second
      : (places.find((p) => p.timeZone === zone) ?? { city: cityOf(zone), timeZone: zone });
  const shown = own === undefined || own.city === 'UTC' ? [first, second] : [first, own];
  return shown.filter((place) => place !== undefined);
}

/** "00:00 Shanghai, 17:00 Amsterdam": the festival's own time, and the reader's where that differs (else a second place). */
export function timeInPlaces(format: Format, atMs: number, places: readonly Place[], zone: string = ownZone): string {
  const shown = shownPlaces(places, zone);
  if (shown.length === 0) return format.time(atMs, zone);
  return shown.map((place) => `${format.time(atMs, place.timeZone)} ${place.city}`).join(', ');
}

/** "21 November 2026 at 18:42:07 Shanghai" and "11:42:07 Amsterdam": a moment on which something depends, in both places. */
export function momentInPlaces(
  format: Format,
  atMs: number,
  places: readonly Place[],
  zone: string = ownZone,
): { moment: string; elsewhere: string | null } {
  const [first, second] = shownPlaces(places, zone);
  if (first === undefined) return { moment: format.fullMoment(atMs, zone), elsewhere: null };
  const date = ({ timeZone }: Place): string => new Intl.DateTimeFormat('en-CA', { timeZone }).format(atMs);
  // Where it is another day, the other place's date is said as well.
  const other =
    second === undefined
      ? null
      : date(second) === date(first)
        ? format.timeToSecond(atMs, second.timeZone)
        : format.dayToSecond(atMs, second.timeZone);
  return {
    moment: `${format.fullMoment(atMs, first.timeZone)} ${first.city}`,
    elsewhere: other === null || second === undefined ? null : `${other} ${second.city}`,
  };
}
