import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import type { OpenWatchdog, Watchdog } from '#machines/parties/watchdog.ts';

export type LinuxWatchdogOptions = {
  /** E.g. `/dev/watchdog0`. */
  readonly device: string;
  /** Where the kernel tells the devices' periods. */
  readonly classFolder?: string;
};

/** Written before closing, it tells the kernel that the end is meant; without it the watchdog runs on. */
const magicClose = 'V';

/**
 * A watchdog of the Linux kernel. Opening the device arms it, any byte feeds it. Its period is the one it was configured
 * with (`/sys/class/watchdog/…/timeout`); Node has no ioctl to set another.
 */
export class LinuxWatchdog implements Watchdog {
  readonly #device: string;
  readonly #classFolder: string;

  constructor({ device, classFolder = '/sys/class/watchdog' }: LinuxWatchdogOptions) {
    this.#device = device;
    this.#classFolder = classFolder;
  }

  async open(): Promise<OpenWatchdog | undefined> {
    // Read first: a device whose period nobody knows is not armed.
    const periodMs = this.#periodMs();
    if (periodMs === undefined) return undefined;
    let fd: number;
    try {
      fd = openSync(this.#device, 'w');
    } catch {
      return undefined;
    }
    return {
      periodMs,
      feed: () => void writeSync(fd, '\0'),
      close: async () => {
        writeSync(fd, magicClose);
        closeSync(fd);
      },
    };
  }

  #periodMs(): number | undefined {
    // `/dev/watchdog` is the first device under its old name.
    const name = basename(this.#device) === 'watchdog' ? 'watchdog0' : basename(this.#device);
    try {
      const seconds = Number(readFileSync(`${this.#classFolder}/${name}/timeout`, 'utf8').trim());
      return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
    } catch {
      return undefined;
    }
  }
}
