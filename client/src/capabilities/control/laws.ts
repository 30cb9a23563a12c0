import type { Law, Wall, WallDeal } from '@elevens/shared/src/control/contract.ts';

export type LawState = Law['state'];

export type Found = Law['evidence'][number];

/** How far off a law is, by its first piece of evidence: missing when less is there than the ledger says. */
export function amountOff(law: Law): { kind: 'missing' | 'extra'; amount: number; minor: boolean } | null {
  const [first] = law.evidence;
  if (first === undefined) return null;
  const off = first.expected - first.found;
  return { kind: off > 0 ? 'missing' : 'extra', amount: Math.abs(off), minor: first.minor === true };
}

/** Old figures say nothing of the laws any more, except what was found before and not yet counted away. */
export function shownState(law: Law, old: boolean): LawState {
  if (!old) return law.state;
  return law.evidence.length > 0 ? 'adrift' : 'unknown';
}

/** The id of the deal, coupon, order or drop that a piece of evidence is about: it is said, or its subject begins with it. */
function idOf({ subject, about }: Pick<Found, 'subject' | 'about'>): string {
  return about?.id ?? subject.split(/[: ]/, 1)[0] ?? subject;
}

/** What people call a deal. */
export function titleOfDeal(dealId: string, wall: Pick<Wall, 'deals'>): string {
  return wall.deals.find((deal) => deal.dealId === dealId)?.title ?? dealId;
}

/** Evidence names deals and drops by their ids; people know them by their titles. */
export function subjectOf(found: Pick<Found, 'subject' | 'about'>, wall: Pick<Wall, 'deals' | 'drops'>): string {
  const { subject } = found;
  const id = idOf(found);
  const title =
    wall.deals.find((deal) => deal.dealId === id)?.title ?? wall.drops.find((drop) => drop.dropId === id)?.title;
  return title === undefined || !subject.startsWith(id)
    ? subject
    : `${title}${subject.slice(id.length).replace(/^:? ?/, ': ')}`;
}

/** The same in two parts, where there are two: what it is about, and what of it. */
export function partedSubject(
  found: Pick<Found, 'subject' | 'about'>,
  wall: Pick<Wall, 'deals' | 'drops'>,
): { title: string; rest: string } {
  const whole = subjectOf(found, wall);
  const colon = whole.indexOf(': ');
  return colon === -1 ? { title: whole, rest: '' } : { title: whole.slice(0, colon), rest: whole.slice(colon + 2) };
}

/** The deal whose units are what was counted, if the wall shows it and its terms still add up to what was found. */
export function countedDeal(law: Law, wall: Pick<Wall, 'deals'>): WallDeal | null {
  const [first] = law.evidence;
  if (law.law !== 'stock' || first === undefined || !first.subject.endsWith(': free + held + sold')) return null;
  const deal = wall.deals.find(({ dealId }) => dealId === idOf(first));
  return deal !== undefined && deal.free + deal.held + deal.sold === first.found ? deal : null;
}

/** The ids of all that evidence was found about. */
export function brokenIds(wall: Pick<Wall, 'laws'>): ReadonlySet<string> {
  return new Set(wall.laws.flatMap((law) => law.evidence.map(idOf)));
}

/** Every law that does not hold, the longest adrift first. */
export function adrift(wall: Pick<Wall, 'laws'>): Law[] {
  return wall.laws
    .filter((law) => law.evidence.length > 0)
    .toSorted((a, b) => (a.evidence[0]?.sinceMs ?? 0) - (b.evidence[0]?.sinceMs ?? 0));
}
