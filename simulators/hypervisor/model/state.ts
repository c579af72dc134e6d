/** What a host holds, as plain data: it survives a restart as JSON. */

export type VmPower = 'poweredOn' | 'poweredOff' | 'suspended';

export type DatastoreState = {
  readonly name: string;
  /** Object id: a VMFS volume's own UUID. */
  readonly id: string;
  readonly capacityBytes: number;
  readonly accessible: boolean;
};

export type DiskState = {
  /** `[datastore] folder/name.vmdk` */
  readonly path: string;
  readonly bytes: number;
  /** 32 lower-case hex digits, 6000c29… as VMware's are. */
  readonly uuid: string;
  /** 32 hex digits. */
  readonly contentId: string;
  readonly thin: boolean;
  /** Path of the base that a child reads through to; only its own writes are in the child. */
  readonly parent?: string;
};

export type ControllerType =
  | 'ParaVirtualSCSIController'
  | 'VirtualLsiLogicController'
  | 'VirtualLsiLogicSASController'
  | 'VirtualBusLogicController'
  | 'VirtualAHCIController'
  | 'VirtualNVMEController'
  | 'VirtualIDEController';

export type Controller = {
  readonly kind: 'controller';
  readonly key: number;
  readonly type: ControllerType;
  readonly busNumber: number;
};

export type AttachedDisk = {
  readonly kind: 'disk';
  readonly key: number;
  readonly controllerKey: number;
  readonly unitNumber: number;
  readonly path: string;
  readonly diskMode: string;
};

export type NicType = 'VirtualVmxnet3' | 'VirtualE1000' | 'VirtualE1000e';

export type Nic = {
  readonly kind: 'nic';
  readonly key: number;
  readonly type: NicType;
  readonly network: string;
  readonly macAddress: string;
  readonly connected: boolean;
};

export type Device = Controller | AttachedDisk | Nic;

export type SnapshotState = {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly createdAtMs: number;
};

export type GuestInside = {
  readonly tools: 'guestToolsRunning' | 'guestToolsNotRunning';
  readonly hostName?: string;
  readonly ipAddress?: string;
};

export type VmRecord = {
  readonly id: string;
  name: string;
  readonly uuid: string;
  readonly instanceUuid: string;
  /** `[datastore] folder/name.vmx` */
  readonly vmPathName: string;
  readonly resourcePool: string;
  version: string;
  guestId: string;
  annotation: string;
  cpus: number;
  memoryMiB: number;
  firmware: 'bios' | 'efi';
  extraConfig: Readonly<Record<string, string>>;
  devices: readonly Device[];
  snapshots: readonly SnapshotState[];
  power: VmPower;
  guest: GuestInside;
  bootedAtMs?: number;
  changeCount: number;
};

export type HostState = {
  readonly datastores: readonly DatastoreState[];
  readonly networks: readonly string[];
  readonly resourcePools: readonly string[];
  readonly folders: readonly string[];
  readonly disks: readonly DiskState[];
  readonly vms: readonly VmRecord[];
  readonly nextVmId: number;
};
