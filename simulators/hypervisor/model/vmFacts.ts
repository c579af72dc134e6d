import type { Random } from '#machines/parties/random.ts';
import { folderOf, formatDatastorePath, parseDatastorePath } from './datastorePath.ts';
import type { GuestInside, VmRecord } from './state.ts';
import { VimFault } from './vimFault.ts';

export function diskPaths(vm: VmRecord): readonly string[] {
  return vm.devices.flatMap((device) => (device.kind === 'disk' ? [device.path] : []));
}

/** `[datastore] folder` of a VM's own files. */
export function folderPath(vm: VmRecord): string {
  const { datastore, file } = parseDatastorePath(vm.vmPathName);
  return formatDatastorePath({ datastore, file: folderOf(file) });
}

export function changeVersion(vm: VmRecord): string {
  return `2026-01-01T00:00:00.${String(vm.changeCount).padStart(6, '0')}Z`;
}

export function powerFault(vm: VmRecord, requestedState: VmRecord['power']): VimFault {
  return new VimFault('InvalidPowerState', { requestedState, existingState: vm.power });
}

export function modelledGuest(vm: VmRecord): GuestInside {
  return {
    tools: 'guestToolsRunning',
    hostName: vm.name.toLowerCase().replace(/[^a-z0-9-]+/g, '-'),
    ipAddress: `192.0.2.${(Number(vm.id) % 250) + 1}`,
  };
}

export function volumeId(random: Random): string {
  const hex = random.uuid().replaceAll('-', '');
  return `${hex.slice(0, 8)}-${hex.slice(8, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
