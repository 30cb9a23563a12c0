import type { Random } from '../../platform/random.ts';

/** What a lantern or a silk may look like, and what is seen at a night market. Together with a number at most 21 characters. */
const looks = (
  'Amber Azure Bamboo Brass Bright Cedar Cherry Copper Coral Crimson Drifting Dusky Early Ember Festive Gentle Gilded ' +
  'Golden Indigo Ivory Jade Jasmine Lacquer Lucky Lunar Maple Merry Misty Moonlit Nimble Opal Painted Paper Pearl ' +
  'Plum Quiet Rosy Russet Saffron Scarlet Silk Silver Starlit Sunny Swift Tawny Velvet Vermeil Warm Willow'
).split(' ');
const sights = (
  'Abacus Barge Bell Bridge Canopy Carp Comet Crane Cricket Dragon Drum Dumpling Falcon Fan Finch Firefly Fox Gong ' +
  'Heron Kite Koi Lantern Lark Lily Lotus Magpie Mango Market Moon Moth Orchid Otter Panda Peony Phoenix Plum ' +
  'Pomelo Rabbit Raven River Sparrow Swallow Tangerine Teapot Tiger Tortoise Umbrella Wagon Willow Wren'
).split(' ');

/** A pleasant name for a guest who gave none: "Amber Kite 42". Not unique, because nobody is known by it. */
export function chosenName(random: Random): string {
  const look = looks[random.int(looks.length)];
  const sight = sights[random.int(sights.length)];
  return `${look} ${sight} ${random.int(90) + 10}`;
}
