import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { PartyFault } from '#machines/faults.ts';
import type { SourceDisk } from '#machines/parties/master.ts';
import type { AlignedSlots } from './alignedMemory.ts';
import { findBlockDevice, sectorBytes, type BlockDevice } from './blockDevice.ts';

const blockBytes = 4096;

/**
 * A block device read with O_DIRECT: the page cache of the device is not the disk, a mounted file system writes past it.
 */
export class LinuxSourceDisk implements SourceDisk {
  readonly diskId: string;
  readonly bytes: number;
  readonly #handle: FileHandle;
  readonly #slots: AlignedSlots;
  /** The device's size in sysfs, kept open: asking again costs one system call, and tells when the device is gone. */
  readonly #sizeFile: number;
  readonly #sizeText = Buffer.alloc(32);
  #closed = false;

  /** Faults: `diskMissing`. */
  static async open(diskId: string, slots: AlignedSlots): Promise<LinuxSourceDisk> {
    const device = findBlockDevice(diskId);
    const handle = await open(diskId, constants.O_RDONLY | constants.O_DIRECT).catch((thrown: unknown) => {
      throw missingOr(diskId, thrown);
    });
    try {
      return new LinuxSourceDisk(device, handle, slots);
    } catch (thrown) {
      await handle.close();
      throw missingOr(diskId, thrown);
    }
  }

  private constructor(device: BlockDevice, handle: FileHandle, slots: AlignedSlots) {
    this.diskId = device.diskId;
    this.bytes = device.bytes;
    this.#handle = handle;
    this.#slots = slots;
    this.#sizeFile = openSync(`${device.sysFolder}/size`, 'r');
  }

  /** Faults: `diskMissing`, `diskChanged`. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset % blockBytes !== 0 || (length % blockBytes !== 0 && offset + length !== this.bytes)) {
      throw new RangeError(`${offset}+${length} is not a range of whole blocks`);
    }
    if (offset < 0 || length <= 0 || offset >= this.bytes) {
      throw new RangeError(`${offset}+${length} is outside of ${this.diskId}`);
    }
    this.#checkSize();
    const result = new Uint8Array(Math.min(length, this.bytes - offset));
    for (let done = 0; done < result.length; done += this.#slots.slotBytes) {
      const piece = result.subarray(done, done + this.#slots.slotBytes);
      await this.#slots.use((slot) => this.#readPiece(slot, offset + done, piece));
    }
    return result;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#sizeFile);
    await this.#handle.close();
  }

  async #readPiece(slot: Uint8Array, offset: number, piece: Uint8Array): Promise<void> {
    for (let done = 0; done < piece.length;) {
      const { bytesRead } = await this.#handle
        .read(slot, done, piece.length - done, offset + done)
        .catch((thrown: unknown) => {
          this.#checkSize();
          throw new PartyFault('internal', { reason: `reading ${this.diskId}: ${String(thrown)}` }, 'none');
        });
      if (bytesRead === 0) {
        this.#checkSize();
        throw new PartyFault('internal', { reason: `${this.diskId} ends at ${offset + done}` }, 'none');
      }
      done += bytesRead;
    }
    piece.set(slot.subarray(0, piece.length));
  }

  #checkSize(): void {
    let actualBytes = 0;
    try {
      const length = readSync(this.#sizeFile, this.#sizeText, 0, this.#sizeText.length, 0);
      actualBytes = Number(this.#sizeText.toString('latin1', 0, length)) * sectorBytes;
    } catch (thrown) {
      throw missingOr(this.diskId, thrown);
    }
    if (actualBytes === 0) throw new PartyFault('diskMissing', { disk: this.diskId });
    if (actualBytes !== this.bytes) {
      throw new PartyFault('diskChanged', { disk: this.diskId, expectedBytes: this.bytes, actualBytes });
    }
  }
}

function missingOr(diskId: string, thrown: unknown): unknown {
  const code = (thrown as NodeJS.ErrnoException).code;
  const gone = code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO';
  return gone ? new PartyFault('diskMissing', { disk: diskId }) : thrown;
}
