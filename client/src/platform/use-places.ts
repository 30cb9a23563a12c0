import { useMemo } from 'react';
import { type Format, momentInPlaces, ownZone, type Place, timeInPlaces } from './format.ts';
import { useWords } from './i18n.ts';
import { useList } from './platform.tsx';

/** Times as this festival says them: in its own place, and in the reader's where a time appears for the first time. */
export interface Times {
  /** The festival's own place; the reader's until it is known. */
  place: Place;
  places: readonly Place[];
  /** "00:20" in the festival's place. */
  short(atMs: number): string;
  toSecond(atMs: number): string;
  /** "00:20 Shanghai, 17:20 Amsterdam". */
  withPlaces(atMs: number): string;
  /** "11 Nov, 00:20:09" in the festival's place. */
  dayToSecond(atMs: number): string;
  /** "11 Nov, 00:20:09 Shanghai": a moment of another day, in a few words. */
  dayToSecondThere(atMs: number): string;
  /** "21 November 2026 at 18:42:07 Shanghai" and, apart, "11:42:07 Amsterdam". */
  moment(atMs: number): { moment: string; elsewhere: string | null };
  format: Format;
}

const none: readonly Place[] = [];

export function useTimes(): Times {
  const { format } = useWords();
  const answer = useList('campaign:tonight');
  const places = answer.is === 'ready' ? answer.reply.places : none;
  return useMemo(() => {
    const place = places[0] ?? { city: ownZone.split('/').at(-1) ?? ownZone, timeZone: ownZone };
    return {
      place,
      places,
      format,
      short: (atMs) => format.time(atMs, place.timeZone),
      toSecond: (atMs) => format.timeToSecond(atMs, place.timeZone),
      withPlaces: (atMs) => timeInPlaces(format, atMs, places),
      dayToSecond: (atMs) => format.dayToSecond(atMs, place.timeZone),
      dayToSecondThere: (atMs) => `${format.dayToSecond(atMs, place.timeZone)} ${place.city}`,
      moment: (atMs) => momentInPlaces(format, atMs, places),
    };
  }, [places, format]);
}
