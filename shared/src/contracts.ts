import { campaign } from './campaign/contract.ts';
import { catalogue } from './catalogue/contract.ts';
import { clock } from './clock/contract.ts';
import type { AllCommands, AllFeeds, InputOf, OutcomeOf, PayloadOf } from './contract.ts';
import { control } from './control/contract.ts';
import { deals } from './deals/contract.ts';
import { energy } from './energy/contract.ts';
import { feeds } from './feeds/contract.ts';
import { identity } from './identity/contract.ts';
import { live } from './live/contract.ts';
import { orders } from './orders/contract.ts';
import { payments } from './payments/contract.ts';
import { redpackets } from './redpackets/contract.ts';

/** THE list of what Elevens can do. A new capability is a folder and a line here, in compose.ts and in a surface. */
export const contracts = [
  identity,
  clock,
  feeds,
  catalogue,
  campaign,
  deals,
  orders,
  payments,
  live,
  redpackets,
  energy,
  control,
] as const;

export type Commands = AllCommands<typeof contracts>;
export type Feeds = AllFeeds<typeof contracts>;
export type CommandName = keyof Commands;
export type FeedName = keyof Feeds;
export type CommandInput<N extends CommandName> = InputOf<Commands[N]>;
export type CommandOutcome<N extends CommandName> = OutcomeOf<Commands[N]>;
export type FeedPayload<N extends FeedName> = PayloadOf<Feeds[N]>;
