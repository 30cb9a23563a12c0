import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { FaultAnswer } from '@elevens/shared/src/faults.ts';

/** What a lost or unreadable HTTP answer is to the caller: worth sending again a second later. */
const lost: FaultAnswer = { ok: false, fault: 'unavailable', retryAfterMs: 1_000 };

/** An answer over HTTP takes at most this long; then it counts as lost. Longer than any command's own time on the server. */
const answerMaxMs = 10_000;

/**
 * Calls a command by its HTTP route. A reply comes bare with 200, so it is put into the same outcome as over the socket.
 * Never throws: what cannot be reached or read is a fault.
 */
export async function post<N extends CommandName>(
  name: N,
  input: CommandInput<N>,
  token?: string,
): Promise<CommandOutcome<N> | FaultAnswer> {
  try {
    const response = await fetch(`/api/${name.replace(':', '/')}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(answerMaxMs),
    });
    const body: unknown = await response.json();
    if (response.ok) return { ok: true, reply: body } as CommandOutcome<N>;
    if (typeof body === 'object' && body !== null && ('why' in body || 'fault' in body)) return body as FaultAnswer;
    return lost;
  } catch {
    return lost;
  }
}
