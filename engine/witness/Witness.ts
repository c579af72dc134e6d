import { PartyFault } from '#machines/faults.ts';
import type { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import type { Handlers } from '#engine/protocol/session.ts';

export type WitnessOptions = {
  /** Name of this engine, as in its certificate. */
  readonly node: string;
  /** Started already. */
  readonly voter: LeaseVoter;
};

/**
 * The third voter on port 25000. It grants only to scenarios that the appliance has asked it about since its memory
 * began: a witness that has lost its memory does not give leases to a master whose replacement it once agreed to.
 */
export class Witness {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  handlers(): Handlers {
    const { node, voter } = this.#options;
    return {
      'lease.renew': (renewal) => {
        if (!voter.knows(renewal.scenarioId))
          throw new PartyFault('notFound', { object: `scenario ${renewal.scenarioId}` });
        return voter.renew(renewal);
      },
      'witness.read': async ({ scenarioId }) => {
        await voter.introduce(scenarioId);
        return { node, ...voter.read(scenarioId) };
      },
      'witness.claim': ({ quietForMs, generation, intent }) => voter.claim({ quietForMs, generation }, intent),
      'witness.release': async ({ intent }) => {
        await voter.release(intent);
        return {};
      },
    };
  }
}
