import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { run } from './command.ts';
import { guestDrivers, kernelModules } from './kernelModules.ts';
import { bootCodeBytes, masterBootRecord, sectorBytes } from './masterBootRecord.ts';
import type { ArchiveEntry } from './newcArchive.ts';
import { newcArchive } from './newcArchive.ts';
import type { LabPackages } from './packages.ts';
import { canBuildBootable, grubFolder, modulesFolderOf } from './packages.ts';
import { assertSlots, labelBytes, slotBytes, workloadLabel } from './workloadRecords.ts';

export type BootableDiskOptions = {
  readonly packages: LabPackages;
  /** What the guest calls itself. */
  readonly hostname?: string;
  /** How many writes the disk keeps before the workload begins again; a power of two, 16384 (64 MiB) by default. */
  readonly slots?: number;
};

export type BootableDisk = {
  readonly bytes: number;
  /** Where slot 0 of the workload's records starts, in bytes from the start of the disk. */
  readonly workloadOffset: number;
  readonly workloadSlots: number;
  /** False when a kernel, busybox or GRUB is missing: the disk then holds the workload's partition only. */
  readonly bootable: boolean;
};

const mebibyte = 1 << 20;
const bootOffset = mebibyte;
const bootBytes = 188 * mebibyte;
const linuxType = 0x83;
const diskSignature = 0x4b47_4d53;

/**
 * Builds a sparse raw disk, 256 MiB by default, that boots Linux from a BIOS: GRUB, a kernel and an initramfs on
 * an ext4 partition, and a raw partition for the workload's records, which the guest verifies and reports on its
 * first serial line. Needs no privilege and mounts nothing. Replaces what is at `path`.
 * Faults: LabError when one of Debian's tools fails.
 */
export async function buildBootableDisk(path: string, options: BootableDiskOptions): Promise<BootableDisk> {
  const slots = options.slots ?? 16_384;
  assertSlots(slots);
  const bootable = canBuildBootable(options.packages);
  const workload = {
    offset: bootOffset + bootBytes,
    bytes: roundUp(labelBytes + slots * slotBytes, mebibyte),
    type: linuxType,
  };
  const bytes = workload.offset + workload.bytes + 2 * mebibyte;
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const disk = await open(path, 'wx');
  const scratch = await mkdtemp(`${path}.parts-`);
  try {
    await disk.truncate(bytes);
    const loader = bootable ? await makeBootPartition(path, scratch, options) : new Uint8Array(bootCodeBytes);
    const partitions = [
      { offset: bootOffset, bytes: bootBytes, active: bootable, type: linuxType },
      { ...workload, active: false },
    ];
    await disk.write(masterBootRecord(loader.subarray(0, bootCodeBytes), diskSignature, partitions), 0, sectorBytes, 0);
    const core = loader.subarray(bootCodeBytes);
    await disk.write(core, 0, core.length, sectorBytes);
    await disk.write(workloadLabel(slots), workload.offset);
    await disk.sync();
  } finally {
    await disk.close();
    await rm(scratch, { recursive: true, force: true });
  }
  return { bytes, workloadOffset: workload.offset + labelBytes, workloadSlots: slots, bootable };
}

/** Fills partition 1 and gives the boot loader: the boot sector's program, then the core that follows it on the disk. */
async function makeBootPartition(disk: string, scratch: string, options: BootableDiskOptions): Promise<Uint8Array> {
  const { kernel, busybox } = options.packages;
  if (kernel === undefined || busybox === undefined) throw new TypeError('a bootable disk takes a kernel and busybox');
  const files = join(scratch, 'files');
  await mkdir(join(files, 'boot', 'grub'), { recursive: true });
  await copyFile(kernel, join(files, 'boot', 'vmlinuz'));
  await writeFile(join(files, 'boot', 'initrd'), await makeInitramfs(kernel, busybox));
  await writeFile(join(files, 'boot', 'grub', 'grub.cfg'), grubMenu(options.hostname ?? 'kagemusha'));
  await makeExt4(disk, files);
  return makeBootLoader(scratch);
}

/** Features by name, since GRUB 2.06 cannot read all that a newer mke2fs turns on by itself. */
async function makeExt4(disk: string, files: string): Promise<void> {
  const features = 'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file';
  const extended = `offset=${bootOffset},root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1`;
  const size = `${bootBytes / 1024}k`;
  await run('mke2fs', [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-L',
    'kagemusha',
    '-O',
    features,
    '-E',
    extended,
    '-d',
    files,
    disk,
    size,
  ]);
}

async function makeBootLoader(scratch: string): Promise<Uint8Array> {
  const early = join(scratch, 'early.cfg');
  const core = join(scratch, 'core.img');
  await writeFile(early, 'set root=(hd0,msdos1)\nset prefix=(hd0,msdos1)/boot/grub\n');
  const modules = ['biosdisk', 'part_msdos', 'ext2', 'normal', 'linux', 'serial', 'terminal'];
  await run('grub-mkimage', ['-O', 'i386-pc', '-p', '(hd0,msdos1)/boot/grub', '-c', early, '-o', core, ...modules]);
  const boot = await readFile(join(grubFolder, 'boot.img'));
  const loader = Buffer.concat([boot.subarray(0, bootCodeBytes), await readFile(core)]);
  if (loader.length > bootOffset - sectorBytes)
    throw new RangeError('the boot loader does not fit before the first partition');
  return loader;
}

const grubMenu = (hostname: string): string => `set timeout=0
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
linux /boot/vmlinuz console=ttyS0 quiet panic=-1 kagemusha.hostname=${hostname}
initrd /boot/initrd
boot
`;

async function makeInitramfs(kernel: string, busybox: string): Promise<Uint8Array> {
  const modules = await kernelModules(modulesFolderOf(kernel), guestDrivers);
  const guest = (name: string): Promise<Uint8Array> => readFile(new URL(`guest/${name}`, import.meta.url));
  const entries: ArchiveEntry[] = [
    { path: 'bin', mode: 0o755 },
    { path: 'bin/busybox', mode: 0o755, bytes: await readFile(busybox) },
    { path: 'init', mode: 0o755, bytes: await guest('init.sh') },
    { path: 'verifyRecords.sh', mode: 0o755, bytes: await guest('verifyRecords.sh') },
    { path: 'modules', mode: 0o755 },
    ...modules.map((module) => ({ path: `modules/${module.fileName}`, mode: 0o644, bytes: module.bytes })),
    {
      path: 'modules/order',
      mode: 0o644,
      bytes: Buffer.from(modules.map((module) => `${module.fileName}\n`).join('')),
    },
  ];
  return gzipSync(newcArchive(entries));
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
