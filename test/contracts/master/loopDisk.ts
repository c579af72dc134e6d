import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why loop devices cannot be made here; undefined when they can. */
export const noLoopDisksBecause = process.geteuid?.() === 0 ? undefined : 'loop devices need root';

/** A real block device over a sparse temporary file. */
export class LoopDisk {
  readonly device: string;
  readonly bytes: number;
  readonly #folder: string;
  readonly #image: string;
  #attached = true;

  constructor(bytes: number, parentFolder: string = tmpdir()) {
    this.bytes = bytes;
    this.#folder = mkdtempSync(join(parentFolder, 'kagemusha-loop-'));
    this.#image = join(this.#folder, 'image');
    writeFileOf(this.#image, bytes);
    this.device = execFileSync('losetup', ['--find', '--show', this.#image], { encoding: 'utf8' }).trim();
  }

  /** Returns once the bytes are on the device. */
  write(offset: number, bytes: Uint8Array): void {
    const file = openSync(this.device, 'r+');
    try {
      writeSync(file, bytes, 0, bytes.length, offset);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** What the device holds, seen from behind it. */
  image(): Buffer {
    return readFileSync(this.#image);
  }

  shrink(bytes: number): void {
    truncateSync(this.#image, bytes);
    execFileSync('losetup', ['--set-capacity', this.device]);
  }

  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    execFileSync('losetup', ['--detach', this.device]);
  }

  remove(): void {
    this.detach();
    rmSync(this.#folder, { recursive: true });
  }
}

function writeFileOf(path: string, bytes: number): void {
  closeSync(openSync(path, 'w'));
  truncateSync(path, bytes);
}
