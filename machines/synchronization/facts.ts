import type { Fault } from '#machines/faults.ts';
import type { SyncMethod } from '#machines/vocabulary.ts';

/** What the Run dialog has chosen for this run (guide 8-3); the definition's method otherwise. */
export type SyncChoice = { readonly method: SyncMethod; readonly ignoreSameSizeAndTime: boolean };

/** A copy of the master's disks that is carried to the appliance by hand (guide, appendix). */
export type Seed = {
  /** Of one snapshot: what else lies in the folder is not adopted. */
  readonly seedId: string;
  /** On the master. */
  readonly folder: string;
  readonly bytes: number;
  /** It is on the replica disks: only what differs is still sent. */
  readonly adopted: boolean;
};

export type SynchronizationContext = {
  readonly syncChoice?: SyncChoice | undefined;
  readonly seed?: Seed | undefined;
};

export type SynchronizationFact =
  /** Guide OS-6: what was carried has been copied into the folders on the appliance. */
  | { type: 'operator.seedArrived'; atMs: number }
  | { type: 'offline.seedExported'; atMs: number; seedId: string; folder: string; bytes: number }
  | { type: 'offline.seedFailed'; atMs: number; fault: Fault }
  | { type: 'offline.spoolFull'; atMs: number }
  | { type: 'offline.seedAdopted'; atMs: number; bytes: number }
  | { type: 'offline.seedRefused'; atMs: number; fault: Fault };
