import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { run } from './command.ts';

/** A driver as the guest loads it. */
export type KernelModule = { readonly fileName: string; readonly bytes: Uint8Array };

/** Every controller and network card that ESXi or QEMU may give the guest; a kernel need not have all. */
export const guestDrivers = [
  'vmw_pvscsi',
  'ahci',
  'ata_piix',
  'mptspi',
  'mptsas',
  'nvme',
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'sd_mod',
  'vmxnet3',
  'virtio_net',
  'e1000',
  'e1000e',
];

/** The drivers' files with all they depend on, each after what it needs; built-in and absent ones left out. */
export async function kernelModules(modulesFolder: string, names: readonly string[]): Promise<KernelModule[]> {
  const order = loadOrder(await readFile(join(modulesFolder, 'modules.dep'), 'utf8'), names);
  return Promise.all(order.map((path) => readModule(join(modulesFolder, path))));
}

/** Paths of `modules.dep` (depmod) in loading order for the named modules. */
export function loadOrder(modulesDep: string, names: readonly string[]): string[] {
  const needs = new Map<string, readonly string[]>();
  const byName = new Map<string, string>();
  for (const line of modulesDep.split('\n')) {
    const [path, rest] = line.split(':');
    if (path === undefined || rest === undefined) continue;
    needs.set(
      path,
      rest.split(' ').filter((word) => word !== ''),
    );
    byName.set(moduleName(path), path);
  }
  const order = new Set<string>();
  const add = (path: string): void => {
    if (order.has(path)) return;
    for (const needed of needs.get(path) ?? []) add(needed);
    order.add(path);
  };
  for (const name of names) {
    const path = byName.get(moduleName(name));
    if (path !== undefined) add(path);
  }
  return [...order];
}

/** Kernel and files disagree on `-` and `_`; both mean the same module. */
const moduleName = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

async function readModule(path: string): Promise<KernelModule> {
  const fileName = `${moduleName(path)}.ko`;
  // busybox's insmod unpacks nothing, so the guest gets plain modules.
  if (path.endsWith('.xz'))
    return { fileName, bytes: Buffer.from(await run('xz', ['-dc', path], {}, 'latin1'), 'latin1') };
  const bytes = await readFile(path);
  if (path.endsWith('.gz')) return { fileName, bytes: gunzipSync(bytes) };
  if (path.endsWith('.zst')) return { fileName, bytes: zstdDecompressSync(bytes) };
  return { fileName, bytes };
}
