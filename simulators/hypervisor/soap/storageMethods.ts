import { formatDatastorePath, parseDatastorePath } from '../model/datastorePath.ts';
import type { DiskState } from '../model/state.ts';
import { VimFault } from '../model/vimFault.ts';
import { required, startTask } from './call.ts';
import type { Call, MethodCode } from './call.ts';
import type { DiskToCreate } from './deviceSpec.ts';
import { read } from './wireValue.ts';
import type { WireValue } from './wireValue.ts';
import { spacedUuid } from './vmProperties.ts';

/** Datastores, folders and virtual disks. */
export const storageMethods: Readonly<Record<string, MethodCode>> = {
  MakeDirectory: async ({ model, params, ground }) => {
    const path = required(read.text(params.name), 'name');
    model.disks.makeFolder(path, read.flag(params.createParentDirectories) ?? false);
    await ground.makeFolder(path);
    model.changed();
    return undefined;
  },
  CreateVirtualDisk_Task: (call) => {
    const path = required(read.text(call.params.name), 'name');
    const spec = required(read.object(call.params.spec), 'spec');
    const capacityKb = read.number(spec.capacityKb);
    if (spec.$type !== 'FileBackedVirtualDiskSpec' || capacityKb === undefined) {
      throw new VimFault('InvalidArgument', { invalidProperty: 'spec' });
    }
    const thin = read.text(spec.diskType) === 'thin';
    return startTask(call, async () => {
      await createDisk(call, { path, bytes: capacityKb * 1024, thin });
      return path;
    });
  },
  DeleteVirtualDisk_Task: (call) => {
    const path = required(read.text(call.params.name), 'name');
    return startTask(call, async () => {
      await call.ground.removeDisk(call.model.deleteDisk(path));
      return undefined;
    });
  },
  QueryVirtualDiskUuid: ({ model, params }) =>
    spacedUuid(model.disks.get(required(read.text(params.name), 'name')).uuid),
  RefreshDatastore: () => undefined,
  RefreshDatastoreStorageInfo: () => undefined,
  SearchDatastore_Task: searchDatastore,
};

function searchDatastore(call: Call): WireValue {
  const { model, ground, params } = call;
  const path = required(read.text(params.datastorePath), 'datastorePath');
  const spec = read.object(params.searchSpec);
  const flags = read.object(spec?.details);
  const diskQuery = read.objects(spec?.query).find((one) => one.$type === 'VmDiskFileQuery');
  const patterns = read.texts(spec?.matchPattern).map(wildcard);
  const datastore = model.disks.datastoreOf(path);
  const folder = formatDatastorePath(parseDatastorePath(path));
  return startTask(call, async () => {
    const files = (await ground.list(path))
      .filter((file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file.path)))
      .map((file) => {
        const disk = model.disks.find(folder.endsWith(']') ? `${folder} ${file.path}` : `${folder}/${file.path}`);
        return disk === undefined ? file : { ...file, capacityBytes: disk.bytes };
      });
    const details = {
      size: read.flag(flags?.fileSize) ?? false,
      modified: read.flag(flags?.modification) ?? false,
      capacity: read.flag(read.object(diskQuery?.details)?.capacityKb) ?? false,
    };
    return { searchResult: { folderPath: `${folder}/`, datastoreId: datastore.id, files, details } };
  });
}

function wildcard(pattern: string): RegExp {
  const text = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${text.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/** Makes the disks that a change of a VM asks for; when the change fails, they are gone again, as on a real host. */
export async function withNewDisks<Result>(
  call: Call,
  wanted: readonly DiskToCreate[],
  change: () => Result,
): Promise<Result> {
  const made: DiskState[] = [];
  try {
    for (const one of wanted) made.push(await createDisk(call, one));
    return change();
  } catch (thrown) {
    for (const disk of made) await call.ground.removeDisk(call.model.disks.remove(disk.path));
    throw thrown;
  }
}

/** Model first, files after; when the files fail, the model forgets. */
async function createDisk({ model, ground }: Call, wanted: DiskToCreate): Promise<DiskState> {
  const disk = model.createDisk(wanted);
  try {
    await ground.createDisk(disk, model.disks.basesOf(disk.path)[0]);
  } catch (thrown) {
    model.disks.remove(disk.path);
    throw thrown;
  }
  return disk;
}
