import { statfs } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

import { run } from './command.ts';
import { LabError } from './labError.ts';

const tmpfsType = 0x0102_1994;

/**
 * Gives an image file a block device, e.g. `/dev/loop0`, whose writes the kernel can trace like any disk's.
 * Faults: LabError when not root, or when the kernel offers no loop devices.
 */
export async function attachLoop(imagePath: string): Promise<string> {
  requireRoot();
  // Direct I/O keeps the page cache of the machine out of the way; tmpfs has nothing else.
  const onTmpfs = (await statfs(imagePath)).type === tmpfsType;
  const device = await run('losetup', ['--find', '--show', `--direct-io=${onTmpfs ? 'off' : 'on'}`, imagePath]).catch(
    (error: unknown) => {
      throw new LabError(
        `No loop device for ${imagePath}. In a container the lab needs --privileged. ${error instanceof Error ? error.message : ''}`,
      );
    },
  );
  return device.trim();
}

/** Takes the device away; no complaint when it is already gone. A device in use goes when its last user closes it. */
export async function detachLoop(device: string): Promise<void> {
  if ((await loopDevices()).some((loop) => loop.device === device)) await run('losetup', ['--detach', device]);
}

/** Loop devices of images under a folder, such as a killed lab leaves behind. */
export async function loopDevicesOf(folder: string): Promise<readonly string[]> {
  const inside = resolve(folder) + sep;
  return (await loopDevices()).filter((loop) => loop.imagePath.startsWith(inside)).map((loop) => loop.device);
}

/** Detaches the leftovers of a former lab in this folder and gives their names. */
export async function cleanLoops(folder: string): Promise<readonly string[]> {
  const leftovers = await loopDevicesOf(folder);
  for (const device of leftovers) await detachLoop(device);
  return leftovers;
}

async function loopDevices(): Promise<readonly { device: string; imagePath: string }[]> {
  const text = await run('losetup', ['--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE']);
  return [...text.matchAll(/^(\S+) (.+)$/gm)].map((match) => ({ device: match[1] ?? '', imagePath: match[2] ?? '' }));
}

function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new LabError(
      'The lab gives its disks to the kernel as loop devices, which takes root. Run it again with sudo.',
    );
}
