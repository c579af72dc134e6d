import type { HostAddress } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';
import type { ReplicaDiskPlan } from './replica.ts';

/**
 * A first copy that is carried by hand (guide, appendix): written on the master, placed on the appliance. It yields
 * milestones as facts:
 * - `offline.seedExported` {seedId, folder, bytes} the snapshot on the master is complete; its manifest is written last
 * - `offline.seedFailed` {fault} it cannot be completed
 * - `offline.spoolFull` changes made since are kept as a map of dirty blocks; nothing starts over
 * - `offline.seedAdopted` {bytes} every block is durable on the replica disks
 * - `offline.seedRefused` {fault} a block is not what the manifest says; nothing counts as adopted
 *
 * Faults: `unreachable`, `timedOut`, `versionMismatch`, `staleEpoch`, `diskMissing`, `diskChanged`, `diskFull`,
 * `replicaDiskUnproven`, `seedRefused`, `notAvailable`, `effectUnknown`.
 */
export interface OfflineSynchronization {
  /**
   * Guide OS-4: begins to write a snapshot of the disks to a folder on the master, and to record what changes from now
   * on; `replica.receive` takes up from there. Resolves once it is being written; an unfinished export of the same disks
   * goes on, a finished one is told again. The folder is removed when the replica has caught up.
   */
  exportSeed(plan: HostAddress & { readonly diskIds: readonly string[] }, intent: Intent): Promise<void>;
  /** Guide OS-5: makes the folder on the appliance that the carried data of one disk are copied into. */
  stageSeed(
    disk: { readonly diskId: string; readonly bytes: number },
    intent: Intent,
  ): Promise<{ readonly folder: string }>;
  /**
   * Guide OS-6: proves the manifest of what was carried here, then begins to place it on the replica disks, each block
   * compared with its digest on the way. Resolves once it is being placed; goes on where an earlier call got to.
   */
  adoptSeed(
    plan: { readonly seedId: string; readonly disks: readonly ReplicaDiskPlan[] },
    intent: Intent,
  ): Promise<void>;
}
