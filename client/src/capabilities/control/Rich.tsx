/** A sentence whose numbers stand out: `<b>12</b> here`. Only that one mark is known; everything else is text. */
export function Rich({ text }: { text: string }) {
  const parts = text.split(/<b>(.*?)<\/b>/);
  // Every second part stood between the marks; a sentence's parts have no other identity than their place.
  // oxlint-disable-next-line react/no-array-index-key
  return parts.map((part, i) => (i % 2 === 1 ? <b key={i}>{part}</b> : part));
}
