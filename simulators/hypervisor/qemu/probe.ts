import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';

const binary = 'qemu-system-x86_64';

/** Whether guests can really boot here. */
export function hasQemu(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(binary, ['--version'], { timeout: 10_000 }, (error) => resolve(error === null));
  });
}

const efiFirmwares = ['/usr/share/ovmf/OVMF.fd', '/usr/share/OVMF/OVMF.fd', '/usr/share/qemu/OVMF.fd'];

/** The UEFI firmware of this machine's QEMU, where one is installed. */
export async function findEfiFirmware(): Promise<string | undefined> {
  for (const path of efiFirmwares) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** `setpriv` lets the kernel end a guest together with the simulator, even when that is killed. */
export function guarded(args: readonly string[]): { readonly command: string; readonly args: readonly string[] } {
  return { command: 'setpriv', args: ['--pdeathsig', 'KILL', '--', binary, ...args] };
}
