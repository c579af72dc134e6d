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
const bytesPerKb = 1024;

/**
 * The party's VM as the host's configuration. Existing disks are used in place: only children are files that the host
 * makes, as large as their bases. `baseBytes` has the size of every base.
 */
export function configSpecOf(spec: VmSpec, intent: Intent, baseBytes: ReadonlyMap<string, number>): VimData {
  const controllerCount = Math.max(1, Math.ceil(spec.disks.length / disksPerController));
  const devices = [
    ...Array.from({ length: controllerCount }, (_, index) => controllerAt(index)),
    ...spec.nics.map((nic, index) => nicAt(nic, index)),
  ];
  const disks = spec.disks.map((disk, index) => ({
    operation: 'add',
    ...(disk.childOf === undefined ? {} : { fileOperation: 'create' }),
    device: diskAt(disk, index, baseBytes),
  }));
  return {
    name: spec.name,
    guestId: 'otherGuest64',
    files: { vmPathName: `[${spec.datastore}]` },
    numCPUs: spec.cpus,
    memoryMB: spec.memoryMiB,
    firmware: spec.firmware,
    deviceChange: [...devices.map((device) => ({ operation: 'add', device })), ...disks],
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

function diskAt(
  { path, childOf }: VmSpec['disks'][number],
  index: number,
  baseBytes: ReadonlyMap<string, number>,
): VimData {
  const unit = index % disksPerController;
  return {
    $type: 'VirtualDisk',
    key: firstDiskKey - index,
    backing: {
      ...backingOf(path),
      ...(childOf === undefined ? {} : { thinProvisioned: true, parent: backingOf(childOf) }),
    },
    controllerKey: firstControllerKey - Math.floor(index / disksPerController),
    unitNumber: unit < reservedUnit ? unit : unit + 1,
    capacityInKB: childOf === undefined ? 0 : (baseBytes.get(childOf) ?? 0) / bytesPerKb,
  };
}

const backingOf = (path: string): VimData => ({
  $type: 'VirtualDiskFlatVer2BackingInfo',
  fileName: path,
  diskMode: 'persistent',
});

const nicAt = ({ network, connected }: VmSpec['nics'][number], index: number): VimData => ({
  $type: 'VirtualVmxnet3',
  key: firstNicKey - index,
  backing: { $type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: network },
  connectable: { startConnected: connected, allowGuestControl: true, connected },
  addressType: 'generated',
});
