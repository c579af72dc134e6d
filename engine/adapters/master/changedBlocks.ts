import type { ChangedRange } from '#machines/parties/master.ts';

const blockBytes = 4096;

/** The changed ranges of one disk, gathered event by event and handed out as a sorted union of whole blocks. */
export class ChangedBlocks {
  readonly #diskId: string;
  readonly #bytes: number;
  #starts: number[] = [];
  #ends: number[] = [];

  constructor(diskId: string, bytes: number) {
    this.#diskId = diskId;
    this.#bytes = bytes;
  }

  /** Adds a range in bytes. What lies beyond the size the disk had at the start cannot be replicated and is left out. */
  add(offset: number, length: number): void {
    if (offset >= this.#bytes) return;
    const start = Math.floor(offset / blockBytes);
    const end = Math.ceil(Math.min(offset + length, this.#bytes) / blockBytes);
    const last = this.#starts.length - 1;
    // A sequential writer would otherwise leave an entry for each of its requests.
    if (last >= 0 && start >= this.#starts[last]! && start <= this.#ends[last]!) {
      this.#ends[last] = Math.max(this.#ends[last]!, end);
      return;
    }
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** The union of everything added since the last call. */
  take(): ChangedRange[] {
    if (this.#starts.length === 0) return [];
    const starts = Float64Array.from(this.#starts).sort();
    const ends = Float64Array.from(this.#ends).sort();
    this.#starts = [];
    this.#ends = [];
    const ranges: ChangedRange[] = [];
    let first = 0;
    // Sorted apart, starts and ends still show the gaps: one lies before start i exactly when end i-1 does.
    for (let next = 1; next <= starts.length; next += 1) {
      if (next < starts.length && starts[next]! <= ends[next - 1]!) continue;
      const offset = starts[first]! * blockBytes;
      const end = Math.min(ends[next - 1]! * blockBytes, this.#bytes);
      ranges.push({ diskId: this.#diskId, offset, length: end - offset });
      first = next;
    }
    return ranges;
  }
}
