import { PartyFault } from '#machines/faults.ts';
import type { VmSpec } from '#machines/parties/hypervisor.ts';
import { parseDatastorePath } from './datastorePath.ts';
import { VimFault } from './faults.ts';
import { readVmDisks, theDatacenter } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { creationsEnded, runTask } from './tasks.ts';
import { diskPlace, diskPlaces, findDisk, makeFolder } from './virtualDisks.ts';

/** Descriptors are a few hundred bytes; what is larger is not read whole to find that out. */
const descriptorBytesMax = 65_536;
const noParent = 'ffffffff';

/**
 * Gets ready what a VM with child disks stands on: the folders of the children, and the sizes of their bases by path.
 * Faults: `notFound` (base).
 */
export async function placeChildren(
  session: EsxiSession,
  { disks }: VmSpec,
  deadlineAtMs: number,
): Promise<ReadonlyMap<string, number>> {
  const baseBytes = new Map<string, number>();
  const children = disks.flatMap(({ path, childOf }) => (childOf === undefined ? [] : [{ path, childOf }]));
  if (children.length === 0) return baseBytes;
  const placeOf = await diskPlaces(session, deadlineAtMs);
  for (const { path, childOf } of children) {
    const base = await findDisk(session, placeOf(childOf));
    if (base === undefined) throw new PartyFault('notFound', { object: childOf });
    baseBytes.set(childOf, base.bytes);
    if (folderOf(path) !== folderOf(childOf)) await makeFolder(session, placeOf(path));
  }
  return baseBytes;
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/**
 * Deletes a disk that its own descriptor proves to be a child. Hosts delete whatever they are told, a replica too, and
 * also a disk that a powered-off VM has: both are looked at first.
 *
 * Faults: `locked` (a VM has it, or a child of it), `invalidSpec` (no child), `hypervisorRefused`, `effectUnknown`.
 */
export async function deleteChildVirtualDisk(
  session: EsxiSession,
  path: string,
  deadlineAtMs: number,
): Promise<{ readonly discardedBytes: number }> {
  const { client, clock, host } = session;
  // A VM that is still being made with this child is in no list yet.
  await creationsEnded(session, deadlineAtMs);
  const place = await diskPlace(session, path, deadlineAtMs);
  const found = await findDisk(session, place);
  if (found === undefined) return { discardedBytes: 0 };
  const holders = (await readVmDisks(session)).filter(
    ({ vm, basePaths }) => vm.diskPaths.includes(path) || basePaths.includes(path),
  );
  if (holders.length > 0) throw new PartyFault('locked', { path }, 'none');
  if (!isChild(await readDescriptor(session, path))) {
    throw new PartyFault('invalidSpec', { field: 'path', reason: `${path} is no child` });
  }
  try {
    await runTask(
      client,
      await client.part('virtualDiskManager'),
      'DeleteVirtualDisk_Task',
      { name: path, datacenter: place.datacenter },
      { clock, host, deadlineAtMs },
    );
  } catch (error) {
    // An earlier deletion whose answer was lost has ended meanwhile.
    if (!(error instanceof VimFault) || !error.is('FileNotFound')) throw error;
  }
  return { discardedBytes: found.fileBytes };
}

async function readDescriptor(session: EsxiSession, path: string): Promise<string> {
  const { datastore, folder, file } = parseDatastorePath(path);
  const { name } = await theDatacenter(session);
  const place = folder === '' ? file : `${folder}/${file}`;
  const url = `/folder/${place.split('/').map(encodeURIComponent).join('/')}`;
  const query = `dcPath=${encodeURIComponent(name)}&dsName=${encodeURIComponent(datastore)}`;
  return session.client.readText(`${url}?${query}`, descriptorBytesMax);
}

/** Whether a descriptor names a disk that it reads through to. */
function isChild(descriptor: string): boolean {
  const parentId = /^\s*parentCID\s*=\s*([0-9a-f]{8})\s*$/im.exec(descriptor)?.[1];
  const hint = /^\s*parentFileNameHint\s*=\s*"(.+)"\s*$/im.exec(descriptor)?.[1];
  return parentId !== undefined && parentId.toLowerCase() !== noParent && hint !== undefined;
}
