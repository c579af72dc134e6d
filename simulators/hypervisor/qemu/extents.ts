import { execFile } from 'node:child_process';
import { copyFile, constants, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { HypervisorModel } from '../model/hypervisorModel.ts';
import type { DatastoreFolder } from '../soap/datastoreFolder.ts';

/** A file that holds a disk's bytes, or those of a child that were written to it. */
export type Extent = { readonly realPath: string; readonly format: 'raw' | 'qcow2' };

/** A disk's own extent first, then what it reads through to. Faults: `FileNotFound`. */
export function extentsOf(
  { model, datastores }: { readonly model: HypervisorModel; readonly datastores: DatastoreFolder },
  path: string,
): readonly Extent[] {
  return [model.disks.get(path), ...model.disks.basesOf(path)].map((disk) => ({
    realPath: datastores.extentPath(disk),
    format: disk.parent === undefined ? 'raw' : 'qcow2',
  }));
}

const run = promisify(execFile);

/** Makes the extents of children readable to QEMU, the farthest first: until the first boot they are empty files. */
export async function prepareExtents(extents: readonly Extent[]): Promise<void> {
  const [own, ...bases] = extents;
  const base = bases[0];
  if (own === undefined || base === undefined) return;
  await prepareExtents(bases);
  if (!(await isEmpty(own))) return;
  await run('qemu-img', ['create', '-q', '-f', own.format, '-F', base.format, '-b', base.realPath, own.realPath]);
}

/** Writes what a guest would read from the disk to a raw file. */
export async function exportExtents(extents: readonly Extent[], target: string): Promise<void> {
  const [own, ...bases] = extents;
  if (own === undefined) return;
  if (own.format === 'raw') await copyFile(own.realPath, target, constants.COPYFILE_FICLONE);
  else if (await isEmpty(own)) await exportExtents(bases, target);
  else await run('qemu-img', ['convert', '-f', own.format, '-O', 'raw', own.realPath, target]);
}

async function isEmpty({ realPath }: Extent): Promise<boolean> {
  return (await stat(realPath)).size === 0;
}
