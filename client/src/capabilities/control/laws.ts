import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';

export type LawState = Law['state'];

/** How far off a law is, by its first piece of evidence: missing when less is there than the ledger says. */
export function amountOff(law: Law): { kind: 'missing' | 'extra'; amount: number } | null {
  const [first] = law.evidence;
  if (first === undefined) return null;
  const off = first.expected - first.found;
  return { kind: off > 0 ? 'missing' : 'extra', amount: Math.abs(off) };
}

/** Old figures say nothing of the laws any more, except what was found before and not yet counted away. */
export function shownState(law: Law, old: boolean): LawState {
  if (!old) return law.state;
  return law.evidence.length > 0 ? 'adrift' : 'unknown';
}

/** Evidence names deals and drops by their ids; people know them by their titles. */
export function subjectOf(subject: string, wall: Pick<Wall, 'deals' | 'drops'>): string {
  const [id = ''] = subject.split(/[: ]/, 1);
  const title =
    wall.deals.find((deal) => deal.dealId === id)?.title ?? wall.drops.find((drop) => drop.dropId === id)?.title;
  return title === undefined ? subject : `${title}${subject.slice(id.length).replace(/^:? ?/, ': ')}`;
}

/** Every law that does not hold, the longest adrift first. */
export function adrift(wall: Pick<Wall, 'laws'>): Law[] {
  return wall.laws
    .filter((law) => law.evidence.length > 0)
    .toSorted((a, b) => (a.evidence[0]?.sinceMs ?? 0) - (b.evidence[0]?.sinceMs ?? 0));
}
