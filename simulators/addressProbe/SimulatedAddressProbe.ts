import { PartyFault } from '#machines/faults.ts';
import type { AddressProbe } from '#machines/parties/addressProbe.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { beganAt } from '#engine/core/beganAt.ts';

export type SimulatedProbeParts = {
  readonly clock: Clock;
  /** The hardware address of who answers for an address at this instant; undefined when nobody does. */
  readonly whoAnswers: (address: string) => string | undefined;
  /** Why nothing can be asked; undefined when it can. */
  readonly unavailable?: () => string | undefined;
};

const probes = 3;
const probeIntervalMs = 2000;
const lastWaitMs = 1000;

/** The production network's ARP, in the time of the clock that is handed in. */
export class SimulatedAddressProbe implements AddressProbe {
  readonly #parts: SimulatedProbeParts;

  constructor(parts: SimulatedProbeParts) {
    this.#parts = parts;
  }

  async probe({ addresses }: { readonly addresses: readonly string[] }): Promise<{
    readonly answers: readonly { readonly address: string; readonly by: string }[];
    readonly askedAtMs: number;
  }> {
    const { clock, whoAnswers, unavailable = () => undefined } = this.#parts;
    const askedAtMs = beganAt(clock);
    const heard = new Map<string, string>();
    const silent = (): readonly string[] => addresses.filter((address) => !heard.has(address));
    for (let probe = 1; probe <= probes && silent().length > 0; probe += 1) {
      const reason = unavailable();
      if (reason !== undefined) throw new PartyFault('probeUnavailable', { reason });
      for (const address of silent()) {
        const by = whoAnswers(address);
        if (by !== undefined) heard.set(address, by);
      }
      if (silent().length > 0) await clock.sleep(probe < probes ? probeIntervalMs : lastWaitMs);
    }
    return { answers: [...heard].map(([address, by]) => ({ address, by })), askedAtMs: askedAtMs() };
  }
}
