import type { AttachedDisk, Controller, ControllerType, Device, Nic, NicType } from './state.ts';
import { VimFault } from './vimFault.ts';

/** A change of a VM's devices, free of the wire. New devices carry any key; those below 0 link to each other. */
export type DeviceChange =
  | { readonly add: 'controller'; readonly key: number; readonly type: ControllerType; readonly busNumber: number }
  | {
      readonly add: 'disk';
      readonly key: number;
      readonly controllerKey: number;
      readonly unitNumber: number | undefined;
      readonly path: string;
      readonly diskMode: string;
    }
  | {
      readonly add: 'nic';
      readonly key: number;
      readonly type: NicType;
      readonly network: string;
      readonly connected: boolean;
      readonly macAddress: string | undefined;
    }
  | { readonly edit: number; readonly diskMode?: string; readonly connected?: boolean; readonly network?: string }
  | { readonly remove: number; readonly destroyFile: boolean };

type Bus = {
  readonly firstKey: number;
  readonly controllersMost: number;
  readonly firstDiskKey: number;
  readonly units: number;
  readonly reservedUnit?: number;
};

const scsiBus: Bus = { firstKey: 1000, controllersMost: 4, firstDiskKey: 2000, units: 16, reservedUnit: 7 };
const buses: Readonly<Record<ControllerType, Bus>> = {
  ParaVirtualSCSIController: { ...scsiBus, units: 65 },
  VirtualLsiLogicController: scsiBus,
  VirtualLsiLogicSASController: scsiBus,
  VirtualBusLogicController: scsiBus,
  VirtualAHCIController: { firstKey: 15_000, controllersMost: 4, firstDiskKey: 16_000, units: 30 },
  VirtualNVMEController: { firstKey: 31_000, controllersMost: 4, firstDiskKey: 32_000, units: 15 },
  VirtualIDEController: { firstKey: 200, controllersMost: 2, firstDiskKey: 3000, units: 2 },
};

export const controllerTypes = Object.keys(buses) as readonly ControllerType[];

/** What a change of devices must know of the VM and its host. */
export type DeviceRules = {
  readonly poweredOn: boolean;
  readonly snapshots: number;
  readonly networks: readonly string[];
  /** Throws when a disk cannot be attached: missing, or locked by another VM. */
  readonly checkDisk: (path: string) => void;
  readonly newMacAddress: () => string;
};

/**
 * The devices after all changes, or a fault and no change at all. Faults: `InvalidDeviceSpec` (with the index of the
 * change), `MissingController`, `TooManyDevices`, `DeviceHotPlugNotSupported`, `SnapshotFault`, and those of a disk.
 */
export function changeDevices(
  devices: readonly Device[],
  changes: readonly DeviceChange[],
  rules: DeviceRules,
): readonly Device[] {
  const keys = new Map<number, number>();
  let result = [...devices];
  for (const [deviceIndex, change] of changes.entries()) {
    if ('remove' in change) result = removeDevice(result, change.remove, deviceIndex, rules);
    else if ('edit' in change) result = editDevice(result, change, deviceIndex, rules);
    else {
      const added = addDevice(result, change, deviceIndex, keys, rules);
      keys.set(change.key, added.key);
      result.push(added);
    }
  }
  return result;
}

function refuse(deviceIndex: number, field: string, faultName = 'InvalidDeviceSpec'): VimFault {
  return new VimFault(faultName, { property: `spec.deviceChange[${deviceIndex}].${field}`, deviceIndex });
}

type Addition = Extract<DeviceChange, { add: unknown }>;

function addDevice(
  devices: readonly Device[],
  change: Addition,
  deviceIndex: number,
  keys: ReadonlyMap<number, number>,
  rules: DeviceRules,
): Device {
  if (change.add === 'controller') return addController(devices, change, deviceIndex);
  if (change.add === 'nic') return addNic(devices, change, deviceIndex, rules);
  const controllerKey = keys.get(change.controllerKey) ?? change.controllerKey;
  return addDisk(devices, { ...change, controllerKey }, deviceIndex, rules);
}

function addController(
  devices: readonly Device[],
  change: Extract<Addition, { add: 'controller' }>,
  deviceIndex: number,
): Controller {
  const bus = buses[change.type];
  const alike = devices.filter(
    (one): one is Controller => one.kind === 'controller' && buses[one.type].firstKey === bus.firstKey,
  );
  if (alike.length >= bus.controllersMost) throw new VimFault('TooManyDevices', { property: 'spec.deviceChange' });
  if (change.busNumber < 0 || change.busNumber >= bus.controllersMost) throw refuse(deviceIndex, 'device.busNumber');
  if (alike.some((one) => one.busNumber === change.busNumber)) throw refuse(deviceIndex, 'device.busNumber');
  return {
    kind: 'controller',
    key: bus.firstKey + change.busNumber,
    type: change.type,
    busNumber: change.busNumber,
  };
}

function addDisk(
  devices: readonly Device[],
  change: Extract<Addition, { add: 'disk' }>,
  deviceIndex: number,
  rules: DeviceRules,
): AttachedDisk {
  const controller = devices.find(
    (one): one is Controller => one.kind === 'controller' && one.key === change.controllerKey,
  );
  if (controller === undefined) throw refuse(deviceIndex, 'device.controllerKey', 'MissingController');
  const bus = buses[controller.type];
  if (rules.poweredOn && controller.type === 'VirtualIDEController') {
    throw refuse(deviceIndex, 'device', 'DeviceHotPlugNotSupported');
  }
  const taken = new Set(
    devices.flatMap((one) => (one.kind === 'disk' && one.controllerKey === controller.key ? [one.unitNumber] : [])),
  );
  if (bus.reservedUnit !== undefined) taken.add(bus.reservedUnit);
  const free = Array.from({ length: bus.units }, (_, unit) => unit).find((unit) => !taken.has(unit));
  const unitNumber = change.unitNumber ?? free;
  if (unitNumber === undefined) throw new VimFault('TooManyDevices', { property: 'spec.deviceChange' });
  if (unitNumber < 0 || unitNumber >= bus.units || taken.has(unitNumber)) {
    throw refuse(deviceIndex, 'device.unitNumber');
  }
  if (devices.some((one) => one.kind === 'disk' && one.path === change.path)) {
    throw new VimFault('FileLocked', { file: change.path });
  }
  rules.checkDisk(change.path);
  const key = bus.firstDiskKey + controller.busNumber * bus.units + unitNumber;
  return { kind: 'disk', key, controllerKey: controller.key, unitNumber, path: change.path, diskMode: change.diskMode };
}

function addNic(
  devices: readonly Device[],
  change: Extract<Addition, { add: 'nic' }>,
  deviceIndex: number,
  rules: DeviceRules,
): Nic {
  const nics = devices.filter((one) => one.kind === 'nic').map((one) => one.key);
  if (nics.length >= 10) throw new VimFault('TooManyDevices', { property: 'spec.deviceChange' });
  if (!rules.networks.includes(change.network)) {
    throw refuse(deviceIndex, 'device.backing', 'InvalidDeviceBacking');
  }
  const key = Array.from({ length: 10 }, (_, at) => 4000 + at).find((one) => !nics.includes(one)) ?? 4000;
  return {
    kind: 'nic',
    key,
    type: change.type,
    network: change.network,
    macAddress: change.macAddress ?? rules.newMacAddress(),
    connected: change.connected,
  };
}

function editDevice(
  devices: readonly Device[],
  change: Extract<DeviceChange, { edit: number }>,
  deviceIndex: number,
  rules: DeviceRules,
): Device[] {
  if (!devices.some((one) => one.key === change.edit)) throw refuse(deviceIndex, 'device.key');
  if (change.network !== undefined && !rules.networks.includes(change.network)) {
    throw refuse(deviceIndex, 'device.backing', 'InvalidDeviceBacking');
  }
  return devices.map((one): Device => {
    if (one.key !== change.edit) return one;
    if (one.kind === 'disk') return { ...one, diskMode: change.diskMode ?? one.diskMode };
    if (one.kind === 'controller') return one;
    return { ...one, connected: change.connected ?? one.connected, network: change.network ?? one.network };
  });
}

function removeDevice(devices: readonly Device[], key: number, deviceIndex: number, rules: DeviceRules): Device[] {
  const device = devices.find((one) => one.key === key);
  if (device === undefined) throw refuse(deviceIndex, 'device.key');
  if (device.kind === 'disk' && rules.snapshots > 0) throw new VimFault('SnapshotFault');
  if (device.kind === 'controller') {
    if (devices.some((one) => one.kind === 'disk' && one.controllerKey === key)) throw refuse(deviceIndex, 'device');
    if (rules.poweredOn) throw refuse(deviceIndex, 'device', 'DeviceHotPlugNotSupported');
  }
  return devices.filter((one) => one.key !== key);
}
