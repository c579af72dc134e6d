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
  /** Existing disks, in the order of the master's. They are used in place, never copied. */
  readonly diskPaths: readonly string[];
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
  /** Removes the VM, never its disks. Gone already is success. */
  unregisterVm(vm: { readonly vmId: string }, intent: Intent): Promise<void>;
  /** Ends the session: an open one counts against the host's limits. */
  close(): Promise<void>;
}
