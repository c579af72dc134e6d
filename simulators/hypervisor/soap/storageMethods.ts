import { formatDatastorePath, parseDatastorePath } from '../model/datastorePath.ts';
import { VimFault } from '../model/vimFault.ts';
import { required, startTask } from './call.ts';
import type { Call, MethodCode } from './call.ts';
import type { DiskToCreate } from './deviceSpec.ts';
import { read } from './wireValue.ts';
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
  SearchDatastore_Task: (call) => {
    const path = required(read.text(call.params.datastorePath), 'datastorePath');
    const datastore = call.model.disks.datastoreOf(path);
    const patterns = read.texts(read.object(call.params.searchSpec)?.matchPattern).map(
      (one) =>
        new RegExp(
          `^${one
            .replace(/[.+^${}()|[\]\\]/g, '\\$&')
            .replaceAll('*', '.*')
            .replaceAll('?', '.')}$`,
        ),
    );
    return startTask(call, async () => {
      const files = (await call.ground.list(path)).filter(
        (file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file.path)),
      );
      const folderPath = `${formatDatastorePath(parseDatastorePath(path))}/`;
      return { searchResult: { folderPath, datastoreId: datastore.id, files } };
    });
  },
};

/** Model first, files after; when the files fail, the model forgets. */
export async function createDisk({ model, ground }: Call, wanted: DiskToCreate): Promise<void> {
  const disk = model.createDisk(wanted);
  try {
    await ground.createDisk(disk);
  } catch (thrown) {
    model.disks.remove(disk.path);
    throw thrown;
  }
}
