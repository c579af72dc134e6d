import type { AssuredRecoveryFact } from '#machines/assuredRecovery/facts.ts';
import type { DataRecoveryFact } from '#machines/dataRecovery/facts.ts';
import type { Fault } from '#machines/faults.ts';
import type { IsAliveFact } from '#machines/isAlive/facts.ts';
import type { WishName, WishResult } from '#machines/parties/wishes.ts';
import type { SwitchbackFact } from '#machines/switchback/facts.ts';
import type { SynchronizationFact } from '#machines/synchronization/facts.ts';
import type { ConsistentPoint, ScenarioDefinition, SyncMethod } from '#machines/vocabulary.ts';

/** Answers to wishes, as facts. */
type Answers = {
  [N in WishName]:
    | { type: `${N}.done`; atMs: number; result: WishResult<N> }
    | { type: `${N}.failed`; atMs: number; fault: Fault };
}[WishName];

/** An operator's commands, each accepted or refused aloud (law L7). */
type OperatorFact =
  /** `syncMethod`, `ignoreSameSizeAndTime`: the choice of the Run dialog, for this run (guide 8-3). */
  | {
      type: 'operator.run';
      atMs: number;
      definition?: ScenarioDefinition;
      syncMethod?: SyncMethod;
      ignoreSameSizeAndTime?: boolean;
    }
  | { type: 'operator.stop'; atMs: number }
  | { type: 'operator.switchover'; atMs: number; waitForJournals: boolean; reverseAfterwards?: boolean }
  | { type: 'operator.assertMasterOff'; atMs: number; by?: string }
  | { type: 'operator.giveUpSwitchover'; atMs: number }
  | { type: 'operator.suspend'; atMs: number }
  | { type: 'operator.resume'; atMs: number }
  | { type: 'operator.announceMaintenance'; atMs: number; forMs: number }
  | { type: 'operator.endMaintenance'; atMs: number };

type ReplicaFact =
  | { type: 'replica.synchronized'; atMs: number; bytes: number }
  | { type: 'replica.caughtUp'; atMs: number; point: ConsistentPoint }
  | { type: 'replica.disconnected'; atMs: number; reason: string }
  | { type: 'replica.reconnected'; atMs: number }
  | { type: 'replica.resynchronizing'; atMs: number; reason: string }
  | { type: 'replica.masterRebooted'; atMs: number }
  | { type: 'replica.spoolFull'; atMs: number }
  | { type: 'replica.comparing'; atMs: number; fault: Fault }
  | { type: 'replica.failed'; atMs: number; fault: Fault };

type MasterFact =
  | { type: 'master.silent'; atMs: number; silentForMs: number }
  | { type: 'master.heard'; atMs: number }
  /** The master says beforehand that it shuts down or is being maintained. */
  | { type: 'master.notice'; atMs: number; forMs: number; reason: string };

export type ScenarioEvent =
  | Answers
  | OperatorFact
  | ReplicaFact
  | MasterFact
  | SwitchbackFact
  | DataRecoveryFact
  | AssuredRecoveryFact
  | SynchronizationFact
  | IsAliveFact
  /** Raised by the chart itself: the regions of a takeover hear of each other. */
  | { type: 'fence.proven' }
  | { type: 'appliance.restarted'; atMs: number };
