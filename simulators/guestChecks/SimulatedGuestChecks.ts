import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { CheckAnswer, GuestChecks } from '#machines/parties/guestChecks.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { ServiceCheck } from '#machines/vocabulary.ts';

export type SimulatedGuestChecksParts = {
  readonly clock: Clock;
  /** What the guest of this VM says at this instant; undefined when it says nothing. */
  readonly whatAnswers: (vmId: string, check: ServiceCheck) => CheckAnswer | undefined;
};

const pauseMs = 1000;
/** The answer is there before whoever waits for it gives up. */
const earlierMs = 500;

/** Guests that are asked in the time of the clock that is handed in. */
export class SimulatedGuestChecks implements GuestChecks {
  readonly #parts: SimulatedGuestChecksParts;

  constructor(parts: SimulatedGuestChecksParts) {
    this.#parts = parts;
  }

  async check(
    { vmId, check }: { readonly vmId: string; readonly check: ServiceCheck },
    { deadlineAtMs }: Intent,
  ): Promise<CheckAnswer> {
    const { clock, whatAnswers } = this.#parts;
    for (;;) {
      const answer = whatAnswers(vmId, check);
      if (answer?.outcome === 'passed') return answer;
      const leftMs = deadlineAtMs - earlierMs - clock.nowMs();
      if (leftMs <= 0) {
        if (answer) return answer;
        throw new PartyFault('timedOut', { what: check.name });
      }
      await clock.sleep(Math.min(pauseMs, leftMs));
    }
  }
}
