import type { Clock } from '#machines/parties/clock.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

type Options = {
  readonly hostNetwork: HostNetwork;
  readonly clock: Clock;
  /** The peers of all scenarios that want the host off its network; undefined when none does. */
  readonly wanted: () => readonly HostAddress[] | undefined;
};

/**
 * One network, several scenarios: it is blocked while any of them wants that. Each call brings the network to what the
 * charts say by then, one call after the other, so that no lifting passes a block that is half done.
 */
export class HostGate implements HostNetwork {
  readonly #options: Options;
  #queue: Promise<void> = Promise.resolve();
  #actuationMs: number | undefined;
  #forced = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get means(): HostNetwork['means'] {
    return this.#options.hostNetwork.means;
  }

  /** How long the last block took. */
  get actuationMs(): number | undefined {
    return this.#actuationMs;
  }

  async block(): Promise<void> {
    await this.#settle();
  }

  async unblock(): Promise<void> {
    await this.#settle();
  }

  /** Blocked until this process ends, whatever the charts say: their store does not work any more. */
  async force(): Promise<void> {
    this.#forced = true;
    await this.#settle();
  }

  #settle(): Promise<void> {
    const turn = this.#queue.then(() => this.#apply());
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #apply(): Promise<void> {
    const { hostNetwork, clock, wanted } = this.#options;
    const peers = this.#forced ? [] : wanted();
    if (peers === undefined) return hostNetwork.unblock();
    const startedNs = clock.monotonicNs();
    await hostNetwork.block(peers);
    this.#actuationMs = Math.ceil(Number(clock.monotonicNs() - startedNs) / 1e6);
  }
}
