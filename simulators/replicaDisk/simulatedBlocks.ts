import { PartyFault } from '#machines/faults.ts';
import type { Random } from '#machines/parties/random.ts';

const blockBytes = 4096;

/**
 * A disk in memory, sparse in 4 KiB blocks, with a volatile cache: until `flush` a power cut may take any block back to
 * what it was. Whoever owns the disk (the datastore of the simulated hypervisor) holds this; openers only write to it.
 */
export class SimulatedBlocks {
  readonly bytes: number;
  /** What the datastore has room for; a block more is refused with `diskFull`. */
  allocatedBytesMax = Number.POSITIVE_INFINITY;
  readonly #blocks = new Map<number, Uint8Array>();
  /** Blocks changed since the last flush, as they were then; undefined was a hole. */
  readonly #before = new Map<number, Uint8Array | undefined>();

  constructor(bytes: number) {
    if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new RangeError(`a disk cannot have ${bytes} bytes`);
    this.bytes = bytes;
  }

  get allocatedBytes(): number {
    return this.#blocks.size * blockBytes;
  }

  get unflushedBlocks(): number {
    return this.#before.size;
  }

  read(offset: number, length: number): Uint8Array {
    this.#mustBeInside(offset, length);
    const bytes = new Uint8Array(length);
    for (const part of parts(offset, length)) {
      const block = this.#blocks.get(part.block);
      if (block !== undefined) bytes.set(block.subarray(part.from, part.from + part.length), part.at);
    }
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#mustBeInside(offset, bytes.byteLength);
    for (const part of parts(offset, bytes.byteLength)) {
      const old = this.#blocks.get(part.block);
      if (old === undefined && this.allocatedBytes + blockBytes > this.allocatedBytesMax) {
        throw new PartyFault('diskFull', { path: 'datastore' });
      }
      // A new array each time, so that what `#before` holds stays as it was.
      const block = old?.slice() ?? new Uint8Array(blockBytes);
      block.set(bytes.subarray(part.at, part.at + part.length), part.from);
      this.#replace(part.block, old, block);
    }
  }

  zero(offset: number, length: number): void {
    this.#mustBeInside(offset, length);
    for (const part of parts(offset, length)) {
      const old = this.#blocks.get(part.block);
      if (old === undefined) continue;
      const block = old.slice().fill(0, part.from, part.from + part.length);
      this.#replace(part.block, old, block.some((byte) => byte !== 0) ? block : undefined);
    }
  }

  flush(): void {
    this.#before.clear();
  }

  /** A power cut: each block written since the last flush is, by chance, as it was then or as it is now. */
  losePower(random: Random): void {
    for (const [block, before] of this.#before) {
      if (random.integer(2) === 0) continue;
      if (before === undefined) this.#blocks.delete(block);
      else this.#blocks.set(block, before);
    }
    this.#before.clear();
  }

  /** A copy of its own, as a child disk starts out. */
  clone(): SimulatedBlocks {
    const copy = new SimulatedBlocks(this.bytes);
    for (const [block, bytes] of this.#blocks) copy.#blocks.set(block, bytes.slice());
    return copy;
  }

  /** Whether both hold the same bytes; holes are zeros. */
  equals(other: SimulatedBlocks): boolean {
    if (this.bytes !== other.bytes) return false;
    const zeros = new Uint8Array(blockBytes);
    for (const block of new Set([...this.#blocks.keys(), ...other.#blocks.keys()])) {
      const mine = this.#blocks.get(block) ?? zeros;
      const theirs = other.#blocks.get(block) ?? zeros;
      if (mine.some((byte, at) => byte !== theirs[at])) return false;
    }
    return true;
  }

  #replace(at: number, old: Uint8Array | undefined, block: Uint8Array | undefined): void {
    if (!this.#before.has(at)) this.#before.set(at, old);
    if (block === undefined) this.#blocks.delete(at);
    else this.#blocks.set(at, block);
  }

  #mustBeInside(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.bytes) {
      throw new RangeError(`bytes ${offset}+${length} are not on a disk of ${this.bytes} bytes`);
    }
  }
}

function* parts(
  offset: number,
  length: number,
): Generator<{ block: number; from: number; length: number; at: number }> {
  for (let at = 0; at < length;) {
    const from = (offset + at) % blockBytes;
    const partLength = Math.min(blockBytes - from, length - at);
    yield { block: Math.floor((offset + at) / blockBytes), from, length: partLength, at };
    at += partLength;
  }
}
