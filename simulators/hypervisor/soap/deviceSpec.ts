import { controllerTypes } from '../model/devices.ts';
import type { DeviceChange } from '../model/devices.ts';
import type { NewDisk } from '../model/diskBook.ts';
import type { ControllerType, NicType } from '../model/state.ts';
import type { VmChange } from '../model/hypervisorModel.ts';
import { VimFault } from '../model/vimFault.ts';
import { read } from './wireValue.ts';
import type { DataObject } from './wireValue.ts';

/** A disk that a device change asks to create, apart from attaching it. */
export type DiskToCreate = NewDisk;
export type ReadSpec = { readonly change: VmChange; readonly disksToCreate: readonly DiskToCreate[] };

/** Reads a VirtualMachineConfigSpec. Faults: `InvalidDeviceSpec`, `InvalidArgument`. */
export function readConfigSpec(spec: DataObject): ReadSpec {
  const disksToCreate: DiskToCreate[] = [];
  const deviceChanges = read
    .objects(spec.deviceChange)
    .map((one, deviceIndex) => readDeviceChange(one, deviceIndex, disksToCreate));
  const extra = read.objects(spec.extraConfig).map((one): [string, string] => {
    const value = one.value;
    return [read.text(one.key) ?? '', typeof value === 'object' || value === undefined ? '' : String(value)];
  });
  const firmware = read.text(spec.firmware);
  if (firmware !== undefined && firmware !== 'bios' && firmware !== 'efi') {
    throw new VimFault('InvalidArgument', { invalidProperty: 'configSpec.firmware' });
  }
  const texts = defined({
    name: read.text(spec.name),
    version: read.text(spec.version),
    guestId: read.text(spec.guestId),
    annotation: read.text(spec.annotation),
    changeVersion: read.text(spec.changeVersion),
  });
  const numbers = defined({ cpus: read.number(spec.numCPUs), memoryMiB: read.number(spec.memoryMB) });
  const change: VmChange = {
    ...texts,
    ...numbers,
    ...(firmware === undefined ? {} : { firmware }),
    ...(extra.length === 0 ? {} : { extraConfig: Object.fromEntries(extra) }),
    deviceChanges,
  };
  return { change, disksToCreate };
}

function defined<Value>(entries: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, Value & NonNullable<unknown>] => entry[1] !== undefined),
  );
}

function bad(deviceIndex: number, field: string): VimFault {
  return new VimFault('InvalidDeviceSpec', { property: `spec.deviceChange[${deviceIndex}].${field}`, deviceIndex });
}

function readDeviceChange(one: DataObject, deviceIndex: number, disksToCreate: DiskToCreate[]): DeviceChange {
  const device = read.object(one.device);
  const key = read.number(device?.key);
  if (device === undefined || key === undefined) throw bad(deviceIndex, 'device');
  const fileOperation = read.text(one.fileOperation);
  switch (read.text(one.operation)) {
    case 'remove':
      return { remove: key, destroyFile: fileOperation === 'destroy' };
    case 'add':
      return readAddition(device, key, deviceIndex, fileOperation === 'create' ? disksToCreate : undefined);
    default:
      return readEdit(device, key);
  }
}

function readEdit(device: DataObject, key: number): DeviceChange {
  const backing = read.object(device.backing);
  const connectable = read.object(device.connectable);
  const diskMode = read.text(backing?.diskMode);
  const network = read.text(backing?.deviceName);
  const connected = read.flag(connectable?.startConnected);
  return {
    edit: key,
    ...(diskMode === undefined ? {} : { diskMode }),
    ...(network === undefined ? {} : { network }),
    ...(connected === undefined ? {} : { connected }),
  };
}

const nicTypes: readonly NicType[] = ['VirtualVmxnet3', 'VirtualE1000', 'VirtualE1000e'];

function readAddition(
  device: DataObject,
  key: number,
  deviceIndex: number,
  disksToCreate: DiskToCreate[] | undefined,
): DeviceChange {
  const controller = controllerTypes.find((one): one is ControllerType => one === device.$type);
  if (controller !== undefined) {
    return { add: 'controller', key, type: controller, busNumber: read.number(device.busNumber) ?? 0 };
  }
  const nic = nicTypes.find((one) => one === device.$type);
  const backing = read.object(device.backing);
  if (nic !== undefined) {
    const network = read.text(backing?.deviceName);
    if (network === undefined) throw bad(deviceIndex, 'device.backing');
    const connected = read.flag(read.object(device.connectable)?.startConnected) ?? true;
    return { add: 'nic', key, type: nic, network, connected, macAddress: read.text(device.macAddress) };
  }
  if (device.$type !== 'VirtualDisk') throw bad(deviceIndex, 'device');
  return readDisk(device, key, deviceIndex, disksToCreate);
}

function readDisk(
  device: DataObject,
  key: number,
  deviceIndex: number,
  disksToCreate: DiskToCreate[] | undefined,
): DeviceChange {
  const backing = read.object(device.backing);
  const path = read.text(backing?.fileName);
  const controllerKey = read.number(device.controllerKey);
  if (backing?.$type !== 'VirtualDiskFlatVer2BackingInfo' || path === undefined)
    throw bad(deviceIndex, 'device.backing');
  if (controllerKey === undefined) throw bad(deviceIndex, 'device.controllerKey');
  const bytes = read.number(device.capacityInBytes) ?? (read.number(device.capacityInKB) ?? 0) * 1024;
  const parent = parentOf(backing, deviceIndex);
  // An existing disk knows its base itself.
  if (parent !== undefined && disksToCreate === undefined) throw bad(deviceIndex, 'device.backing.parent');
  const thin = parent !== undefined || (read.flag(backing.thinProvisioned) ?? true);
  disksToCreate?.push({ path, bytes, thin, ...(parent === undefined ? {} : { parent }) });
  return {
    add: 'disk',
    key,
    controllerKey,
    unitNumber: unitOf(device),
    path,
    diskMode: read.text(backing.diskMode) ?? 'persistent',
  };
}

function parentOf(backing: DataObject, deviceIndex: number): string | undefined {
  const parent = read.object(backing.parent);
  if (parent === undefined) return undefined;
  const path = read.text(parent.fileName);
  if (parent.$type !== 'VirtualDiskFlatVer2BackingInfo' || path === undefined) {
    throw bad(deviceIndex, 'device.backing.parent');
  }
  return path;
}

/** Clients send −1 for "any free unit". */
function unitOf(device: DataObject): number | undefined {
  const unit = read.number(device.unitNumber);
  return unit === undefined || unit < 0 ? undefined : unit;
}
