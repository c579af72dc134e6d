import { PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { wishCalls } from '#machines/parties/wishes.ts';
import type { ScenarioParties } from '#machines/parties/wishes.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { Perform } from './durableHost.ts';

/** How the wishes of a chart are performed: one line a method. */
export type CallTable<Parties> = Readonly<
  Record<string, (parties: Parties, args: never, intent: Intent) => Promise<unknown>>
>;

/**
 * Wishes → typed party methods, with the one place where trying again is decided: a transient fault is tried again with
 * a growing pause until the wish's deadline. Parties are idempotent on the ticket, so an unknown effect is reconciled
 * by the same call.
 */
export function performerOf<Parties>(
  calls: CallTable<Parties>,
  partiesOf: (instance: string) => Parties,
  clock: Clock,
): Perform {
  return async ({ ticket, instance, name, askedAtMs, parsedArgs }) => {
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (!call) throw new PartyFault('internal', { reason: `no party has a method ${name}` });
    const deadlineAtMs = (parsedArgs.soon ? askedAtMs : clock.nowMs()) + parsedArgs.timeoutMs;
    if (clock.nowMs() > deadlineAtMs) throw new PartyFault('timedOut', { what: name }, 'none');
    const intent = { ticket, scenarioId: scenarioId(instance), epoch: parsedArgs.epoch, deadlineAtMs };
    for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 15_000)) {
      try {
        // The one place where a name read back from the store meets its types.
        const answer = call(partiesOf(instance), parsedArgs.args as never, intent);
        return await bounded(answer, deadlineAtMs, name, clock);
      } catch (thrown) {
        if (toFault(thrown).duration === 'permanent' || clock.nowMs() + pauseMs >= deadlineAtMs) throw thrown;
        await clock.sleep(pauseMs);
      }
    }
  };
}

/** Of a scenario's chart. */
export const performer = (partiesOf: (instance: string) => ScenarioParties, clock: Clock): Perform =>
  performerOf(wishCalls, partiesOf, clock);

/** A party that never answers is a fault too. */
function bounded<T>(answer: Promise<T>, deadlineAtMs: number, what: string, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, deadlineAtMs - clock.nowMs()), () =>
      reject(new PartyFault('timedOut', { what })),
    );
    answer.then(resolve, reject).finally(cancel);
  });
}
