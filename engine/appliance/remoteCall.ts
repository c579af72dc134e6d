import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Network } from '#machines/parties/network.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { RequestName, Requests } from '#engine/protocol/messages.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Session } from '#engine/protocol/session.ts';

/** How another engine is reached from here. */
export type Line = {
  readonly network: Network;
  readonly clock: Clock;
  /** Name of this engine, for the greeting. */
  readonly node: string;
};

/** A reply that takes longer is none (guide product 5). */
export const replyMs = 2_000;

/**
 * A session of its own for one use: nothing is reused, so that a stale connection is never taken for the other engine.
 * Faults: those of `connect` and `openSession`, without effect; those of the use as they are.
 */
export async function withSession<T>(line: Line, at: HostAddress, use: (session: Session) => Promise<T>): Promise<T> {
  const { network, clock, node } = line;
  const connection = await network.connect(at, { timeoutMs: replyMs });
  const session = await openSession(connection, { clock, node, purpose: 'engine' });
  try {
    return await use(session);
  } finally {
    session.close();
  }
}

/**
 * One request over a session of its own; with an intent it waits as long as the caller wants the effect. Faults: as
 * above, and `unreachable` or `timedOut` with the effect unknown once it was sent.
 */
export function remoteCall<Name extends RequestName>(
  line: Line,
  at: HostAddress,
  name: Name,
  params: Requests[Name]['params'],
  intent?: Intent,
): Promise<Requests[Name]['result']> {
  const timeoutMs = intent ? Math.max(1, intent.deadlineAtMs - line.clock.nowMs()) : replyMs;
  return withSession(line, at, (session) => session.request(name, params, { timeoutMs }));
}
