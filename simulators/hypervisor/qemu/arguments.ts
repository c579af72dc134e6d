import type { AttachedDisk, Controller, Nic, VmRecord } from '../model/state.ts';
import type { Extent } from './extents.ts';

export type BootPlan = {
  readonly vm: VmRecord;
  /** The files of each disk, its own first, and its UUID. */
  readonly disks: ReadonlyMap<string, { readonly extents: readonly Extent[]; readonly uuid: string }>;
  readonly serialLog: string;
  readonly toolsLog: string;
  readonly qmpSocket: string;
  readonly efiFirmware: string | undefined;
};

type Bus = {
  readonly controller: (id: string) => string | undefined;
  readonly disk: (id: string, unit: number) => string;
};

const scsiDisk = (id: string, unit: number): string => `scsi-hd,bus=${id}.0,channel=0,scsi-id=${unit},lun=0`;

/** Each controller as the nearest thing QEMU has and SeaBIOS boots from. LSI Logic and BusLogic become LSI SAS. */
const buses: Readonly<Record<Controller['type'], Bus>> = {
  ParaVirtualSCSIController: { controller: (id) => `pvscsi,id=${id}`, disk: scsiDisk },
  VirtualLsiLogicSASController: { controller: (id) => `mptsas1068,id=${id}`, disk: scsiDisk },
  VirtualLsiLogicController: { controller: (id) => `mptsas1068,id=${id}`, disk: scsiDisk },
  VirtualBusLogicController: { controller: (id) => `mptsas1068,id=${id}`, disk: scsiDisk },
  VirtualAHCIController: {
    controller: (id) => `ich9-ahci,id=${id}`,
    disk: (id, unit) => `ide-hd,bus=${id}.${unit}`,
  },
  VirtualNVMEController: { controller: () => undefined, disk: () => 'nvme' },
  VirtualIDEController: {
    controller: () => undefined,
    disk: (id, unit) => `ide-hd,bus=ide.${id.slice(-1)},unit=${unit}`,
  },
};

const nics: Readonly<Record<Nic['type'], string>> = {
  VirtualVmxnet3: 'vmxnet3',
  VirtualE1000: 'e1000',
  VirtualE1000e: 'e1000e',
};

/**
 * The command line of a VM: no display, console on ttyS0, the stand-in for VMware Tools on ttyS1. It stands still until
 * the monitor says `cont`: unplugged cards must not have a link for a moment.
 */
export function qemuArguments(plan: BootPlan): readonly string[] {
  const { vm } = plan;
  const tools = `stdio,id=tools,signal=off,logfile=${comma(plan.toolsLog)},logappend=off`;
  const options: readonly (readonly string[])[] = [
    ['-name', comma(vm.name)],
    ['-uuid', vm.uuid],
    ['-accel', 'tcg,thread=multi'],
    ['-cpu', 'max'],
    ['-m', String(vm.memoryMiB)],
    ['-smp', String(vm.cpus)],
    ['-nodefaults'],
    ['-no-user-config'],
    ['-display', 'none'],
    ['-no-reboot'],
    ['-S'],
    vm.firmware === 'efi' ? ['-bios', plan.efiFirmware ?? 'OVMF.fd'] : [],
    ['-qmp', `unix:${comma(plan.qmpSocket)},server=on,wait=off`],
    ['-chardev', `file,id=console,path=${comma(plan.serialLog)}`],
    ['-serial', 'chardev:console'],
    ['-chardev', tools],
    ['-serial', 'chardev:tools'],
    diskArguments(plan),
    ...vm.devices.flatMap((one) => (one.kind === 'nic' ? [nicArguments(one)] : [])),
  ];
  return options.flat();
}

/** QEMU reads a doubled comma as one. */
const comma = (text: string): string => text.replaceAll(',', ',,');

function diskArguments({ vm, disks }: BootPlan): readonly string[] {
  const controllers = vm.devices.filter((one) => one.kind === 'controller');
  const attached = vm.devices.filter((one) => one.kind === 'disk');
  const result = controllers.flatMap((one) => {
    const device = buses[one.type].controller(controllerId(one));
    return device === undefined ? [] : ['-device', device];
  });
  for (const [index, disk] of attached.entries()) {
    const controller = controllers.find((one) => one.key === disk.controllerKey);
    const file = disks.get(disk.path);
    if (controller === undefined || file === undefined) continue;
    result.push('-blockdev', JSON.stringify({ 'node-name': `disk${index}`, ...blockdev(file.extents) }));
    result.push('-device', diskDevice(controller, disk, index, file.uuid));
  }
  return result;
}

const controllerId = (controller: Controller): string => `c${controller.key}n${controller.busNumber}`;

/** Only the disk's own extent is open for writing: QEMU holds a base's lock together with all who read it. */
function blockdev([own, ...bases]: readonly Extent[], readOnly = false): Readonly<Record<string, unknown>> {
  return {
    driver: own?.format,
    'read-only': readOnly,
    discard: 'unmap',
    file: { driver: 'file', filename: own?.realPath, locking: 'on', 'read-only': readOnly },
    ...(bases.length === 0 ? {} : { backing: blockdev(bases, true) }),
  };
}

function diskDevice(controller: Controller, disk: AttachedDisk, index: number, uuid: string): string {
  const device = buses[controller.type].disk(controllerId(controller), disk.unitNumber);
  // ATA and NVMe serials hold 20 characters.
  const serial = device.startsWith('scsi') ? uuid : uuid.slice(-20);
  return `${device},drive=disk${index},serial=${serial},bootindex=${index}`;
}

/** What the monitor calls a card's cable. */
export const cableOf = (nic: Nic): string => `net${nic.key}`;

/** The guest's network leads nowhere: a double must not answer for the original in the lab. */
function nicArguments(nic: Nic): readonly string[] {
  const device = `${nics[nic.type]},mac=${nic.macAddress},netdev=${cableOf(nic)}`;
  return ['-netdev', `user,id=${cableOf(nic)},restrict=on`, '-device', device];
}
