import { PartyFault } from '#machines/faults.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import type { VimData } from '#engine/protocol/vim25/values.ts';
import { dataAt, numberAt, textAt } from '#engine/protocol/vim25/values.ts';
import { isA } from '#engine/protocol/vim25/schema.ts';
import { readHardware, reconfigure } from './hardware.ts';
import type { Hardware } from './hardware.ts';
import { disksIn, findByName, readVmDisks, refuseBases } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { plainUuid } from './virtualDisks.ts';

export type AttachmentPlace = { readonly vmName: string; readonly path: string };

/** Unit 7 of a SCSI bus is the controller itself. */
const reservedUnit = 7;
const unitsPerController = 16;

/**
 * Attaches an existing disk to a VM: independent of snapshots, on a controller that is already there (a controller
 * added to a running VM makes it stop for a moment). The file is never made here.
 *
 * Faults: `notFound` (VM or file), `locked` (in use elsewhere, or a VM has a child of it), `snapshotBlocks`, `invalidState` (no free unit),
 * `busy`, `effectUnknown`.
 */
export async function attachVirtualDisk(
  session: EsxiSession,
  place: AttachmentPlace,
  deadlineAtMs: number,
): Promise<GuestDiskLocator> {
  const vm = await findByName(session, 'VirtualMachine', place.vmName);
  const before = await readHardware(session, vm);
  const attached = diskAt(before.devices, place.path);
  if (attached !== undefined) return locatorOf(attached);
  refuseSnapshots(before, place);
  refuseBases([place.path], await readVmDisks(session));
  const device: VimData = {
    $type: 'VirtualDisk',
    key: -1,
    backing: { $type: 'VirtualDiskFlatVer2BackingInfo', fileName: place.path, diskMode: 'independent_persistent' },
    ...freeSlot(before.devices, place),
    capacityInKB: 0,
  };
  await reconfigure(session, vm, before, [{ operation: 'add', device }], deadlineAtMs);
  const added = diskAt((await readHardware(session, vm)).devices, place.path);
  if (added === undefined) throw new PartyFault('effectUnknown', { host: session.host });
  return locatorOf(added);
}

/** Detaches a disk and keeps its file. Faults: `notFound` (VM), `snapshotBlocks`, `busy`, `effectUnknown`. */
export async function detachVirtualDisk(
  session: EsxiSession,
  place: AttachmentPlace,
  deadlineAtMs: number,
): Promise<void> {
  const vm = await findByName(session, 'VirtualMachine', place.vmName);
  const before = await readHardware(session, vm);
  const device = diskAt(before.devices, place.path);
  if (device === undefined) return;
  refuseSnapshots(before, place);
  // Without a file operation: `destroy` beside `remove` would delete the replica.
  await reconfigure(session, vm, before, [{ operation: 'remove', device: identityOf(device) }], deadlineAtMs);
}

/** What names a disk to the host; the rest of what was read may be newer than the table and is not sent back. */
const identityOf = (disk: VimData): VimData => ({
  $type: 'VirtualDisk',
  key: numberAt(disk, 'key'),
  backing: {
    $type: 'VirtualDiskFlatVer2BackingInfo',
    fileName: textAt(disk, 'backing.fileName'),
    diskMode: textAt(disk, 'backing.diskMode'),
  },
  controllerKey: numberAt(disk, 'controllerKey'),
  unitNumber: numberAt(disk, 'unitNumber'),
  capacityInKB: numberAt(disk, 'capacityInKB') ?? 0,
});

const diskAt = (devices: readonly VimData[], path: string): VimData | undefined =>
  disksIn(devices).find((disk) => textAt(disk, 'backing.fileName') === path);

function refuseSnapshots({ snapshots }: Hardware, { vmName }: AttachmentPlace): void {
  if (snapshots > 0) throw new PartyFault('snapshotBlocks', { object: vmName });
}

function freeSlot(
  devices: readonly VimData[],
  { vmName }: AttachmentPlace,
): { readonly controllerKey: number; readonly unitNumber: number } {
  for (const controller of devices.filter((device) => isA(device.$type ?? '', 'ParaVirtualSCSIController'))) {
    const controllerKey = numberAt(controller, 'key') ?? 0;
    const taken = new Set(
      devices
        .filter((device) => numberAt(device, 'controllerKey') === controllerKey)
        .map((device) => numberAt(device, 'unitNumber')),
    );
    for (let unitNumber = 0; unitNumber < unitsPerController; unitNumber += 1) {
      if (unitNumber !== reservedUnit && !taken.has(unitNumber)) return { controllerKey, unitNumber };
    }
  }
  throw new PartyFault('invalidState', { object: vmName, reason: 'no free unit on a paravirtual SCSI controller' });
}

function locatorOf(disk: VimData): GuestDiskLocator {
  const bytes = numberAt(disk, 'capacityInBytes') ?? (numberAt(disk, 'capacityInKB') ?? 0) * 1024;
  return { wwn: plainUuid(textAt(dataAt(disk, 'backing'), 'uuid') ?? ''), expectBytes: bytes };
}
