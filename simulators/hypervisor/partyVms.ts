import type { VmRole, VmSpec, VmState } from '#machines/parties/hypervisor.ts';
import type { DeviceChange } from './model/devices.ts';
import type { Nic, VmRecord } from './model/state.ts';
import { VimFault } from './model/vimFault.ts';
import { diskPaths } from './model/vmFacts.ts';

/** Where the tag stands in a VM's extraConfig. */
export const tagKeys = {
  scenarioId: 'guestinfo.kagemusha.scenarioId',
  role: 'guestinfo.kagemusha.role',
  ticket: 'guestinfo.kagemusha.ticket',
} as const;

const pvscsiUnits = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15];

const roles: readonly VmRole[] = ['appliance', 'substituteVm', 'testVm'];
const powers = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' } as const;

export function vmState(vm: VmRecord): VmState {
  const scenarioId = vm.extraConfig[tagKeys.scenarioId];
  const role = roles.find((one) => one === vm.extraConfig[tagKeys.role]);
  return {
    vmId: vm.id,
    name: vm.name,
    power: powers[vm.power],
    ...(scenarioId === undefined || role === undefined ? {} : { tag: { scenarioId, role } }),
    diskPaths: diskPaths(vm),
    nics: nicsOf(vm).map(({ network, connected }) => ({ network, connected })),
    snapshots: vm.snapshots.length,
  };
}

export function nicsOf(vm: VmRecord): readonly Nic[] {
  return vm.devices.filter((one) => one.kind === 'nic');
}

export function hasTag(vm: VmRecord, scenarioId: string, role: VmRole): boolean {
  return vm.extraConfig[tagKeys.scenarioId] === scenarioId && vm.extraConfig[tagKeys.role] === role;
}

export function isDouble(vm: VmRecord, scenarioId: string): boolean {
  return hasTag(vm, scenarioId, 'substituteVm') || hasTag(vm, scenarioId, 'testVm');
}

/** The first free unit on the VM's PVSCSI controllers. */
export function freePlace(vm: VmRecord, path: string): DeviceChange {
  for (const controller of vm.devices) {
    if (controller.kind !== 'controller' || controller.type !== 'ParaVirtualSCSIController') continue;
    const taken = vm.devices.flatMap((one) =>
      one.kind === 'disk' && one.controllerKey === controller.key ? [one.unitNumber] : [],
    );
    const unitNumber = pvscsiUnits.find((unit) => !taken.includes(unit));
    if (unitNumber === undefined) continue;
    const diskMode = 'independent_persistent';
    return { add: 'disk', key: -1, controllerKey: controller.key, unitNumber, path, diskMode };
  }
  throw new VimFault('TooManyDevices', { property: 'attachDisk' });
}

export function devicesOf(spec: VmSpec): readonly DeviceChange[] {
  const perController = pvscsiUnits.length;
  const controllers = Math.max(1, Math.ceil(spec.disks.length / perController));
  return [
    ...Array.from({ length: controllers }, (_, busNumber): DeviceChange => {
      return { add: 'controller', key: -100 - busNumber, type: 'ParaVirtualSCSIController', busNumber };
    }),
    ...spec.disks.map(({ path }, index): DeviceChange => {
      const controllerKey = -100 - Math.floor(index / perController);
      const unitNumber = pvscsiUnits[index % perController];
      return { add: 'disk', key: -1000 - index, controllerKey, unitNumber, path, diskMode: 'persistent' };
    }),
    ...spec.nics.map(({ network, connected }, index): DeviceChange => {
      return { add: 'nic', key: -5000 - index, type: 'VirtualVmxnet3', network, connected, macAddress: undefined };
    }),
  ];
}
