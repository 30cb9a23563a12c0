import type { Random } from '../platform/random.ts';
import { type Locale, type Phrases, phrases } from './lines.ts';

/** What is on show when somebody speaks. */
export interface OnShow {
  host: string;
  /** The thing that is pinned, where its record is known. */
  thing: { name: string; brand: string; shape: keyof Phrases['thing'] } | null;
}

/** Lines said lately that are not said again: long enough that nobody who looks on sees one twice. */
const saidMax = 40;
/** Draws for a line that was not said lately; there are more than twice as many lines as are remembered. */
const drawsMax = 12;

/** Chooses what a member of the crowd says: about the thing as often as about all else, and nothing twice in a row. */
export function createVoice(random: Random): { next(locale: Locale, onShow: OnShow): string } {
  const said: string[] = [];

  function draw(of: Phrases, { thing }: OnShow): string {
    const aboutThing = thing === null ? [] : [...of.thing[thing.shape], ...of.deal];
    const topics = [aboutThing, aboutThing, aboutThing, of.host, of.host, of.street, of.packets].filter(
      (topic) => topic.length > 0,
    );
    const topic = topics[random.int(topics.length)] ?? of.street;
    return topic[random.int(topic.length)] ?? '';
  }

  return {
    next(locale, onShow) {
      let line = '';
      for (let i = 0; i < drawsMax; i++) {
        line = draw(phrases[locale], onShow);
        if (!said.includes(line)) break;
      }
      // However the draws fell, the same line is never said twice running.
      if (line === said.at(-1)) line = phrases[locale].street.find((other) => other !== line) ?? line;
      said.push(line);
      if (said.length > saidMax) said.shift();
      return line
        .replaceAll('{host}', onShow.host)
        .replaceAll('{product}', onShow.thing?.name ?? '')
        .replaceAll('{brand}', onShow.thing?.brand ?? '');
    },
  };
}
