import { constants } from 'node:fs';
import { open, readFile, realpath, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PartyFault } from '#machines/faults.ts';
import type { GuestDiskLocator, ReplicaDisk, ReplicaDisks } from '#machines/parties/replicaDisk.ts';
import { claim, type Claim } from './claim.ts';

const sectorBytes = 512;
const zeroReadBytes = 1024 * 1024;
/** Finer than what is read at once, so that a little data in a wide range does not fill all of it. */
const zeroWriteBytes = 64 * 1024;
const zeros = Buffer.alloc(zeroWriteBytes);

/**
 * Virtual disks as the appliance's guest sees them: udev's names by WWN, block devices on an appliance, links to flat
 * extents where a datastore is a folder.
 */
export class VmdkReplicaDisks implements ReplicaDisks {
  readonly #diskFolder: string;

  constructor(options: { readonly diskFolder: string }) {
    this.#diskFolder = options.diskFolder;
  }

  async open(locator: GuestDiskLocator): Promise<ReplicaDisk> {
    const path = join(this.#diskFolder, `wwn-0x${locator.wwn}`);
    const unproven = (reason: string): PartyFault => new PartyFault('replicaDiskUnproven', { path, reason });
    if (!/^[0-9a-f]{32}$/.test(locator.wwn)) throw unproven('not a WWN');
    let file: FileHandle | undefined;
    let claimed: Claim | undefined;
    try {
      file = await openWhole(path);
      const identity = await file.stat();
      const device = identity.isBlockDevice();
      if (!device && !identity.isFile()) throw unproven('neither a block device nor a file');
      const bytes = device ? await deviceBytes(path) : identity.size;
      if (bytes !== locator.expectBytes) throw unproven(`${bytes} bytes instead of ${locator.expectBytes}`);
      claimed = await claim(device ? `device-${identity.rdev}` : `file-${identity.dev}-${identity.ino}`);
      if (claimed === undefined) throw unproven('open already');
      return new VmdkReplicaDisk(file, path, bytes, claimed);
    } catch (thrown) {
      claimed?.release();
      await file?.close();
      if (thrown instanceof PartyFault) throw thrown;
      throw unproven(reasonOf(thrown));
    }
  }
}

class VmdkReplicaDisk implements ReplicaDisk {
  readonly bytes: number;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #claimed: Claim;

  constructor(file: FileHandle, path: string, bytes: number, claimed: Claim) {
    this.#file = file;
    this.#path = path;
    this.bytes = bytes;
    this.#claimed = claimed;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#mustBeInside(offset, bytes.byteLength);
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, offset + done);
        done += bytesWritten;
      }
    } catch (thrown) {
      throw this.#faultOf(thrown);
    }
  }

  /** Reads first: where zeros are read there is a hole or nothing to do, and writing would only fill the hole. */
  async zero(offset: number, length: number): Promise<void> {
    this.#mustBeInside(offset, length);
    for (let done = 0; done < length; done += zeroReadBytes) {
      const found = await this.read(offset + done, Math.min(zeroReadBytes, length - done));
      for (let at = 0; at < found.byteLength; at += zeroWriteBytes) {
        const part = found.subarray(at, at + zeroWriteBytes);
        const empty = zeros.subarray(0, part.byteLength);
        if (!empty.equals(part)) await this.write(offset + done + at, empty);
      }
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#mustBeInside(offset, length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) {
        throw new PartyFault(
          'replicaDiskUnproven',
          { path: this.#path, reason: `ends at ${offset + done}` },
          'unknown',
        );
      }
      done += bytesRead;
    }
    return bytes;
  }

  async flush(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (thrown) {
      throw this.#faultOf(thrown);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
    this.#claimed.release();
  }

  #mustBeInside(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.bytes) {
      throw new RangeError(`bytes ${offset}+${length} are not on a disk of ${this.bytes} bytes`);
    }
  }

  #faultOf(thrown: unknown): unknown {
    const full = reasonOf(thrown) === 'ENOSPC';
    return full ? new PartyFault('diskFull', { path: this.#path }) : thrown;
  }
}

/**
 * On a block device O_EXCL without O_CREAT asks the kernel for the whole device: a mounted one, or one that is part of
 * a volume group, is refused. On a file it means nothing.
 */
function openWhole(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_EXCL);
}

async function deviceBytes(path: string): Promise<number> {
  const name = basename(await realpath(path));
  return Number(await readFile(`/sys/class/block/${name}/size`, 'utf8')) * sectorBytes;
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return 'code' in thrown ? String(thrown.code) : thrown.message;
}
