import { hash } from 'node:crypto';
import type { Command, Contract, DecisionOf, InputOf } from '@elevens/shared/src/contract.ts';
import type { FaultAnswer, FaultCode, Problem } from '@elevens/shared/src/faults.ts';
import type { Socket } from 'socket.io';
import type { z } from 'zod';
import { addressBudget, createBudgets, personBudget } from './budget.ts';
import type { Caller, Person } from './caller.ts';
import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';
import { createSayOnce, type Logger } from './logger.ts';
import type { Random } from './random.ts';
import type { Confirmation } from './redis/confirmation.ts';
import { isRedisAway, ScriptError } from './redis/scripts.ts';

/** What a script needs to remember an answer and to know it again. Empty words for a query, which remembers nothing. */
export interface AnswerKey {
  requestId: string;
  /** `deals:claim` */
  command: string;
  inputHash: string;
}

export type HandlersOf<C extends Contract> = {
  [K in keyof C['commands']]: (
    caller: Caller,
    input: InputOf<C['commands'][K]>,
    answer: AnswerKey,
  ) => Promise<DecisionOf<C['commands'][K]>>;
};

export type Answer = { ok: true; reply: unknown } | { ok: false; why: string } | FaultAnswer;

/** A success as a script wrote it: it is told as it is, and read only by whoever looks into it. */
class Written {
  readonly ok = true;
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
  get reply(): unknown {
    return (JSON.parse(this.json) as { reply: unknown }).reply;
  }
  toJSON(): object {
    return { ok: true, reply: this.reply };
  }
}

/** The decision of which a script answered, or remembered, this JSON; which decisions those may be is for the caller to know. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a handler's own answer, as JSON.parse would have it unnamed
export function decisionOf<D extends { ok: boolean }>(json: string): D {
  return (json.startsWith('{"ok":true,') ? new Written(json) : JSON.parse(json)) as D;
}

/** An answer as JSON, for whoever tells it. */
export function jsonOf(answer: Answer): string {
  return answer instanceof Written ? answer.json : JSON.stringify(answer);
}

export interface Call {
  /** `deals:claim` */
  name: string;
  input: unknown;
  person: Person | null;
  /** Whose budget pays for those who are nobody in particular, and with whom everybody there shares a larger one. */
  address: string;
  socket: Socket | null;
}

export interface GatewayMetrics {
  command(name: string, outcome: string, seconds: number): void;
  fault(code: FaultCode): void;
  scriptError(file: string): void;
}

type Handler = (caller: Caller, input: unknown, answer: AnswerKey) => Promise<Answer>;
type NamedContract = Contract & { name: string };

/** Wrong fields named in one answer; a caller who sends thousands learns no more from them. */
const problemsMax = 10;

function problemsOf(error: z.ZodError): Problem[] {
  return error.issues
    .slice(0, problemsMax)
    .map((issue) => ({ path: issue.path.join('.').slice(0, 200), message: issue.message.slice(0, 300) }));
}

/**
 * 96 bits of SHA-256 as one short word. It tells a caller's own repeat from another body, also where the caller looks for two
 * that are the same. Made by Node's one-shot hash, which costs half a microsecond for a claim: less than any mixing by hand.
 */
const hashCharacters = 16;
const wordOf = (text: string): string => hash('sha256', text, 'base64url').slice(0, hashCharacters);

/** Nine bytes are twelve characters of base64 without a rest, so a page of them can be cut anywhere between two. */
const traceBytes = 9;
const traceCharacters = 12;
const tracesDrawn = 100;

const noAnswer: AnswerKey = { requestId: '', command: '', inputHash: '' };

/**
 * The one door for commands, whatever they came over: finds the declaration, checks the caller, charges the budget,
 * parses, calls, times and answers. A handler holds only the domain.
 */
export interface Gateway {
  /** Joins a contract to what carries it out. The compiler names every missing handler. */
  serve<C extends NamedContract>(contract: C, handlers: HandlersOf<C>): void;
  /** Decides one call. Never throws: a fault or a bug is an answer like any other. */
  call(call: Call): Promise<Answer>;
  /** Calls that are being decided now; draining waits for none. */
  inFlight(): number;
  /** From now on every call is refused as `unavailable`, before anything is done: the node is leaving. */
  refuseNew(): void;
}

export function createGateway({
  clock,
  random,
  logger,
  metrics,
  checkReplies,
  mayChange = () => true,
  confirmation = null,
}: {
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: GatewayMetrics;
  /** Parse every reply by its schema too: in tests and development, where a wrong one should be loud. */
  checkReplies: boolean;
  /**
   * Whether what is decided now would be kept as promised. While it is not, only questions are answered: a Redis that
   * came back is connected a moment before it has been looked at.
   */
  mayChange?: () => boolean;
  /**
   * Where the level asks for replicas: every changing command is answered only once they have what it decided. At the
   * other levels the script's own answer says so already, and nothing is waited for.
   */
  confirmation?: Pick<Confirmation, 'open'> | null;
}): Gateway {
  const commands = new Map<string, { command: Command; handler: Handler }>();
  const people = createBudgets(personBudget);
  const addresses = createBudgets(addressBudget);
  const sayOnce = createSayOnce(logger, clock);
  let traces = '';
  let nextTrace = 0;
  let inFlight = 0;
  let refusing = false;

  /** Finds one call in the log. Chance is asked for a page of them at once: every call has one, and few are ever looked for. */
  function newTrace(): string {
    if (nextTrace >= traces.length) {
      traces = random.token(tracesDrawn * traceBytes);
      nextTrace = 0;
    }
    nextTrace += traceCharacters;
    return traces.slice(nextTrace - traceCharacters, nextTrace);
  }

  function charge(call: Call, cost: number, nowMs: number): void {
    const waitMs = Math.max(
      call.person === null ? 0 : people.spend(call.person.shopperId, cost, nowMs),
      addresses.spend(call.address, cost, nowMs),
    );
    if (waitMs > 0) throw new Fault('rate-limited', { retryAfterMs: waitMs });
  }

  function authorise(command: Command, person: Person | null): void {
    if (command.callers === 'anyone') return;
    if (person === null) throw new Fault('unauthenticated');
    if (!command.callers.some((role) => person.roles.includes(role))) throw new Fault('forbidden');
  }

  /**
   * Calls that no client of ours makes go into the audit log: what does not fit the contract, what the caller has no role for,
   * and an old request id with a new body. One line a minute for each command and kind, with their number, because anybody may
   * send them as often as the budget lets them.
   */
  function auditRefused(call: Call, answer: Answer): void {
    if (answer.ok) return;
    const why = 'why' in answer ? answer.why : answer.fault;
    if (why !== 'bad-input' && why !== 'forbidden' && why !== 'request-id-reused') return;
    // Only declared names are written: a stranger's spelling is not.
    if (!commands.has(call.name)) return;
    const paths = 'problems' in answer ? answer.problems?.slice(0, 3).map(({ path }) => path.slice(0, 40)) : undefined;
    sayOnce(
      `${call.name} ${why} audit`,
      {
        audit: 'call-refused',
        command: call.name,
        who: call.person?.shopperId ?? null,
        why,
        ...(paths === undefined ? {} : { paths }),
      },
      `a call of ${call.name} was refused: ${why}`,
    );
  }

  /** The input as one short word: whether a repeat is the same call. */
  function answerKeyOf(name: string, input: unknown): AnswerKey {
    let text: string;
    try {
      text = JSON.stringify(input);
    } catch (cause) {
      // Free-form input nested so deep that it cannot be written down again.
      throw new Fault('bad-input', { problems: [{ path: '', message: 'is nested too deep' }], cause });
    }
    return { requestId: (input as { requestId: string }).requestId, command: name, inputHash: wordOf(text) };
  }

  /** Lets one call in, and begins to decide it. What is refused at the door is thrown. */
  function begin(call: Call, traceId: string, beganMs: number): Promise<Answer> {
    if (refusing) throw new Fault('unavailable');
    const found = commands.get(call.name);
    if (found === undefined) {
      charge(call, 5, beganMs);
      throw new Fault('not-found');
    }
    const { command, handler } = found;
    charge(call, command.cost, beganMs);
    authorise(command, call.person);
    const arrivedAtMs = clock.nowMs();
    const parsed = command.input.safeParse(call.input);
    if (!parsed.success) throw new Fault('bad-input', { problems: problemsOf(parsed.error) });
    if (command.changes && !mayChange()) throw new Fault('unavailable');
    const answerKey = command.changes ? answerKeyOf(call.name, parsed.data) : noAnswer;
    const caller = { person: call.person, arrivedAtMs, traceId, socket: call.socket };
    if (confirmation === null || !command.changes) return handler(caller, parsed.data, answerKey);
    const confirmed = confirmation.open({
      personId: call.person?.shopperId ?? '',
      requestId: answerKey.requestId,
      command: call.name,
      arrivedAtMs,
    });
    return handler(caller, parsed.data, answerKey).then(async (answer) => {
      await confirmed();
      return answer;
    });
  }

  /** The answer to a call that could not be decided. */
  function failed(call: Call, traceId: string, thrown: unknown): Answer {
    // Only reads throw what the connection throws: scripts say themselves whether something may have been decided.
    const error =
      !(thrown instanceof Fault) && isRedisAway(thrown) ? new Fault('unavailable', { cause: thrown }) : thrown;
    if (!(error instanceof Fault)) {
      metrics.fault('bug');
      if (error instanceof ScriptError) metrics.scriptError(error.file);
      logger.error(
        {
          command: call.name,
          errorId: traceId,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        },
        'command met a bug',
      );
      return { ok: false, fault: 'bug', retryAfterMs: null, errorId: traceId };
    }
    metrics.fault(error.code);
    if (error.cause !== undefined) {
      // Said once a minute: an outage is one line a command, not one for each of a million callers.
      sayOnce(
        `${call.name} ${error.code}`,
        {
          command: call.name,
          traceId,
          fault: error.code,
          cause: error.cause instanceof Error ? error.cause.message : 'unknown',
        },
        'command met a fault',
      );
    }
    return error.answer();
  }

  /** Counts an answer, and tells the audit log of what nobody of ours asks. */
  function finish(call: Call, beganMs: number, answer: Answer): Answer {
    inFlight--;
    auditRefused(call, answer);
    // Only declared names become labels: a stranger's spelling must not grow the metrics.
    const label = commands.has(call.name) ? call.name : 'unknown';
    const outcome = answer.ok ? 'ok' : 'why' in answer ? answer.why : answer.fault;
    metrics.command(label, outcome, (clock.monotonicMs() - beganMs) / 1_000);
    return answer;
  }

  function checked(name: string, answer: Answer): Answer {
    const command = commands.get(name)?.command;
    if (command === undefined) throw new Error(`${name} is not declared`);
    const schema = answer.ok ? command.reply : 'why' in answer ? command.rejections[answer.why] : undefined;
    if (schema === undefined)
      throw new Error(`${name} answered what it does not declare: ${JSON.stringify(answer).slice(0, 200)}`);
    const { ok: _ok, why: _why, ...details } = answer as { ok: boolean; why?: string };
    schema.parse(answer.ok ? answer.reply : details);
    return answer;
  }

  return {
    inFlight: () => inFlight,
    refuseNew() {
      refusing = true;
    },
    serve(contract, handlers) {
      for (const [key, command] of Object.entries(contract.commands)) {
        const name = `${contract.name}:${key}`;
        if (commands.has(name)) throw new Error(`${name} is served twice`);
        commands.set(name, { command, handler: handlers[key] as unknown as Handler });
      }
    },
    call(call) {
      const beganMs = clock.monotonicMs();
      const traceId = newTrace();
      inFlight++;
      let decided: Promise<Answer>;
      try {
        decided = begin(call, traceId, beganMs);
        if (checkReplies) decided = decided.then((answer) => checked(call.name, answer));
      } catch (thrown) {
        return Promise.resolve(finish(call, beganMs, failed(call, traceId, thrown)));
      }
      // One step behind the decision and no function of its own that waits: a stampede takes this way a hundred thousand times.
      return decided.then(
        (answer) => finish(call, beganMs, answer),
        (thrown: unknown) => finish(call, beganMs, failed(call, traceId, thrown)),
      );
    },
  };
}
