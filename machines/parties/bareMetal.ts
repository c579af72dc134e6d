import type { Firmware, HostAddress } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';
import type { GuestDiskLocator } from './replicaDisk.ts';

/** A disk of the machine to be restored, as an operator recognises it. */
export type BareMetalDisk = {
  /** Of the device itself; never an arrival order. */
  readonly serial: string;
  readonly bytes: number;
  /** Present when the disk holds an operating system: somebody may still need it. */
  readonly operatingSystem?: {
    readonly name: string;
    /** ISO 8601, as the disk itself says. */
    readonly lastUsed: string;
  };
};

export type BareMetalDescription = {
  /** UUID of the machine's board, the same that its BMC tells; lower case. */
  readonly hardwareId: string;
  readonly model: string;
  /** Version of the boot kit: the engine in it must be the appliance's (guide 7-10). */
  readonly kitVersion: string;
  readonly firmware: Firmware;
  readonly disks: readonly BareMetalDisk[];
  readonly nics: readonly { readonly mac: string; readonly linkUp: boolean; readonly addresses: readonly string[] }[];
};

/** Which disk of the substitute VM is written to which disk of the machine (guide 11.1-9). */
export type DiskMapping = { readonly diskId: string; readonly serial: string; readonly bytes: number };

/** The machine that an operator confirmed, and what may be overwritten on it. */
export type BareMetalTarget = {
  readonly at: HostAddress;
  readonly hardwareId: string;
  readonly mapping: readonly DiskMapping[];
};

export type DiskDigest = {
  readonly diskId: string;
  readonly serial: string;
  /** SHA-256 over the mapped bytes, hex: of the substitute VM's disk, and of the machine's. */
  readonly source: string;
  readonly target: string;
};

/**
 * A machine booted from the boot kit, and reverse replication towards it (guide 11.1). The appliance reaches it over the
 * network; nothing but the kit's engine runs on it, and it serves nobody.
 *
 * Until `restart` it cannot boot from its own disks: their boot blocks are held back in the kit and written last, so that
 * a half-made system never wakes up.
 *
 * `receive` yields milestones as facts:
 * - `bareMetal.synchronized` {bytes} the copy of the whole disks is durable on the machine
 * - `bareMetal.caughtUp` {point} the changes made meanwhile are applied
 * - `bareMetal.disconnected` {reason} and `bareMetal.reconnected`
 * - `bareMetal.resynchronizing` {reason} changes may have been missed: all blocks are compared
 * - `bareMetal.failed` {fault} it cannot go on by itself
 *
 * Faults: `unreachable`, `timedOut`, `versionMismatch`, `untrustedCertificate`, `staleEpoch`, `targetUnproven`,
 * `diskFull`, `effectUnknown`.
 */
export interface BareMetal {
  describe(at: HostAddress): Promise<BareMetalDescription>;
  /**
   * Proves hardware, serials and sizes again, then receives from the engine in the substitute VM; nothing is written
   * before that proof. Resolves once data may flow; resumes where an earlier call got to. Receiving already is success,
   * and tells again when the link is down.
   */
  receive(
    plan: {
      readonly target: BareMetalTarget;
      /** The engine in the substitute VM. */
      readonly source: HostAddress;
      readonly method: 'volumeLevel' | 'blockLevel';
    },
    intent: Intent,
  ): Promise<void>;
  /**
   * After the substitute VM is off: applies what its disks, attached to the appliance now, hold more than the machine,
   * flushes, and compares both sides. Lets go of the appliance's disks, whatever the outcome.
   */
  finish(
    plan: {
      readonly target: BareMetalTarget;
      readonly disks: readonly { readonly diskId: string; readonly locator: GuestDiskLocator }[];
    },
    intent: Intent,
  ): Promise<{ readonly digests: readonly DiskDigest[] }>;
  /**
   * Writes the boot blocks, tells the guard on the restored disks to keep the machine off its network in the intent's
   * epoch, and boots from them. The guard that answers later with exactly this epoch is this machine.
   */
  restart(target: BareMetalTarget, intent: Intent): Promise<void>;
  /**
   * Stops receiving and lets go of every disk, the appliance's also when the machine cannot be reached any more.
   * `confirmed`: the kit on this very hardware has answered, so it still runs, and it refuses older epochs from now on.
   * Not receiving is success.
   */
  abandon(target: BareMetalTarget, intent: Intent): Promise<{ readonly confirmed: boolean }>;
}
