import type { Fault } from '#machines/faults.ts';
import type { BareMetalDescription, DiskMapping } from '#machines/parties/bareMetal.ts';
import type { ConsistentPoint, Epoch, HostAddress, MasterDescription, Verification } from '#machines/vocabulary.ts';

/** The way back under way: from the substitute VM to a machine booted from the boot kit (guide 11). */
export type Reverse = {
  readonly target: HostAddress;
  /** The engine in the substitute VM. */
  readonly source: HostAddress;
  readonly method: 'volumeLevel' | 'blockLevel';
  readonly machine?: BareMetalDescription;
  readonly sourceMachine?: MasterDescription;
  readonly findings: Verification;
  /** Proposed by us until an operator has confirmed it with the serials he saw. */
  readonly mapping: readonly DiskMapping[];
  readonly confirmed: boolean;
  /** Take the substitute VM's power away when its guest does not shut down. */
  readonly hard: boolean;
  /** The machine was told in this epoch to boot from its own disks: from now on it may be alive. */
  readonly restartEpoch?: Epoch;
  /** What the final comparison found different: always empty on the way to a restart (invariant D13). */
  readonly differingDisks: readonly string[];
};

export type VolumeChange = {
  readonly diskId: string;
  readonly change: 'unchanged' | 'added' | 'missing' | 'resized';
  readonly bytesBefore?: number;
  readonly bytesNow?: number;
};

/** Disks of the restored master against those of the scenario (guide 11.2-4 … 11.2-7). */
export type VolumeRefresh = {
  readonly master: MasterDescription;
  readonly changes: readonly VolumeChange[];
  /** The disks an operator agreed to protect from now on. */
  readonly confirmed: readonly string[];
};

export type SwitchbackContext = {
  readonly reverse?: Reverse | undefined;
  readonly volumeRefresh?: VolumeRefresh | undefined;
};

/** What an operator has seen and agrees to overwrite. */
export type MappingConfirmation = {
  readonly hardwareId: string;
  readonly mapping: readonly { readonly diskId: string; readonly serial: string }[];
};

export type SwitchbackFact =
  /** Guide 11.1-7: `source` when the substitute VM is not reached at the master's address. */
  | {
      type: 'operator.reverse';
      atMs: number;
      target: HostAddress;
      source?: HostAddress;
      method?: 'volumeLevel' | 'blockLevel';
    }
  | ({ type: 'operator.confirmMapping'; atMs: number } & MappingConfirmation)
  /** Guide 11.2-1. `hard`: without waiting for the guest of the substitute VM. */
  | { type: 'operator.switchback'; atMs: number; hard?: boolean }
  /** The substitute VM takes its place again; also repeats an undoing that was refused. */
  | { type: 'operator.undoSwitchback'; atMs: number }
  /** The operator stands for it that the machine is off: the one proof left when nothing else can be asked. */
  | { type: 'operator.confirmTargetOff'; atMs: number; hardwareId: string }
  | { type: 'operator.refreshVolumes'; atMs: number }
  | { type: 'operator.confirmVolumes'; atMs: number; diskIds: readonly string[] }
  | { type: 'bareMetal.synchronized'; atMs: number; bytes: number }
  | { type: 'bareMetal.caughtUp'; atMs: number; point: ConsistentPoint }
  | { type: 'bareMetal.disconnected'; atMs: number; reason: string }
  | { type: 'bareMetal.reconnected'; atMs: number }
  | { type: 'bareMetal.resynchronizing'; atMs: number; reason: string }
  | { type: 'bareMetal.failed'; atMs: number; fault: Fault };
