import type { Intent } from '#machines/parties/intent.ts';
import type { VmSpec } from '#machines/parties/hypervisor.ts';
import type { VimData } from '#engine/protocol/vim25/values.ts';
import { tagKeys } from './inventory.ts';

const reservedUnit = 7;
/** Sixteen units, one of which is the controller. */
const disksPerController = 15;
/** Negative keys are ours until the host gives real ones; they tie disks to controllers within one request. */
const firstControllerKey = -100;
const firstDiskKey = -1000;
const firstNicKey = -5000;

/** The party's VM as the host's configuration. Existing disks are used in place: no file operation anywhere. */
export function configSpecOf(spec: VmSpec, intent: Intent): VimData {
  const controllerCount = Math.max(1, Math.ceil(spec.diskPaths.length / disksPerController));
  const devices = [
    ...Array.from({ length: controllerCount }, (_, index) => controllerAt(index)),
    ...spec.diskPaths.map((path, index) => diskAt(path, index)),
    ...spec.nics.map((nic, index) => nicAt(nic, index)),
  ];
  return {
    name: spec.name,
    guestId: 'otherGuest64',
    files: { vmPathName: `[${spec.datastore}]` },
    numCPUs: spec.cpus,
    memoryMB: spec.memoryMiB,
    firmware: spec.firmware,
    deviceChange: devices.map((device) => ({ operation: 'add', device })),
    extraConfig: [
      { key: tagKeys.scenarioId, value: intent.scenarioId },
      { key: tagKeys.role, value: spec.role },
      { key: tagKeys.ticket, value: intent.ticket },
      // The guest sees each disk's UUID: identity by arrival order is none.
      { key: 'disk.EnableUUID', value: 'TRUE' },
    ],
  };
}

const controllerAt = (index: number): VimData => ({
  $type: 'ParaVirtualSCSIController',
  key: firstControllerKey - index,
  busNumber: index,
  sharedBus: 'noSharing',
});

function diskAt(path: string, index: number): VimData {
  const unit = index % disksPerController;
  return {
    $type: 'VirtualDisk',
    key: firstDiskKey - index,
    backing: { $type: 'VirtualDiskFlatVer2BackingInfo', fileName: path, diskMode: 'persistent' },
    controllerKey: firstControllerKey - Math.floor(index / disksPerController),
    unitNumber: unit < reservedUnit ? unit : unit + 1,
    capacityInKB: 0,
  };
}

const nicAt = ({ network, connected }: VmSpec['nics'][number], index: number): VimData => ({
  $type: 'VirtualVmxnet3',
  key: firstNicKey - index,
  backing: { $type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: network },
  connectable: { startConnected: connected, allowGuestControl: true, connected },
  addressType: 'generated',
});
