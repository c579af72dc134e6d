import { PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { performWish, wishNames } from '#machines/parties/wishes.ts';
import type { ScenarioParties, WishName } from '#machines/parties/wishes.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { Perform } from './durableHost.ts';

/**
 * Wishes → typed party methods, with the one place where trying again is decided: a transient fault is tried again with
 * a growing pause until the wish's deadline. Parties are idempotent on the ticket, so an unknown effect is reconciled
 * by the same call.
 */
export function performer(partiesOf: (instance: string) => ScenarioParties, clock: Clock): Perform {
  return async ({ ticket, instance, name, parsedArgs }) => {
    if (!wishNames.includes(name as WishName))
      throw new PartyFault('internal', { reason: `no party has a method ${name}` });
    const deadlineAtMs = clock.nowMs() + parsedArgs.timeoutMs;
    const intent = { ticket, scenarioId: scenarioId(instance), epoch: parsedArgs.epoch, deadlineAtMs };
    for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 15_000)) {
      try {
        return await bounded(
          performWish(partiesOf(instance), name as WishName, parsedArgs.args, intent),
          deadlineAtMs,
          name,
          clock,
        );
      } catch (thrown) {
        if (toFault(thrown).duration === 'permanent' || clock.nowMs() + pauseMs >= deadlineAtMs) throw thrown;
        await clock.sleep(pauseMs);
      }
    }
  };
}

/** A party that never answers is a fault too. */
function bounded<T>(answer: Promise<T>, deadlineAtMs: number, what: string, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, deadlineAtMs - clock.nowMs()), () =>
      reject(new PartyFault('timedOut', { what })),
    );
    answer.then(resolve, reject).finally(cancel);
  });
}
