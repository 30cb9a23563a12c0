import { emptyRun, type Journal, seen } from './journal.ts';

/** What the server says at the end, and what an independent witness in the room saw. */
export interface Testimony {
  /** How many shoppers were sent. */
  shoppers: number;
  /** Whether nobody else was at this festival, so that sums must be equal and not only within their bounds. */
  alone: boolean;
  deals: { dealId: string; total: number; free: number; held: number; sold: number; limitPerShopper: number }[];
  drops: {
    dropId: string;
    packets: number;
    opened: number;
    fundMinor: number;
    openedMinor: number;
    /** Packets opened as the drop's record lists them, by index; null where it does not say. */
    listed: { index: number; amountMinor: number }[] | null;
  }[];
  /** The room's chat in order, by messageId, as a stock client saw it from before the first shopper to after the last. */
  chat: string[];
}

export interface Finding {
  law: string;
  holds: boolean;
  /** The sum as checked, in words and numbers. */
  words: string;
}

/** Differences told of one law; more would hide the first. */
const toldMax = 5;

/**
 * Holds the server to the shoppers' own journals. Every law is a sum or a set on both sides; what it cannot see (a
 * shopper who never reported) is a broken law of its own.
 */
export function judge(journals: readonly Journal[], told: Testimony): Finding[] {
  return [
    everybodyReported(journals, told),
    ...told.deals.map((deal) => unitsClaimed(journals, deal, told)),
    ...told.drops.map((drop) => packetsOpened(journals, drop, told)),
    nobodyTwice(journals, told),
    oneAnswerARequest(journals),
    linesSaid(journals, told),
    logWithoutGaps(journals, told),
    returnedByPosition(journals),
    ownFeeds(journals, told),
  ];
}

function finding(law: string, sum: string, wrong: string[]): Finding {
  if (wrong.length === 0) return { law, holds: true, words: sum };
  const more = wrong.length > toldMax ? `; and ${wrong.length - toldMax} more` : '';
  return { law, holds: false, words: `${sum}. BROKEN: ${wrong.slice(0, toldMax).join('; ')}${more}` };
}

function everybodyReported(journals: readonly Journal[], told: Testimony): Finding {
  const wrong = journals.flatMap((j) => j.troubles.map((words) => `shopper ${j.shopper}: ${words}`));
  const finished = journals.filter((j) => j.finished).length;
  if (finished !== told.shoppers) wrong.unshift(`${told.shoppers - finished} shoppers did not come to the end`);
  if (new Set(journals.map((j) => j.shopperId)).size !== journals.length) wrong.unshift('two shoppers have one id');
  return finding('evenings', `${finished} of ${told.shoppers} shoppers had their evening`, wrong);
}

function unitsClaimed(journals: readonly Journal[], deal: Testimony['deals'][number], told: Testimony): Finding {
  const claims = journals.flatMap((j) => j.claims.filter((c) => c.dealId === deal.dealId));
  const won = claims.filter((c) => c.outcome === 'ok').length;
  const unknown = claims.filter((c) => c.outcome === 'lost' || c.outcome === 'unknown').length;
  const buyers = new Set(journals.filter((j) => j.claims.some((c) => c.dealId === deal.dealId)).map((j) => j.shopper));
  const gone = deal.held + deal.sold;
  const wrong: string[] = [];
  if (won > deal.total) wrong.push(`${won} shoppers were told that a unit is theirs, and there are ${deal.total}`);
  if (deal.free + gone !== deal.total)
    wrong.push(`free ${deal.free} + held ${deal.held} + sold ${deal.sold} is no ${deal.total}`);
  if (won > gone) wrong.push(`${won} units were promised and the server keeps ${gone}`);
  if (told.alone && unknown === 0 && won !== gone) wrong.push(`the shoppers hold ${won}, the server says ${gone}`);
  // Everyone wanted one: where all were asked for, all must be gone, and where not, nobody may have gone without.
  const wanted = Math.min(deal.total, buyers.size * deal.limitPerShopper);
  if (told.alone && unknown === 0 && deal.limitPerShopper === 1 && won !== wanted)
    wrong.push(`${buyers.size} shoppers wanted one of ${deal.total}, and ${won} got one`);
  return finding(
    `units of ${deal.dealId}`,
    `${claims.length} claims of ${buyers.size} shoppers, ${won} ok; the server: free ${deal.free} + held ${deal.held} + sold ${deal.sold} = ${deal.total}`,
    wrong,
  );
}

function packetsOpened(journals: readonly Journal[], drop: Testimony['drops'][number], told: Testimony): Finding {
  const opened = journals.flatMap((j) => j.packets.filter((p) => p.dropId === drop.dropId && p.outcome === 'ok'));
  const tried = new Set(journals.filter((j) => j.packets.some((p) => p.dropId === drop.dropId)).map((j) => j.shopper));
  const unknown = journals.some((j) =>
    j.packets.some((p) => p.dropId === drop.dropId && (p.outcome === 'lost' || p.outcome === 'unknown')),
  );
  const sumMinor = opened.reduce((sum, p) => sum + (p.amountMinor ?? 0), 0);
  const wrong: string[] = [];
  if (new Set(opened.map((p) => p.index)).size !== opened.length) wrong.push('one packet was given twice');
  if (sumMinor > drop.fundMinor) wrong.push(`shoppers were given ${sumMinor} of a fund of ${drop.fundMinor}`);
  if (drop.openedMinor > drop.fundMinor) wrong.push(`the drop gave ${drop.openedMinor} of a fund of ${drop.fundMinor}`);
  if (sumMinor > drop.openedMinor) wrong.push(`shoppers were given ${sumMinor}, the drop says ${drop.openedMinor}`);
  if (told.alone && !unknown) {
    if (sumMinor !== drop.openedMinor || opened.length !== drop.opened)
      wrong.push(`shoppers opened ${opened.length} (${sumMinor}), the drop says ${drop.opened} (${drop.openedMinor})`);
    const wanted = Math.min(drop.packets, tried.size);
    if (opened.length !== wanted)
      wrong.push(`${tried.size} shoppers for ${drop.packets} packets, and ${opened.length} were opened`);
  }
  if (opened.length === drop.packets && sumMinor !== drop.fundMinor)
    wrong.push(`all packets are open and hold ${sumMinor}, not the fund of ${drop.fundMinor}`);
  if (drop.listed !== null) {
    const listed = new Map(drop.listed.map((p) => [p.index, p.amountMinor]));
    for (const p of opened) {
      if (listed.get(p.index ?? -1) !== p.amountMinor)
        wrong.push(`packet ${p.index} held ${p.amountMinor}, the record says ${listed.get(p.index ?? -1)}`);
    }
  }
  return finding(
    `packets of ${drop.dropId}`,
    `${opened.length} opened by shoppers with ${sumMinor}; the server: ${drop.opened} of ${drop.packets} with ${drop.openedMinor} of ${drop.fundMinor}`,
    wrong,
  );
}

function nobodyTwice(journals: readonly Journal[], told: Testimony): Finding {
  const wrong: string[] = [];
  const limits = new Map(told.deals.map((d) => [d.dealId, d.limitPerShopper]));
  let looked = 0;
  for (const j of journals) {
    for (const [dealId, limit] of limits) {
      const won = j.claims.filter((c) => c.dealId === dealId && c.outcome === 'ok').length;
      if (won > limit) wrong.push(`shopper ${j.shopper} has ${won} of ${dealId}, the limit is ${limit}`);
      looked++;
    }
    for (const { dropId } of told.drops) {
      const opened = j.packets.filter((p) => p.dropId === dropId && p.outcome === 'ok').length;
      if (opened > 1) wrong.push(`shopper ${j.shopper} opened ${opened} packets of ${dropId}`);
      looked++;
    }
  }
  const holds = journals.flatMap((j) => j.claims.flatMap((c) => c.holdId ?? []));
  if (new Set(holds).size !== holds.length) wrong.push('two claims were answered with one hold');
  return finding('nobody twice', `${looked} limits looked at, ${holds.length} holds`, wrong);
}

function oneAnswerARequest(journals: readonly Journal[]): Finding {
  const same = journals.reduce((sum, j) => sum + j.resent.same, 0);
  const wrong = journals
    .filter((j) => j.resent.different > 0)
    .map((j) => `shopper ${j.shopper} got another answer to the same request`);
  return finding('one answer a request', `${same} requests sent again got the first answer, word for word`, wrong);
}

function linesSaid(journals: readonly Journal[], told: Testimony): Finding {
  const said = journals.flatMap((j) => j.said);
  const shown = new Set(told.chat);
  const unknown = journals.reduce((sum, j) => sum + j.saidUnknown, 0);
  const wrong: string[] = [];
  const missing = said.filter((id) => !shown.has(id));
  if (missing.length > 0) wrong.push(`${missing.length} lines were said and never shown`);
  if (shown.size !== told.chat.length) wrong.push(`${told.chat.length - shown.size} lines were shown twice`);
  const strange = told.chat.length - said.length;
  if (told.alone && (strange < 0 || strange > unknown))
    wrong.push(`${said.length} were said, ${told.chat.length} shown`);
  return finding('lines said', `${said.length} lines said, ${told.chat.length} shown in the room`, wrong);
}

function logWithoutGaps(journals: readonly Journal[], told: Testimony): Finding {
  const placeOf = new Map(told.chat.map((id, at) => [id, at]));
  const wrong: string[] = [];
  let entries = 0;
  for (const { shopper, chat } of journals) {
    entries += chat.count;
    if (chat.first === null) continue;
    const from = placeOf.get(chat.first);
    if (from === undefined) {
      wrong.push(`shopper ${shopper} saw a line that the room never showed`);
      continue;
    }
    const run = told.chat.slice(from, from + chat.count).reduce(seen, emptyRun);
    if (run.count !== chat.count || run.hash !== chat.hash)
      wrong.push(
        `what shopper ${shopper} saw is no gapless piece of the room's log (${chat.count} lines from line ${from + 1})`,
      );
  }
  return finding(
    'log without gaps',
    `${entries} lines seen by ${journals.length} shoppers, each in order, each once`,
    wrong,
  );
}

function returnedByPosition(journals: readonly Journal[]): Finding {
  const times = journals.reduce((sum, j) => sum + j.returned.times, 0);
  const recovered = journals.reduce((sum, j) => sum + j.returned.recovered, 0);
  const wrong = times === recovered ? [] : [`${times - recovered} came back and could not be told all`];
  return finding(
    'back by position',
    `${recovered} of ${times} who lost the line were told all that they had missed`,
    wrong,
  );
}

function ownFeeds(journals: readonly Journal[], told: Testimony): Finding {
  const wrong: string[] = [];
  let energy = 0;
  for (const j of journals.filter((one) => one.finished)) {
    const holds = j.claims.flatMap((c) => c.holdId ?? []).toSorted();
    const walletMinor = j.packets.reduce((sum, p) => sum + (p.amountMinor ?? 0), 0);
    energy += j.energyShown ?? 0;
    const shownHolds = j.holdsShown?.toSorted() ?? [];
    if (shownHolds.join() !== holds.join())
      wrong.push(`shopper ${j.shopper} holds ${holds.length} and is shown ${shownHolds.length}`);
    if (j.walletMinorShown !== walletMinor)
      wrong.push(`shopper ${j.shopper} was given ${walletMinor} and is shown ${j.walletMinorShown}`);
    // Elsewhere a task's window may open or close in between, so what was earned is known only at our own festival.
    if (told.alone && j.energyShown !== j.energyEarned)
      wrong.push(`shopper ${j.shopper} earned ${j.energyEarned} energy and is shown ${j.energyShown}`);
  }
  return finding(
    'own feeds',
    `holds, wallet and energy (${energy} in all) as each shopper's own answers add up`,
    wrong,
  );
}
