import type { Firmware } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';
import type { GuestDiskLocator } from './replicaDisk.ts';

export type VmRole = 'appliance' | 'substituteVm' | 'testVm';
export type PowerState = 'on' | 'off' | 'suspended' | 'unknown';

export type DatastoreInfo = {
  readonly name: string;
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly accessible: boolean;
};
export type HypervisorInventory = {
  readonly product: string;
  readonly version: string;
  /** False for a licence that forbids changes, or a host in maintenance. */
  readonly writable: boolean;
  readonly datastores: readonly DatastoreInfo[];
  readonly networks: readonly { readonly name: string }[];
  readonly resourcePools: readonly { readonly name: string }[];
  readonly vms: readonly VmState[];
};

export type DiskInfo = {
  /** `[datastore] folder/name.vmdk` */
  readonly path: string;
  readonly bytes: number;
  /** 32 lower-case hex digits. */
  readonly uuid: string;
};

export type VmState = {
  /** Opaque; stable for the registration. */
  readonly vmId: string;
  readonly name: string;
  readonly power: PowerState;
  /** Written into the VM by us; absent on other people's VMs. */
  readonly tag?: { readonly scenarioId: string; readonly role: VmRole };
  readonly diskPaths: readonly string[];
  readonly nics: readonly { readonly network: string; readonly connected: boolean }[];
  readonly snapshots: number;
};

export type GuestState = {
  readonly tools: 'running' | 'notRunning' | 'unknown';
  readonly hostName?: string;
  readonly ipAddress?: string;
};

export type VmSpec = {
  readonly name: string;
  readonly role: VmRole;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly firmware: Firmware;
  readonly datastore: string;
  readonly resourcePool?: string;
  /**
   * In the order of the master's. An existing disk is used in place, never copied. With `childOf` the disk is made with
   * the VM: it holds only what the VM writes, everything else is read from the base, which nobody writes meanwhile.
   */
  readonly disks: readonly { readonly path: string; readonly childOf?: string }[];
  readonly nics: readonly { readonly network: string; readonly connected: boolean }[];
};

/**
 * The host on which the double lives. Every mutation is idempotent on its ticket and tags what it makes with the
 * scenario, so that after a lost answer it is adopted instead of made twice.
 *
 * Faults: `badCredentials` (never tried again: hosts lock accounts), `untrustedCertificate`, `unreachable`, `noSpace`,
 * `locked`, `busy`, `exists`, `notFound`, `snapshotBlocks`, `readOnlyLicense`, `invalidState`, `invalidSpec`,
 * `hypervisorRefused`, `timedOut`, `effectUnknown`.
 */
export interface Hypervisor {
  inspect(): Promise<HypervisorInventory>;
  /** Thin disk of this many bytes (a multiple of 512). An existing disk of the same size at the path is adopted. */
  createDisk(disk: { readonly path: string; readonly bytes: number }, intent: Intent): Promise<DiskInfo>;
  /** Attaches to a running VM; attached already is success. */
  attachDisk(place: { readonly vmName: string; readonly path: string }, intent: Intent): Promise<GuestDiskLocator>;
  /** The guest must have let go. The file is always kept. Not attached is success. */
  detachDisk(place: { readonly vmName: string; readonly path: string }, intent: Intent): Promise<void>;
  /** One VM for a scenario and role: found by tag it is adopted. Powered off when it is new. */
  createVm(spec: VmSpec, intent: Intent): Promise<VmState>;
  /** On already is success. Refused (`invalidState`) while another VM with the same tag is on. */
  powerOnVm(vm: { readonly vmId: string }, intent: Intent): Promise<void>;
  powerOffVm(vm: { readonly vmId: string; readonly how: 'guest' | 'hard' }, intent: Intent): Promise<void>;
  /** Power, tag, disks. */
  describeVm(vm: { readonly vmId: string }): Promise<VmState>;
  /** Resolves when the guest has reported itself up; `timedOut` at the intent's deadline. */
  waitForGuest(vm: { readonly vmId: string }, intent: Intent): Promise<GuestState>;
  /**
   * Plugs all NICs of the VM in or out, also while it is off; so already is success. Plugging in is refused
   * (`invalidState`) while another VM with the same tag has a NIC plugged in.
   */
  setNicsConnected(vm: { readonly vmId: string; readonly connected: boolean }, intent: Intent): Promise<void>;
  /**
   * Deletes a disk that was made as a child, with all that was written to it; answers its size in bytes. Gone already is
   * success (0). Refused: `locked` while a VM has it, `invalidSpec` for a disk that is no child. The base stays untouched.
   */
  deleteChildDisk(disk: { readonly path: string }, intent: Intent): Promise<{ readonly discardedBytes: number }>;
  /** Removes the VM, never its disks. Gone already is success. */
  unregisterVm(vm: { readonly vmId: string }, intent: Intent): Promise<void>;
  /** Ends the session: an open one counts against the host's limits. */
  close(): Promise<void>;
}
