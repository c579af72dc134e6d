import { PartyFault } from '#machines/faults.ts';
import type { DiskInfo } from '#machines/parties/hypervisor.ts';
import type { MoRef, VimData } from '#engine/protocol/vim25/values.ts';
import { dataListAt, numberAt, textAt } from '#engine/protocol/vim25/values.ts';
import { parseDatastorePath } from './datastorePath.ts';
import { VimFault } from './faults.ts';
import { findByName, theDatacenter } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { runTask } from './tasks.ts';
import { readOne } from './properties.ts';

type Place = {
  readonly path: string;
  readonly bytes: number;
  readonly datastore: MoRef;
  readonly datacenter: MoRef;
  readonly deadlineAtMs: number;
};

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
  const { datastore } = parseDatastorePath(disk.path);
  if (disk.bytes <= 0 || disk.bytes % 512 !== 0) {
    throw new PartyFault('invalidSpec', { field: 'bytes', reason: `${disk.bytes} is no multiple of 512` });
  }
  const found = await findByName(session, 'Datastore', datastore);
  const place: Place = {
    path: disk.path,
    bytes: Math.ceil(disk.bytes / bytesPerKb) * bytesPerKb,
    datastore: found,
    datacenter: (await theDatacenter(session)).ref,
    deadlineAtMs,
  };
  const existingBytes = await existingDiskBytes(session, place);
  if (existingBytes === undefined) await makeDisk(session, place);
  else if (existingBytes !== place.bytes) throw new PartyFault('exists', { object: disk.path });
  return { path: disk.path, bytes: place.bytes, uuid: await diskUuid(session, place) };
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
    if (!error.is('FileAlreadyExists') || (await existingDiskBytes(session, place)) !== place.bytes) throw error;
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

async function makeFolder({ client }: EsxiSession, { path, datacenter }: Place): Promise<void> {
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

/** The size of the virtual disk at the path; undefined when there is none. */
async function existingDiskBytes(session: EsxiSession, place: Place): Promise<number | undefined> {
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
    return (numberAt(disk, 'capacityKb') ?? 0) * bytesPerKb;
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
