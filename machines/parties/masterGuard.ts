import type { Epoch, HostAddress, LeaseTiming, SwitchoverMode } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';

/** What the guard says of itself; the proof of a fence rests on it. */
export type GuardDescription = {
  /** Name of the engine it belongs to: a witness of the same name would be on the master. */
  readonly node: string;
  /** Highest epoch it has heard of this scenario; 0 when none. */
  readonly epoch: Epoch;
  readonly armed: boolean;
  readonly isolated: boolean;
  /** How it takes the host off its network; `recordOnly`: it cannot, there is nothing to take down. */
  readonly isolation: 'firewall' | 'interfaces' | 'recordOnly';
  /** Present when a hardware or kernel watchdog is open and fed. */
  readonly watchdog?: { readonly periodMs: number };
  /** Longest time an isolation took when it was last tried, if it was. */
  readonly actuationMs?: number;
};

export type GuardTerms = {
  readonly at: HostAddress;
  /** The two voters. Without a witness the guard holds no lease and isolates the host only when it is told to. */
  readonly appliance: HostAddress;
  readonly witness?: HostAddress;
  /** Manual: nobody takes over by himself, so a lost lease isolates nobody. */
  readonly policy: SwitchoverMode;
  readonly timing: LeaseTiming;
};

/**
 * The guard beside the master's engine, as the appliance reaches it on a port of its own. It keeps what it is told over
 * restarts of its process and of the host. Faults: `unreachable`, `timedOut`, `staleEpoch`, `untrustedCertificate`,
 * `versionMismatch`.
 */
export interface MasterGuard {
  describe(at: HostAddress): Promise<GuardDescription>;
  /** From now on the master serves only with a lease (automatic), and boots isolated until it has one. */
  arm(terms: GuardTerms, intent: Intent): Promise<void>;
  /** No lease is needed any more; an isolation that was commanded stays. */
  disarm(at: HostAddress, intent: Intent): Promise<void>;
  /** Guide 10-2: takes the host off its network, durably; answers when it is off. Idempotent. */
  isolate(at: HostAddress, intent: Intent): Promise<void>;
  /**
   * Takes back the isolation that was commanded in that epoch, and no other: a machine at the same address that was
   * isolated for another reason, or by somebody else, stays away (`staleEpoch`).
   */
  rejoin(at: HostAddress & { readonly commandedIn: Epoch }, intent: Intent): Promise<void>;
}
