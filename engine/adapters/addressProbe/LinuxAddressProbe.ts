import { isIPv4 } from 'node:net';
import { PartyFault } from '#machines/faults.ts';
import type { AddressProbe } from '#machines/parties/addressProbe.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { beganAt } from '#engine/core/beganAt.ts';
import { probeByArping } from './arping.ts';
import { carries, wayTo } from './linkTo.ts';
import { probeByNeighbours } from './neighbours.ts';

export type LinuxAddressProbeOptions = {
  readonly clock: Clock;
  /** iputils' `arping`; where there is none the kernel's own ARP is asked instead. */
  readonly arpingProgram?: string;
};

type Answer = { readonly address: string; readonly by: string };

/**
 * ARP on the network that an address is on, as duplicate address detection does it: no firewall of the asked machine
 * hides the answer, and the probe puts nobody's address into anybody's table. Needs CAP_NET_RAW or root.
 */
export class LinuxAddressProbe implements AddressProbe {
  readonly #options: LinuxAddressProbeOptions;

  constructor(options: LinuxAddressProbeOptions) {
    this.#options = options;
  }

  /** An answer counts whatever else could not be asked; silence counts only when every address could be. */
  async probe({ addresses }: { readonly addresses: readonly string[] }): Promise<{
    readonly answers: Answer[];
    readonly askedAtMs: number;
  }> {
    const askedAtMs = beganAt(this.#options.clock);
    const probed = await Promise.allSettled([...new Set(addresses)].map((address) => this.#probeOne(address)));
    const answers = probed.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
    const failed = probed.find((one) => one.status === 'rejected');
    if (failed !== undefined && answers.length === 0) throw failed.reason;
    return { answers, askedAtMs: askedAtMs() };
  }

  async #probeOne(address: string): Promise<Answer | undefined> {
    if (!isIPv4(address)) throw new PartyFault('probeUnavailable', { reason: `'${address}' is not an IPv4 address` });
    const way = await wayTo(address);
    if (way === 'own') return undefined;
    await this.#mustCarry(way.dev);
    const { clock, arpingProgram = 'arping' } = this.#options;
    const byArping = await probeByArping(arpingProgram, address, way.dev);
    const by = byArping === 'unusable' ? await probeByNeighbours(clock, address, way.dev) : byArping;
    if (by !== 'silent') return { address, by };
    // Everybody is silent on a cable that came out meanwhile.
    await this.#mustCarry(way.dev);
    return undefined;
  }

  async #mustCarry(dev: string): Promise<void> {
    if (!(await carries(dev))) throw new PartyFault('probeUnavailable', { reason: `${dev} has no ARP or no carrier` });
  }
}
