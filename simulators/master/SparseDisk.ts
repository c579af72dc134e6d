const blockBytes = 4096;

/** A disk in memory that holds only the blocks that are not all zeros. Any alignment; deterministic. */
export class SparseDisk {
  #bytes: number;
  readonly #blocks: Map<number, Uint8Array>;

  constructor(bytes: number, blocks: ReadonlyMap<number, Uint8Array> = new Map()) {
    this.#bytes = bytes;
    this.#blocks = new Map(Array.from(blocks, ([block, content]) => [block, content.slice()]));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What the blocks that are kept take up. */
  get allocatedBytes(): number {
    return this.#blocks.size * blockBytes;
  }

  /** Throws a RangeError outside of the disk, as `write` and `zero` do. */
  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    this.#eachPiece(offset, length, (block, within, done, count) => {
      const content = this.#blocks.get(block);
      if (content !== undefined) result.set(content.subarray(within, within + count), done);
    });
    return result;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#eachPiece(offset, bytes.length, (block, within, done, count) => {
      const content = this.#blocks.get(block) ?? new Uint8Array(blockBytes);
      content.set(bytes.subarray(done, done + count), within);
      this.#keep(block, content);
    });
  }

  zero(offset: number, length: number): void {
    this.#eachPiece(offset, length, (block, within, _done, count) => {
      const content = this.#blocks.get(block);
      if (content !== undefined) this.#keep(block, content.fill(0, within, within + count));
    });
  }

  /** Numbers of the blocks that are not all zeros, ascending. */
  allocatedBlocks(): number[] {
    return [...this.#blocks.keys()].sort((a, b) => a - b);
  }

  /** Cuts off or adds zeros at the end. */
  resize(bytes: number): void {
    if (bytes < this.#bytes) this.zero(bytes, this.#bytes - bytes);
    this.#bytes = bytes;
  }

  copy(): SparseDisk {
    return new SparseDisk(this.#bytes, this.#blocks);
  }

  /** Same size and same content. */
  equals(other: SparseDisk): boolean {
    if (this.#bytes !== other.#bytes || this.#blocks.size !== other.#blocks.size) return false;
    return [...this.#blocks].every(([block, content]) => {
      const theirs = other.#blocks.get(block);
      return theirs !== undefined && content.every((byte, at) => byte === theirs[at]);
    });
  }

  #keep(block: number, content: Uint8Array): void {
    if (content.every((byte) => byte === 0)) this.#blocks.delete(block);
    else this.#blocks.set(block, content);
  }

  #eachPiece(
    offset: number,
    length: number,
    visit: (block: number, within: number, done: number, count: number) => void,
  ): void {
    if (offset < 0 || length < 0 || offset + length > this.#bytes) {
      throw new RangeError(`${offset}+${length} is outside of a disk of ${this.#bytes} bytes`);
    }
    for (let done = 0; done < length;) {
      const within = (offset + done) % blockBytes;
      const count = Math.min(blockBytes - within, length - done);
      visit(Math.floor((offset + done) / blockBytes), within, done, count);
      done += count;
    }
  }
}
