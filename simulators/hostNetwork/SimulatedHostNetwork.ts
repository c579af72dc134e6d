import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

export type SimulatedHostNetworkOptions = {
  readonly clock: Clock;
  readonly means?: HostNetwork['means'];
  /** How long it takes to block or to unblock; default 50. */
  readonly actuationMs?: number;
};

/** The production network of a host in memory. One object a machine: it outlives the guard's processes. */
export class SimulatedHostNetwork implements HostNetwork {
  readonly means: HostNetwork['means'];
  /** How many of the next calls fail; the host is left as it was. */
  failures = 0;
  actuationMs: number;
  readonly #clock: Clock;
  #blockedFor: readonly HostAddress[] | undefined;
  #held = false;

  constructor(options: SimulatedHostNetworkOptions) {
    this.#clock = options.clock;
    this.means = options.means ?? 'firewall';
    this.actuationMs = options.actuationMs ?? 50;
  }

  /** Whether clients cannot reach the host. */
  get blocked(): boolean {
    return this.#held || (this.#blockedFor !== undefined && this.means !== 'recordOnly');
  }

  /** Whom it is still open to while it is blocked. */
  get peers(): readonly HostAddress[] {
    return this.#blockedFor ?? [];
  }

  async block(peers: readonly HostAddress[]): Promise<void> {
    await this.#actuate();
    this.#blockedFor = peers;
  }

  async unblock(): Promise<void> {
    await this.#actuate();
    this.#blockedFor = undefined;
  }

  /** The host boots: its production network waits for the guard to have decided. */
  restartHost(): void {
    this.#blockedFor = undefined;
    this.#held = true;
  }

  /** The guard runs: the network comes up as it was configured, unless it is blocked. */
  comeUp(): void {
    this.#held = false;
  }

  async #actuate(): Promise<void> {
    await this.#clock.sleep(this.actuationMs);
    if (this.failures === 0) return;
    this.failures -= 1;
    throw new PartyFault('internal', { reason: 'simulated' }, 'unknown');
  }
}
