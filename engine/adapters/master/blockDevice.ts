import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { PartyFault } from '#machines/faults.ts';

/** Sizes and addresses of the block layer count in 512 bytes, whatever the device's own sector is. */
export const sectorBytes = 512;

/** What the kernel says of a block device. */
export type BlockDevice = {
  readonly diskId: string;
  readonly sysFolder: string;
  readonly bytes: number;
  /** The kernel's `dev_t`: major in the upper 12 bits, minor in the lower 20; the same number trace events carry. */
  readonly deviceNumber: number;
};

/** Looks a device up by its path. Faults: `diskMissing`, also for a loop device without a file behind it. */
export function findBlockDevice(diskId: string): BlockDevice {
  try {
    const sysFolder = `/sys/class/block/${relative('/dev', realpathSync(diskId)).replaceAll('/', '!')}`;
    const bytes = Number(readFileSync(`${sysFolder}/size`, 'utf8')) * sectorBytes;
    const [major, minor] = readFileSync(`${sysFolder}/dev`, 'utf8').split(':').map(Number);
    if (bytes > 0 && major !== undefined && minor !== undefined) {
      return { diskId, sysFolder, bytes, deviceNumber: major * 2 ** 20 + minor };
    }
  } catch {
    // No such path, or no such device: both mean that the disk is not there.
  }
  throw new PartyFault('diskMissing', { disk: diskId });
}

/** Why the completions of this device cannot be traced; undefined when they can. */
export function untraceableBecause(device: BlockDevice): string | undefined {
  if (existsSync(`${device.sysFolder}/partition`)) return `${device.diskId} is a partition, not a whole disk`;
  // Stacked devices (device mapper, md, zram) have no request queue and emit no completion event of their own.
  if (!existsSync(`${device.sysFolder}/mq`)) return `${device.diskId} has no request queue; protect the disks below it`;
  return undefined;
}
