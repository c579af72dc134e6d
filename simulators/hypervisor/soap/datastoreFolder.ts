import { mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderPath } from '../model/vmFacts.ts';
import { parseDatastorePath } from '../model/datastorePath.ts';
import type { DiskState, VmRecord } from '../model/state.ts';
import type { ListedFile } from '../model/taskBook.ts';
import { VimFault } from '../model/vimFault.ts';
import { spacedUuid } from './vmProperties.ts';

/** Datastores on a real disk: `<root>/<datastore>/<folder>/…`, with descriptors and sparse flat extents. */
export class DatastoreFolder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  realPath(path: string): string {
    const { datastore, file } = parseDatastorePath(path);
    if (datastore.includes('/') || datastore.startsWith('.')) {
      throw new VimFault('InvalidDatastorePath', { datastorePath: path, name: datastore });
    }
    return join(this.#root, datastore, file);
  }

  /** The extent that holds a disk's bytes: a raw image, or what was written to a child. */
  extentPath(disk: Pick<DiskState, 'path' | 'parent'>): string {
    return extentName(this.realPath(disk.path), disk);
  }

  async makeFolder(path: string): Promise<void> {
    await mkdir(this.realPath(path), { recursive: true });
  }

  /** A child's extent stays empty until a guest writes to it. Faults: `NoDiskSpace`, `FileAlreadyExists`. */
  async createDisk(disk: DiskState, base: DiskState | undefined): Promise<void> {
    const extent = this.extentPath(disk);
    await mkdir(dirname(extent), { recursive: true });
    try {
      const file = await open(extent, 'wx');
      try {
        if (base === undefined) await file.truncate(disk.bytes);
      } finally {
        await file.close();
      }
      await writeFile(this.realPath(disk.path), descriptor(disk, base), { flag: 'wx' });
    } catch (thrown) {
      throw fileFault(thrown, disk.path);
    }
  }

  async removeDisk(disk: DiskState): Promise<void> {
    await rm(this.realPath(disk.path), { force: true });
    await rm(this.extentPath(disk), { force: true });
  }

  async writeVm(vm: VmRecord): Promise<void> {
    const path = this.realPath(vm.vmPathName);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, vmx(vm));
  }

  async removeVm(vm: VmRecord): Promise<void> {
    await rm(this.realPath(vm.vmPathName), { force: true });
    const folder = this.realPath(folderPath(vm));
    for (const log of ['serial0.log', 'tools.log']) await rm(join(folder, log), { force: true });
  }

  /** Faults: `FileNotFound`. Extents are hidden, as the host's browser hides them. */
  async list(path: string): Promise<readonly ListedFile[]> {
    const folder = this.realPath(path);
    const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
      throw fileFault(thrown, path);
    });
    const visible = entries.filter((entry) => entry.isFile() && !/-(flat|sesparse)\.vmdk$/.test(entry.name));
    return Promise.all(
      visible.map(async (entry) => {
        const full = join(folder, entry.name);
        const about = await stat(full);
        const extent = await stat(extentName(full, {}))
          .catch(() => stat(extentName(full, { parent: 'some base' })))
          .catch(() => about);
        return { path: entry.name, bytes: extent.blocks * 512, modifiedAtMs: Math.round(about.mtimeMs) };
      }),
    );
  }
}

function fileFault(thrown: unknown, path: string): VimFault {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EFBIG') {
    return new VimFault('NoDiskSpace', { file: path, datastore: parseDatastorePath(path).datastore });
  }
  if (code === 'EEXIST') return new VimFault('FileAlreadyExists', { file: path });
  if (code === 'ENOENT' || code === 'ENOTDIR') return new VimFault('FileNotFound', { file: path });
  return new VimFault('CannotAccessFile', { file: path }, String(thrown));
}

function extentName(descriptorPath: string, { parent }: Pick<DiskState, 'parent'>): string {
  return descriptorPath.replace(/\.vmdk$/, parent === undefined ? '-flat.vmdk' : '-sesparse.vmdk');
}

const shortContentId = ({ contentId }: DiskState): string => contentId.slice(-8);

/** How a child's descriptor names its base: by its place on the host. */
function hostPath(path: string): string {
  const { datastore, file } = parseDatastorePath(path);
  return `/vmfs/volumes/${datastore}/${file}`;
}

/** The text that ESXi writes beside an extent; extents are counted in sectors of 512 bytes. */
function descriptor(disk: DiskState, base: DiskState | undefined): string {
  const sectors = disk.bytes / 512;
  const name = disk.path.slice(disk.path.lastIndexOf('/') + 1).replace(/^\[[^\]]*\] ?/, '');
  return [
    '# Disk DescriptorFile',
    'version=1',
    'encoding="UTF-8"',
    `CID=${shortContentId(disk)}`,
    `parentCID=${base === undefined ? 'ffffffff' : shortContentId(base)}`,
    `createType="${base === undefined ? 'vmfs' : 'seSparse'}"`,
    ...(base === undefined ? [] : [`parentFileNameHint="${hostPath(base.path)}"`]),
    '',
    '# Extent description',
    `RW ${sectors} ${base === undefined ? 'VMFS' : 'SESPARSE'} "${extentName(name, disk)}"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.adapterType = "lsilogic"',
    `ddb.geometry.cylinders = "${Math.max(1, Math.floor(sectors / (255 * 63)))}"`,
    'ddb.geometry.heads = "255"',
    'ddb.geometry.sectors = "63"',
    `ddb.longContentID = "${disk.contentId}"`,
    ...(disk.thin ? ['ddb.thinProvisioned = "1"'] : []),
    `ddb.uuid = "${spacedUuid(disk.uuid)}"`,
    'ddb.virtualHWVersion = "14"',
    '',
  ].join('\n');
}

function vmx(vm: VmRecord): string {
  const lines = {
    '.encoding': 'UTF-8',
    'config.version': '8',
    'virtualHW.version': vm.version.replace(/^vmx-0*/, ''),
    displayName: vm.name,
    guestOS: vm.guestId,
    firmware: vm.firmware,
    numvcpus: String(vm.cpus),
    memSize: String(vm.memoryMiB),
    'uuid.bios': vm.uuid,
    'vc.uuid': vm.instanceUuid,
    ...vm.extraConfig,
  };
  const quoted = Object.entries(lines).map(([key, value]) => `${key} = "${value.replaceAll('"', '|22')}"`);
  return `${quoted.join('\n')}\n`;
}
