import { isZero } from '#engine/core/isZero.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { frameTypes, makeFrame } from '#engine/protocol/frame.ts';

/** Zeros are looked for, and contents compared, in pieces of this size. */
export const chunkBytes = 64 * 1024;

/** The content of a range as frames: runs of data, and runs of zeros that travel without their bytes. */
export function* blockFrames(disk: number, offset: number, bytes: Uint8Array): Generator<Frame, void, undefined> {
  const end = offset + bytes.length;
  for (let from = offset; from < end;) {
    let to = Math.min(nextChunk(from), end);
    const zero = isZero(bytes.subarray(from - offset, to - offset));
    while (to < end) {
      const next = Math.min(nextChunk(to), end);
      if (isZero(bytes.subarray(to - offset, next - offset)) !== zero) break;
      to = next;
    }
    const rawLength = to - from;
    yield zero
      ? makeFrame(frameTypes.zero, { disk, offset: from, rawLength })
      : makeFrame(frameTypes.data, {
          disk,
          offset: from,
          rawLength,
          payload: bytes.subarray(from - offset, to - offset),
        });
    from = to;
  }
}

const nextChunk = (offset: number): number => (Math.floor(offset / chunkBytes) + 1) * chunkBytes;
