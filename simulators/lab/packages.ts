import { open, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { findProgram, isReadable, run } from './command.ts';
import { LabError } from './labError.ts';

/** What this machine offers the lab. */
export type LabPackages = {
  /** QEMU is there: the substitute VM really boots. Otherwise its boot is simulated. */
  readonly qemu: boolean;
  /** A kernel to boot, e.g. `/boot/vmlinuz-6.1.0-44-cloud-amd64`. */
  readonly kernel: string | undefined;
  /** A statically linked busybox: the guest's only program. */
  readonly busybox: string | undefined;
  /** GRUB's files for a BIOS and its image maker are there. */
  readonly bootLoader: boolean;
  readonly mke2fs: boolean;
  readonly losetup: boolean;
  /** Debian packages that would fill the gaps; empty when nothing is missing. */
  readonly missing: readonly string[];
};

export type EnsureOptions = {
  /** Where sentences for the person at the terminal go; silent by default. */
  readonly say?: (sentence: string) => void;
  /** Installs what is missing when root on Debian or Ubuntu; true by default. */
  readonly install?: boolean;
  /** Programs wanted beside the lab's own, with the package that brings each. */
  readonly also?: readonly { readonly program: string; readonly package: string }[];
};

export const grubFolder = '/usr/lib/grub/i386-pc';
const bootFolder = '/boot';

/**
 * Finds what the lab needs and installs what is missing where it may; else says the one command that does.
 * Never throws for a missing package: without QEMU the lab runs with a simulated boot.
 */
export async function ensurePackages(options: EnsureOptions = {}): Promise<LabPackages> {
  const say = options.say ?? ((): void => undefined);
  const distribution = await readDistribution();
  const { also = [] } = options;
  let found = await detectPackages(distribution, also);
  if (found.missing.length === 0) return found;
  const names = found.missing.join(' ');
  if (options.install !== false && process.getuid?.() === 0 && distribution !== 'other') {
    say(`Installing Debian packages that the lab needs: ${names}`);
    await aptInstall(found.missing).catch((error: unknown) => say(`apt-get could not install them: ${String(error)}`));
    found = await detectPackages(distribution, also);
  }
  if (found.missing.length > 0)
    say(`The lab misses some packages. Install them with: sudo apt-get install ${found.missing.join(' ')}`);
  if (!canBoot(found))
    say('Until then the boot of the substitute VM is SIMULATED: no guest runs and nothing is verified inside it.');
  return found;
}

/** All that a real boot of the lab's disk takes. */
export function canBoot(packages: LabPackages): boolean {
  return packages.qemu && canBuildBootable(packages);
}

/** All that building a disk that boots takes. */
export function canBuildBootable(packages: LabPackages): boolean {
  return packages.kernel !== undefined && packages.busybox !== undefined && packages.bootLoader && packages.mke2fs;
}

type Distribution = 'debian' | 'ubuntu' | 'other';

async function detectPackages(
  distribution: Distribution,
  also: NonNullable<EnsureOptions['also']>,
): Promise<LabPackages> {
  const qemu = (await findProgram('qemu-system-x86_64')) !== undefined;
  const kernel = await findKernel();
  const busybox = await findBusybox();
  const grubMkimage = (await findProgram('grub-mkimage')) !== undefined;
  const grubFiles = await isReadable(join(grubFolder, 'boot.img'));
  const mke2fs = (await findProgram('mke2fs')) !== undefined;
  const losetup = (await findProgram('losetup')) !== undefined;
  const needs: readonly (readonly [boolean, string])[] = [
    [qemu, 'qemu-system-x86'],
    [kernel !== undefined, distribution === 'ubuntu' ? 'linux-image-virtual' : 'linux-image-cloud-amd64'],
    [busybox !== undefined, 'busybox-static'],
    [grubMkimage, 'grub-common'],
    [grubFiles, 'grub-pc-bin'],
    [mke2fs, 'e2fsprogs'],
    [losetup, 'mount'],
    // The master's own networks are made with it, taken away with nft, and asked with arping.
    [(await findProgram('ip')) !== undefined, 'iproute2'],
    [(await findProgram('nft')) !== undefined, 'nftables'],
    [(await findProgram('arping')) !== undefined, 'iputils-arping'],
  ];
  const wanted = await Promise.all(
    also.map(async (one): Promise<readonly [boolean, string]> => [
      (await findProgram(one.program)) !== undefined,
      one.package,
    ]),
  );
  const missing = [...needs, ...wanted].filter(([there]) => !there).map(([, name]) => name);
  return { qemu, kernel, busybox, bootLoader: grubMkimage && grubFiles, mke2fs, losetup, missing };
}

/** The modules that belong to a kernel, e.g. `/lib/modules/6.1.0-44-cloud-amd64`. */
export const modulesFolderOf = (kernel: string): string => join('/lib/modules', kernel.replace(/^.*\/vmlinuz-/, ''));

/** A readable kernel with its modules; cloud kernels first, for they boot fastest, and newer ones before older. */
async function findKernel(): Promise<string | undefined> {
  const names = await readdir(bootFolder).catch((): string[] => []);
  const newestFirst = names
    .filter((name) => name.startsWith('vmlinuz-'))
    .sort(
      (a, b) =>
        Number(b.includes('cloud')) - Number(a.includes('cloud')) || b.localeCompare(a, 'en', { numeric: true }),
    );
  for (const name of newestFirst) {
    const path = join(bootFolder, name);
    if ((await isReadable(path)) && (await isReadable(join(modulesFolderOf(path), 'modules.dep')))) return path;
  }
  return undefined;
}

/** Debian's package `busybox` is linked dynamically, which an initramfs without libraries cannot run. */
async function findBusybox(): Promise<string | undefined> {
  const path = await findProgram('busybox');
  return path !== undefined && (await isStaticElf(path)) ? path : undefined;
}

async function isStaticElf(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(4096);
    await file.read(head, 0, head.length, 0);
    if (head.readUInt32BE(0) !== 0x7f454c46) return false;
    const [tableOffset, entryBytes, entries] = [
      Number(head.readBigUInt64LE(32)),
      head.readUInt16LE(54),
      head.readUInt16LE(56),
    ];
    const interpreterType = 3;
    for (let index = 0; index < entries; index++) {
      if (head.readUInt32LE(tableOffset + index * entryBytes) === interpreterType) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}

async function readDistribution(): Promise<Distribution> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const id = /^ID="?(\w+)/m.exec(text)?.[1];
  return id === 'debian' || id === 'ubuntu' ? id : 'other';
}

async function aptInstall(names: readonly string[]): Promise<void> {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const patience = ['-o', 'DPkg::Lock::Timeout=300'];
  const install = (): Promise<string> =>
    run('apt-get', [...patience, 'install', '-y', '--no-install-recommends', ...names], environment);
  await install().catch(async (error: unknown) => {
    if (!(error instanceof LabError)) throw error;
    // A fresh machine has no package lists yet.
    await run('apt-get', [...patience, 'update'], environment);
    await install();
  });
}
