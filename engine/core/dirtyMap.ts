/** Blocks in which changes are counted. */
export const blockBytes = 4096;

export type Extent = { readonly disk: number; readonly offset: number; readonly length: number };

/** Which blocks of several disks changed since they were last read: one bit for 4 KiB, 32 MiB of memory for 1 TiB. */
export class DirtyMap {
  readonly #diskBytes: readonly number[];
  readonly #words: readonly Uint32Array[];
  readonly #extentBlocks: number;
  /** Where the next extent is looked for: every disk gets its turn. */
  #disk = 0;
  #word = 0;
  #blocks = 0;

  /** `extentBytesMax`: what `take` hands out at most in one piece; a multiple of 4096. */
  constructor(diskBytes: readonly number[], extentBytesMax = 1024 * 1024) {
    if (extentBytesMax < blockBytes || extentBytesMax % blockBytes !== 0) {
      throw new RangeError(`an extent is whole blocks, not ${extentBytesMax} bytes`);
    }
    this.#diskBytes = diskBytes;
    this.#words = diskBytes.map((bytes) => new Uint32Array(Math.ceil(bytes / blockBytes / 32)));
    this.#extentBlocks = extentBytesMax / blockBytes;
  }

  get empty(): boolean {
    return this.#blocks === 0;
  }

  /** At most this much; the last block of a disk may be shorter. */
  get bytes(): number {
    return this.#blocks * blockBytes;
  }

  /** Rounds out to whole blocks; what lies past the end of the disk is left out. */
  add(disk: number, offset: number, length: number): void {
    const words = this.#words[disk]!;
    const last = Math.ceil(Math.min(offset + length, this.#diskBytes[disk]!) / blockBytes);
    for (let block = Math.floor(offset / blockBytes); block < last;) {
      const index = block >>> 5;
      const before = words[index]!;
      if ((block & 31) === 0 && last - block >= 32) {
        words[index] = 0xff_ff_ff_ff;
        this.#blocks += 32 - bitsSet(before);
        block += 32;
      } else {
        const bit = 1 << (block & 31);
        if ((before & bit) === 0) this.#blocks += 1;
        words[index] = before | bit;
        block += 1;
      }
    }
  }

  /** Takes out the next run of changed blocks, or undefined when there is none. */
  take(): Extent | undefined {
    if (this.empty) return undefined;
    for (;;) {
      const words = this.#words[this.#disk]!;
      while (this.#word < words.length && words[this.#word] === 0) this.#word += 1;
      if (this.#word < words.length) return this.#takeRun(words);
      this.#disk = (this.#disk + 1) % this.#words.length;
      this.#word = 0;
    }
  }

  clear(): void {
    for (const words of this.#words) words.fill(0);
    this.#blocks = 0;
  }

  #takeRun(words: Uint32Array): Extent {
    const word = words[this.#word]!;
    const first = this.#word * 32 + (31 - Math.clz32(word & -word));
    let block = first;
    while (block - first < this.#extentBlocks && (words[block >>> 5] ?? 0) & (1 << (block & 31))) {
      words[block >>> 5]! &= ~(1 << (block & 31));
      block += 1;
    }
    this.#blocks -= block - first;
    const offset = first * blockBytes;
    return { disk: this.#disk, offset, length: Math.min(block * blockBytes, this.#diskBytes[this.#disk]!) - offset };
  }
}

function bitsSet(word: number): number {
  let pairs = word - ((word >>> 1) & 0x55_55_55_55);
  pairs = (pairs & 0x33_33_33_33) + ((pairs >>> 2) & 0x33_33_33_33);
  return (((pairs + (pairs >>> 4)) & 0x0f_0f_0f_0f) * 0x01_01_01_01) >>> 24;
}
