import marksUrl from './art/marks.svg?url';

/**
 * Puts the sprite of marks into the page, once. It is fetched as a file of our own rather than carried in the script: the
 * first paint does not wait for drawings, and a change of a drawing does not change the script.
 */
export async function loadMarks(): Promise<void> {
  if (document.getElementById('marks') !== null) return;
  const response = await fetch(marksUrl);
  if (!response.ok) throw new Error(`the marks did not come: ${response.status}`);
  const parsed = new DOMParser().parseFromString(await response.text(), 'image/svg+xml').documentElement;
  parsed.id = 'marks';
  parsed.setAttribute('aria-hidden', 'true');
  parsed.setAttribute('style', 'position:absolute;width:0;height:0');
  document.body.prepend(document.importNode(parsed, true));
}
