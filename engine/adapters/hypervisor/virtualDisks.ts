import { PartyFault } from '#machines/faults.ts';
import type { DiskInfo } from '#machines/parties/hypervisor.ts';
import type { MoRef, VimData } from '#engine/protocol/vim25/values.ts';
import { dataListAt, numberAt, textAt } from '#engine/protocol/vim25/values.ts';
import { parseDatastorePath } from './datastorePath.ts';
import { VimFault } from './faults.ts';
import { theDatacenter } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { runTask } from './tasks.ts';
import { readAll, readOne } from './properties.ts';

/** Where a disk is or shall be, as the host names it. */
export type DiskPlace = {
  readonly path: string;
  readonly datastore: MoRef;
  readonly datacenter: MoRef;
  readonly deadlineAtMs: number;
};
type Place = DiskPlace & { readonly bytes: number };
/** What the host's browser says of a disk: its size for the guest, and what its files take. */
export type FoundDisk = { readonly bytes: number; readonly fileBytes: number };

const bytesPerKb = 1024;

/**
 * A thin disk at a path. One of the same size that is there already is adopted, so that a lost answer costs nothing.
 * Sizes travel in whole KiB: an odd number of sectors becomes one more.
 *
 * Faults: `exists` (another size), `noSpace`, `notFound` (datastore), `locked`, `effectUnknown`.
 */
export async function createVirtualDisk(
  session: EsxiSession,
  disk: { readonly path: string; readonly bytes: number },
  deadlineAtMs: number,
): Promise<DiskInfo> {
  if (disk.bytes <= 0 || disk.bytes % 512 !== 0) {
    throw new PartyFault('invalidSpec', { field: 'bytes', reason: `${disk.bytes} is no multiple of 512` });
  }
  const bytes = Math.ceil(disk.bytes / bytesPerKb) * bytesPerKb;
  const place: Place = { ...(await diskPlace(session, disk.path, deadlineAtMs)), bytes };
  const existing = await findDisk(session, place);
  if (existing === undefined) await makeDisk(session, place);
  else if (existing.bytes !== place.bytes) throw new PartyFault('exists', { object: disk.path });
  return { path: disk.path, bytes: place.bytes, uuid: await diskUuid(session, place) };
}

/** Where a disk is. Faults: `invalidSpec` for a text that is no path, `notFound` (datastore). */
export async function diskPlace(session: EsxiSession, path: string, deadlineAtMs: number): Promise<DiskPlace> {
  return (await diskPlaces(session, deadlineAtMs))(path);
}

/** Where any disk is, after one look at the host. */
export async function diskPlaces(session: EsxiSession, deadlineAtMs: number): Promise<(path: string) => DiskPlace> {
  const datacenter = (await theDatacenter(session)).ref;
  const datastores = await readAll(session.client, [{ type: 'Datastore', paths: ['name'] }]);
  return (path) => {
    const name = parseDatastorePath(path).datastore;
    const found = datastores.find(({ properties }) => properties.get('name') === name);
    if (found === undefined) throw new PartyFault('notFound', { object: `Datastore ${name}` });
    return { path, datastore: found.ref, datacenter, deadlineAtMs };
  };
}

async function makeDisk(session: EsxiSession, place: Place): Promise<void> {
  const { client, clock, host } = session;
  await assertSpace(session, place);
  await makeFolder(session, place);
  try {
    await runTask(
      client,
      await client.part('virtualDiskManager'),
      'CreateVirtualDisk_Task',
      {
        name: place.path,
        datacenter: place.datacenter,
        spec: {
          $type: 'FileBackedVirtualDiskSpec',
          diskType: 'thin',
          adapterType: 'lsiLogic',
          capacityKb: place.bytes / bytesPerKb,
        },
      },
      { clock, host, deadlineAtMs: place.deadlineAtMs },
    );
  } catch (error) {
    if (!(error instanceof VimFault)) throw error;
    if (error.is('NoDiskSpace')) throw noSpace(place, await freeBytesOf(session, place));
    // Somebody was faster, perhaps our own earlier attempt: the size decides whose disk it is.
    if (!error.is('FileAlreadyExists') || (await findDisk(session, place))?.bytes !== place.bytes) throw error;
  }
}

/** A thin disk grows up to its full size: a datastore that cannot hold it all fails later, in the middle. */
async function assertSpace(session: EsxiSession, place: Place): Promise<void> {
  await session.client.call(place.datastore, 'RefreshDatastoreStorageInfo');
  const freeBytes = await freeBytesOf(session, place);
  if (freeBytes < place.bytes) throw noSpace(place, freeBytes);
}

async function freeBytesOf({ client }: EsxiSession, { datastore }: Place): Promise<number> {
  const summary = (await readOne(client, datastore, ['summary'])).get('summary');
  return numberAt(summary, 'freeSpace') ?? 0;
}

const noSpace = ({ path, bytes }: Place, freeBytes: number): PartyFault =>
  new PartyFault('noSpace', { datastore: parseDatastorePath(path).datastore, neededBytes: bytes, freeBytes });

/** Makes the folder that a disk shall be in; there already is success. */
export async function makeFolder({ client }: EsxiSession, { path, datacenter }: DiskPlace): Promise<void> {
  const { datastore, folder } = parseDatastorePath(path);
  if (folder === '') return;
  try {
    await client.call(await client.part('fileManager'), 'MakeDirectory', {
      name: `[${datastore}] ${folder}`,
      datacenter,
      createParentDirectories: true,
    });
  } catch (error) {
    if (!(error instanceof VimFault) || !error.is('FileAlreadyExists')) throw error;
  }
}

/** The virtual disk at the path; undefined when there is none. */
export async function findDisk(session: EsxiSession, place: DiskPlace): Promise<FoundDisk | undefined> {
  const { client, clock, host } = session;
  const { datastore, folder, file } = parseDatastorePath(place.path);
  const browser = (await readOne(client, place.datastore, ['browser'])).get('browser');
  try {
    const result = await runTask(
      client,
      browser as MoRef,
      'SearchDatastore_Task',
      {
        datastorePath: folder === '' ? `[${datastore}]` : `[${datastore}] ${folder}`,
        searchSpec: diskSearch(file),
      },
      { clock, host, deadlineAtMs: place.deadlineAtMs },
    );
    const disk = dataListAt(result, 'file').find((entry) => textAt(entry, 'path') === file);
    if (disk === undefined) return undefined;
    return {
      bytes: (numberAt(disk, 'capacityKb') ?? 0) * bytesPerKb,
      fileBytes: numberAt(disk, 'fileSize') ?? 0,
    };
  } catch (error) {
    // The folder is not there yet.
    if (error instanceof VimFault && error.is('FileNotFound')) return undefined;
    throw error;
  }
}

const diskSearch = (file: string): VimData => ({
  query: [{ $type: 'VmDiskFileQuery', details: { diskType: true, capacityKb: true, hardwareVersion: false } }],
  details: { fileType: true, fileSize: true, modification: false, fileOwner: false },
  matchPattern: [file],
});

async function diskUuid({ client }: EsxiSession, { path, datacenter }: Place): Promise<string> {
  const manager = await client.part('virtualDiskManager');
  return plainUuid(String(await client.call(manager, 'QueryVirtualDiskUuid', { name: path, datacenter })));
}

/** Hosts write UUIDs with blanks and dashes in several ways; the party's form is 32 lower-case hex digits. */
export const plainUuid = (text: string): string => text.replace(/[^0-9a-fA-F]/g, '').toLowerCase();
