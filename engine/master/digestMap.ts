import { chunkBytes } from './blockFrames.ts';

/** Sixteen bytes that stand for a content. Chosen by the composition root: what is fastest on the machine. */
export type Digest = (bytes: Uint8Array) => Uint8Array;
const digestBytes = 16;

/** What was last sent of each 64 KiB chunk: 256 KiB of memory for 1 GiB of disk. All zeros stands for `not known`. */
export class DigestMap {
  readonly #digest: Digest;
  readonly #diskBytes: readonly number[];
  readonly #known: readonly Uint8Array[];

  constructor(digest: Digest, diskBytes: readonly number[]) {
    this.#digest = digest;
    this.#diskBytes = diskBytes;
    this.#known = diskBytes.map((bytes) => new Uint8Array(Math.ceil(bytes / chunkBytes) * digestBytes));
  }

  /** A range was sent. A chunk that it covers in part is not known any more. */
  sent(disk: number, offset: number, bytes: Uint8Array): void {
    for (const { chunk, from, to, whole } of this.#chunks(disk, offset, bytes.length)) {
      if (whole) this.#known[disk]!.set(this.#of(bytes.subarray(from, to)), chunk * digestBytes);
      else this.#forget(disk, chunk);
    }
  }

  /** Nothing is known of a range any more. */
  forget(disk: number, offset: number, length: number): void {
    for (const { chunk } of this.#chunks(disk, offset, length)) this.#forget(disk, chunk);
  }

  /** The chunks of a range, aligned to chunks, that differ from what was last sent, joined to runs. */
  *differing(
    disk: number,
    offset: number,
    bytes: Uint8Array,
  ): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    let runFrom: number | undefined;
    for (const { chunk, from, to } of this.#chunks(disk, offset, bytes.length)) {
      const known = this.#known[disk]!.subarray(chunk * digestBytes, (chunk + 1) * digestBytes);
      const now = this.#of(bytes.subarray(from, to));
      const same = known.every((byte, at) => byte === now[at]);
      if (!same) runFrom ??= from;
      if (same && runFrom !== undefined) {
        yield { offset: offset + runFrom, bytes: bytes.subarray(runFrom, from) };
        runFrom = undefined;
      }
    }
    if (runFrom !== undefined) yield { offset: offset + runFrom, bytes: bytes.subarray(runFrom) };
  }

  #forget(disk: number, chunk: number): void {
    this.#known[disk]!.fill(0, chunk * digestBytes, (chunk + 1) * digestBytes);
  }

  #of(bytes: Uint8Array): Uint8Array {
    return this.#digest(bytes).subarray(0, digestBytes);
  }

  *#chunks(
    disk: number,
    offset: number,
    length: number,
  ): Generator<{ chunk: number; from: number; to: number; whole: boolean }> {
    const end = offset + length;
    for (let chunk = Math.floor(offset / chunkBytes); chunk * chunkBytes < end; chunk += 1) {
      const start = chunk * chunkBytes;
      const stop = Math.min(start + chunkBytes, this.#diskBytes[disk]!);
      const whole = start >= offset && stop <= end;
      yield { chunk, from: Math.max(start, offset) - offset, to: Math.min(stop, end) - offset, whole };
    }
  }
}
