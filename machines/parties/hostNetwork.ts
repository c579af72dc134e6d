import type { HostAddress } from '#machines/vocabulary.ts';
import type { GuardDescription } from './masterGuard.ts';

/** The master's production network, as the guard on it takes it away. Durable memory is the guard's, not this party's. */
export interface HostNetwork {
  readonly means: GuardDescription['isolation'];
  /**
   * Blocks all traffic but that of guard and engine with the `peers`; resolves when it is blocked. Blocked already is
   * success. Faults: `internal` with the effect unknown when anything did not go down.
   */
  block(peers: readonly HostAddress[]): Promise<void>;
  unblock(): Promise<void>;
}
