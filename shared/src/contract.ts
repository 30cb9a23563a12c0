import { z } from 'zod';
import type { FaultAnswer } from './faults.ts';
import { requestIdSchema } from './ids.ts';

/**
 * What a capability offers is declared here once. From the declaration come the Socket.IO event, the HTTP route, the
 * OpenAPI page, the typed client function and the checks of the gateway.
 */

/** What a person may be. Everyone with a token is a shopper; the others are granted. */
export const roles = ['shopper', 'host', 'brand', 'operator'] as const;
export type Role = (typeof roles)[number];

/** Who may call: everybody, even without a token, or anyone who holds one of these roles. */
export type Callers = 'anyone' | readonly [Role, ...Role[]];

type Details = z.ZodObject;

export interface Command<
  In extends z.ZodType = z.ZodType,
  Out extends z.ZodType = z.ZodType,
  Rejections extends Record<string, Details> = Record<string, Details>,
> {
  /** One sentence, for the API page. */
  summary: string;
  input: In;
  reply: Out;
  /** The expected refusals by their word, each with the details it carries. */
  rejections: Rejections;
  callers: Callers;
  /** What a call takes from the caller's budget, in tokens (see the gateway for the size of a budget). */
  cost: number;
  /** Whether it changes something, and so carries a requestId whose answer is remembered. */
  changes: boolean;
}

export interface Feed<State extends z.ZodType = z.ZodType> {
  summary: string;
  /** log: every entry counts and is delivered once, in order. state: only the latest counts. */
  kind: 'log' | 'state';
  /** What an entry (log) or the whole state (state) looks like. */
  payload: State;
  /** The feed's id: which session, which deal. */
  id: z.ZodType<string>;
  callers: Callers;
  /** own: the id must be the caller's own shopperId. */
  scope: 'public' | 'own';
}

export interface Contract {
  commands: Record<string, Command>;
  feeds: Record<string, Feed>;
  /** Authored records, by the plural under which a festival file lists them. */
  records: Record<string, z.ZodObject>;
}

const reused = { 'request-id-reused': z.strictObject({}) } as const;

/** Declares a command that reads: it changes nothing, so it needs no requestId. */
export function query<In extends z.ZodRawShape, Out extends z.ZodType, Rejections extends Record<string, Details>>(c: {
  summary: string;
  input: In;
  reply: Out;
  rejections: Rejections;
  callers: Callers;
  cost: number;
}): Command<z.ZodObject<In, z.core.$strict>, Out, Rejections> {
  return { ...c, input: z.strictObject(c.input), changes: false };
}

/** Declares a command that changes something: its input carries a requestId, and a repeat gets the first answer again. */
export function change<In extends z.ZodRawShape, Out extends z.ZodType, Rejections extends Record<string, Details>>(c: {
  summary: string;
  input: In;
  reply: Out;
  rejections: Rejections;
  callers: Callers;
  cost: number;
}): Command<z.ZodObject<In & { requestId: typeof requestIdSchema }, z.core.$strict>, Out, Rejections & typeof reused> {
  const input = z.strictObject({ requestId: requestIdSchema, ...c.input }) as unknown as z.ZodObject<
    In & { requestId: typeof requestIdSchema },
    z.core.$strict
  >;
  return { ...c, input, rejections: { ...c.rejections, ...reused }, changes: true };
}

export function feed<State extends z.ZodType>(f: Feed<State>): Feed<State> {
  return f;
}

export function defineContract<
  const Name extends string,
  Commands extends Record<string, Command>,
  Feeds extends Record<string, Feed>,
  Records extends Record<string, z.ZodObject>,
>(name: Name, contract: { commands: Commands; feeds: Feeds; records: Records }) {
  return { name, ...contract };
}

/** The details of a refusal; a schema without fields reads as a record of nothing, which no object would fit. */
type DetailsOf<D extends Details> = string extends keyof z.output<D> ? unknown : z.output<D>;

/** A refusal that was declared, with its details beside its word. */
export type RejectionOf<C> =
  C extends Command<z.ZodType, z.ZodType, infer R>
    ? { [W in keyof R & string]: { ok: false; why: W } & DetailsOf<R[W]> }[keyof R & string]
    : never;

/** What a handler answers: the reply, or one of the declared rejections. Faults are thrown. */
export type DecisionOf<C> =
  C extends Command<z.ZodType, infer Out, Record<string, Details>>
    ? { ok: true; reply: z.output<Out> } | RejectionOf<C>
    : never;

/** What a caller receives. */
export type OutcomeOf<C> = DecisionOf<C> | FaultAnswer;

export type InputOf<C> = C extends Command<infer In, z.ZodType, Record<string, Details>> ? z.output<In> : never;
export type ReplyOf<C> = C extends Command<z.ZodType, infer Out, Record<string, Details>> ? z.output<Out> : never;
export type PayloadOf<F> = F extends Feed<infer S> ? z.output<S> : never;

type Named = Contract & { name: string };
type CommandsOf<C> = C extends Named
  ? { [K in keyof C['commands'] & string as `${C['name']}:${K}`]: C['commands'][K] }
  : never;
type FeedsOf<C> = C extends Named ? { [K in keyof C['feeds'] & string as `${C['name']}:${K}`]: C['feeds'][K] } : never;
type Merged<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never;

/** Every command of a list of contracts, by its wire name `deals:claim`. */
export type AllCommands<Cs extends readonly Named[]> = Merged<CommandsOf<Cs[number]>>;
/** Every feed of a list of contracts, by its wire name `deals:stock`. */
export type AllFeeds<Cs extends readonly Named[]> = Merged<FeedsOf<Cs[number]>>;
