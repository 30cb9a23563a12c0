import type { CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';

/** What a command answers when it succeeds, by its wire name. */
export type ReplyOfName<N extends CommandName> =
  CommandOutcome<N> extends infer O ? (O extends { ok: true; reply: infer R } ? R : never) : never;
