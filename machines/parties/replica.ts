import type { ConsistentPoint, HostAddress, SyncMethod } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';
import type { GuestDiskLocator } from './replicaDisk.ts';

export type ReplicaDiskPlan = { readonly diskId: string; readonly bytes: number; readonly locator: GuestDiskLocator };

/**
 * The appliance's receiving end. Blocks stay behind it; the chart hears these milestones as facts:
 * - `replica.synchronized` the copy of the whole volumes is durable on the replica
 * - `replica.caughtUp` the changes spooled meanwhile are applied: the replica is at a consistent point
 * - `replica.disconnected` {reason} and `replica.reconnected`
 * - `replica.resynchronizing` {reason} changes may have been missed: all blocks are compared
 * - `replica.masterRebooted` the master's host was started anew; the stream begins with a comparison
 * - `replica.spoolNearlyFull` {bytes, bytesMax} the replica stands still, and what it spools meanwhile runs full
 * - `replica.failed` {fault} it cannot go on by itself
 */
export interface Replica {
  /**
   * Proves and opens the replica disks, connects to the master and starts to receive. Resolves once data may flow;
   * resumes where an earlier call of the same scenario got to. Receiving already is success, and tells again when
   * the link is down.
   * Faults: `replicaDiskUnproven`, `unreachable`, `versionMismatch`, `diskMissing`, `diskChanged`.
   */
  receive(
    plan: {
      readonly master: HostAddress;
      readonly disks: readonly ReplicaDiskPlan[];
      readonly method: SyncMethod;
      /** Guide 8-3: files of the same size and time are taken for equal; only at file level. */
      readonly ignoreSameSizeAndTime?: boolean;
      /** Bound of the master's spool; 1 GiB when not given. */
      readonly spoolBytesMax?: number;
    },
    intent: Intent,
  ): Promise<void>;
  /**
   * Stops receiving, brings the disks to the last consistent point, flushes and closes them.
   * `waitForJournals`: first receive everything the (living) master still holds.
   */
  finish(
    options: { readonly waitForJournals: boolean },
    intent: Intent,
  ): Promise<{ readonly point: ConsistentPoint | null }>;
  /**
   * Brings the disks to the last consistent point and lets go of them for a while: somebody reads them. What the master
   * does meanwhile is spooled; `receive` takes up the stream from there, and nothing is sent twice. Frozen already
   * answers the same point. `finish` after it does not touch the disks: it only seals the point.
   */
  freeze(intent: Intent): Promise<{ readonly point: ConsistentPoint | null }>;
  /** Stops receiving and closes the disks as they are. */
  stop(intent: Intent): Promise<void>;
}
