import type { Epoch, HostAddress } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';

/** A voter's durable record of one scenario. */
export type VoterView = {
  /** Made anew when the voter has lost its memory: its earlier promises do not bind it any more. */
  readonly generation: string;
  readonly epoch: Epoch;
  /** It has promised to grant no lease below this epoch. */
  readonly claimedEpoch?: Epoch;
  /** A voter that has just started answers as if it had granted at its start. */
  readonly sinceLastGrantMs: number;
};

/** How long ago the voter granted its last lease to the master, when it made its promise. */
export type Promised = { readonly sinceLastGrantMs: number };

/**
 * The third voter: it grants leases to the master's guard, or promises the appliance to grant none. It decides nothing
 * else. Faults: `unreachable`, `timedOut`, `staleEpoch`, `claimRefused` (`masterLeased`, `otherClaim`, `forgetful`).
 */
export interface Witness {
  read(at: HostAddress): Promise<VoterView & { readonly node: string }>;
  /**
   * Claims the intent's epoch: the voter grants nothing below it from now on, durably, unless it granted within the last
   * `quietForMs`; with a `generation`, only if it still has that memory. The same claim again is the same answer.
   */
  claim(
    claim: HostAddress & { readonly quietForMs: number; readonly generation?: string | undefined },
    intent: Intent,
  ): Promise<Promised>;
  /** Takes the claim of the intent's epoch back; none there is success. */
  release(at: HostAddress, intent: Intent): Promise<void>;
}

/** The appliance's own vote, under the same rules. It stops granting before the witness is asked. */
export interface OwnVote {
  claim(claim: { readonly quietForMs: number }, intent: Intent): Promise<Promised>;
  release(intent: Intent): Promise<void>;
}
