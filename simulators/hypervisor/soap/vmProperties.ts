import { changeVersion, diskPaths, folderPath } from '../model/vmFacts.ts';
import { parseDatastorePath } from '../model/datastorePath.ts';
import type { Device, VmRecord } from '../model/state.ts';
import { dateTime, networkRef, poolRef, refs, vmRef } from './hostIdentity.ts';
import type { SimulatedHost } from './hostIdentity.ts';
import { moRef } from './wireValue.ts';
import type { DataObject, MoRef, WireValue } from './wireValue.ts';

type Properties = Readonly<Record<string, () => WireValue | undefined>>;

/** The properties of a virtual machine that the simulator knows. */
export function vmProperties(host: SimulatedHost, vm: VmRecord): Properties {
  const task = host.model.tasks.activeOn({ type: 'VirtualMachine', id: vm.id });
  return {
    name: () => vm.name,
    parent: () => refs.vmFolder,
    overallStatus: () => 'green',
    configStatus: () => 'green',
    recentTask: () => (task === undefined ? undefined : [moRef('Task', task.id)]),
    disabledMethod: () => [],
    config: () => vmConfig(host, vm),
    runtime: () => runtime(vm),
    guest: () => guest(vm),
    guestHeartbeatStatus: () => heartbeat(vm),
    summary: () => summary(vm),
    resourcePool: () => poolRef(vm.resourcePool),
    datastore: () => datastoresOf(host, vm).map((id) => moRef('Datastore', id)),
    network: () => [...new Set(vm.devices.flatMap((one) => (one.kind === 'nic' ? [one.network] : [])))].map(networkRef),
    snapshot: () => snapshotInfo(vm),
    rootSnapshot: () => vm.snapshots.slice(0, 1).map((one) => snapshotRef(vm, one.id)),
  };
}

export const snapshotRef = (vm: VmRecord, id: number): MoRef =>
  moRef('VirtualMachineSnapshot', `${vm.id}-snapshot-${id}`);

function datastoresOf(host: SimulatedHost, vm: VmRecord): readonly string[] {
  const names = new Set([vm.vmPathName, ...diskPaths(vm)].map((path) => parseDatastorePath(path).datastore));
  return host.model.disks.datastores.filter((one) => names.has(one.name)).map((one) => one.id);
}

const dashed = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** As `config.hardware.device[].backing.uuid` has it. */
export const backingUuid = (hex: string): string => dashed(hex.replace(/^6000c29/, '6000C29'));

/** As `QueryVirtualDiskUuid` and a descriptor have it. */
export const spacedUuid = (hex: string): string =>
  `${hex.slice(0, 16).match(/../g)?.join(' ')}-${hex.slice(16).match(/../g)?.join(' ')}`;

function vmConfig(host: SimulatedHost, vm: VmRecord): DataObject {
  const folder = folderPath(vm);
  return {
    $type: 'VirtualMachineConfigInfo',
    changeVersion: changeVersion(vm),
    modified: '1970-01-01T00:00:00Z',
    name: vm.name,
    guestFullName: 'Other (64-bit)',
    version: vm.version,
    uuid: vm.uuid,
    instanceUuid: vm.instanceUuid,
    template: false,
    guestId: vm.guestId,
    alternateGuestName: '',
    annotation: vm.annotation,
    files: {
      $type: 'VirtualMachineFileInfo',
      vmPathName: vm.vmPathName,
      snapshotDirectory: `${folder}/`,
      suspendDirectory: `${folder}/`,
      logDirectory: `${folder}/`,
    },
    flags: {
      $type: 'VirtualMachineFlagInfo',
      diskUuidEnabled: vm.extraConfig['disk.EnableUUID']?.toUpperCase() === 'TRUE',
    },
    defaultPowerOps: { $type: 'VirtualMachineDefaultPowerOpInfo' },
    hardware: {
      $type: 'VirtualHardware',
      numCPU: vm.cpus,
      numCoresPerSocket: 1,
      memoryMB: vm.memoryMiB,
      device: vm.devices.map((device) => deviceObject(host, vm, device)),
    },
    extraConfig: Object.entries(vm.extraConfig).map(([key, value]) => ({ $type: 'OptionValue', key, value })),
    firmware: vm.firmware,
  };
}

function deviceObject(host: SimulatedHost, vm: VmRecord, device: Device): DataObject {
  if (device.kind === 'disk') return diskObject(host, device);
  if (device.kind === 'controller') {
    const held = vm.devices.flatMap((one) =>
      one.kind === 'disk' && one.controllerKey === device.key ? [one.key] : [],
    );
    const scsi = /SCSI|Lsi|BusLogic/.test(device.type);
    const label = `${scsi ? 'SCSI controller' : device.type.replace(/^Virtual|Controller$/g, '')} ${device.busNumber}`;
    return {
      $type: device.type,
      key: device.key,
      deviceInfo: description(label, device.type),
      busNumber: device.busNumber,
      device: held,
      ...(scsi ? { hotAddRemove: true, sharedBus: 'noSharing', scsiCtlrUnitNumber: 7 } : {}),
    };
  }
  return {
    $type: device.type,
    key: device.key,
    deviceInfo: description(`Network adapter ${device.key - 3999}`, device.network),
    backing: {
      $type: 'VirtualEthernetCardNetworkBackingInfo',
      deviceName: device.network,
      network: networkRef(device.network),
    },
    connectable: {
      $type: 'VirtualDeviceConnectInfo',
      startConnected: device.connected,
      allowGuestControl: true,
      connected: device.connected && vm.power === 'poweredOn',
      status: 'untried',
    },
    addressType: 'generated',
    macAddress: device.macAddress,
    wakeOnLanEnabled: true,
  };
}

function diskObject(host: SimulatedHost, device: Extract<Device, { kind: 'disk' }>): DataObject {
  const disk = host.model.disks.find(device.path);
  const bytes = disk?.bytes ?? 0;
  return {
    $type: 'VirtualDisk',
    key: device.key,
    deviceInfo: description(`Hard disk ${device.key}`, `${Math.floor(bytes / 1024).toLocaleString('en')} KB`),
    backing: {
      ...diskBacking(host, device.path, device.diskMode),
      ...(disk === undefined ? {} : { uuid: backingUuid(disk.uuid) }),
    },
    controllerKey: device.controllerKey,
    unitNumber: device.unitNumber,
    capacityInKB: Math.floor(bytes / 1024),
    capacityInBytes: bytes,
  };
}

/** A child's backing leads to its base's. */
function diskBacking(host: SimulatedHost, path: string, diskMode: string): DataObject {
  const { disks } = host.model;
  const disk = disks.find(path);
  return {
    $type: 'VirtualDiskFlatVer2BackingInfo',
    fileName: path,
    datastore: moRef('Datastore', disks.datastoreOf(path).id),
    diskMode,
    thinProvisioned: disk?.thin ?? true,
    ...(disk === undefined ? {} : { contentId: disk.contentId }),
    ...(disk?.parent === undefined ? {} : { parent: diskBacking(host, disk.parent, diskMode) }),
  };
}

function description(label: string, summary: string): DataObject {
  return { $type: 'Description', label, summary };
}

function runtime(vm: VmRecord): DataObject {
  return {
    $type: 'VirtualMachineRuntimeInfo',
    host: refs.host,
    connectionState: 'connected',
    powerState: vm.power,
    faultToleranceState: 'notConfigured',
    toolsInstallerMounted: false,
    ...(vm.bootedAtMs === undefined ? {} : { bootTime: dateTime(vm.bootedAtMs) }),
    numMksConnections: 0,
    recordReplayState: 'inactive',
    onlineStandby: false,
    consolidationNeeded: false,
  };
}

function heartbeat(vm: VmRecord): string {
  return vm.guest.tools === 'guestToolsRunning' ? 'green' : 'gray';
}

function guestNames(vm: VmRecord): Record<string, WireValue> {
  const running = vm.guest.tools === 'guestToolsRunning';
  return {
    toolsStatus: running ? 'toolsOk' : 'toolsNotRunning',
    toolsVersionStatus2: 'guestToolsUnmanaged',
    toolsRunningStatus: vm.guest.tools,
    ...(vm.guest.hostName === undefined ? {} : { hostName: vm.guest.hostName }),
    ...(vm.guest.ipAddress === undefined ? {} : { ipAddress: vm.guest.ipAddress }),
  };
}

function guest(vm: VmRecord): DataObject {
  const running = vm.guest.tools === 'guestToolsRunning';
  return {
    $type: 'GuestInfo',
    ...guestNames(vm),
    guestState: running ? 'running' : 'notRunning',
    guestOperationsReady: false,
  };
}

function summary(vm: VmRecord): DataObject {
  return {
    $type: 'VirtualMachineSummary',
    vm: vmRef(vm),
    runtime: runtime(vm),
    guest: { $type: 'VirtualMachineGuestSummary', ...guestNames(vm) },
    config: {
      $type: 'VirtualMachineConfigSummary',
      name: vm.name,
      template: false,
      vmPathName: vm.vmPathName,
      memorySizeMB: vm.memoryMiB,
      numCpu: vm.cpus,
      numEthernetCards: vm.devices.filter((one) => one.kind === 'nic').length,
      numVirtualDisks: diskPaths(vm).length,
      uuid: vm.uuid,
      instanceUuid: vm.instanceUuid,
      guestId: vm.guestId,
      annotation: vm.annotation,
    },
    quickStats: { $type: 'VirtualMachineQuickStats', guestHeartbeatStatus: heartbeat(vm) },
    overallStatus: 'green',
  };
}

function snapshotInfo(vm: VmRecord): DataObject | undefined {
  const tree = vm.snapshots.reduceRight<DataObject | undefined>((child, one) => {
    return {
      $type: 'VirtualMachineSnapshotTree',
      snapshot: snapshotRef(vm, one.id),
      vm: vmRef(vm),
      name: one.name,
      description: one.description,
      id: one.id,
      createTime: dateTime(one.createdAtMs),
      state: 'poweredOff',
      quiesced: false,
      ...(child === undefined ? {} : { childSnapshotList: [child] }),
    };
  }, undefined);
  const current = vm.snapshots.at(-1);
  if (tree === undefined || current === undefined) return undefined;
  return {
    $type: 'VirtualMachineSnapshotInfo',
    currentSnapshot: snapshotRef(vm, current.id),
    rootSnapshotList: [tree],
  };
}
