import { PartyFault } from '#machines/faults.ts';
import type { Intent } from '#machines/parties/intent.ts';

/** The newest epoch heard of each scenario, for as long as this process lives: an actuator refuses an older one. */
export class EpochGuard {
  readonly #newest = new Map<string, number>();

  /** Fault: `staleEpoch`. */
  admit({ scenarioId, epoch }: Pick<Intent, 'scenarioId' | 'epoch'>): void {
    const newest = this.#newest.get(scenarioId) ?? epoch;
    if (epoch < newest) throw new PartyFault('staleEpoch', { theirs: epoch, ours: newest });
    this.#newest.set(scenarioId, epoch);
  }
}
