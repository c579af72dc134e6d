import { Spool } from '#engine/core/spool.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { decodePoint, encodeHeader, FrameDecoder, frameTypes } from '#engine/protocol/frame.ts';
import type { Files } from '#machines/parties/files.ts';
import type { ReplicaDisk } from '#machines/parties/replicaDisk.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';

/** An epoch has to fit as a whole: the file system of the appliance is the bound, and says `diskFull`. */
const bytesMax = Number.MAX_SAFE_INTEGER;

/**
 * What has arrived and is not yet on the disks. Records become durable before they are acknowledged, and go to the
 * disks only in whole epochs: from one consistent point to the next.
 */
export class InboundJournal {
  readonly #spool: Spool;
  /** Complete epochs that wait. */
  #points: ConsistentPoint[] = [];
  #unflushedBytes = 0;

  private constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Opens what an earlier process left, and shows it frame by frame; all of it is durable then. */
  static async open(files: Files, folder: string, show: (frame: Frame) => void): Promise<InboundJournal> {
    const spool = await Spool.open({ files, folder, checksum: crc32, bytesMax });
    const journal = new InboundJournal(spool);
    for await (const record of spool.readFrom(0)) {
      const frame = decode(record.bytes);
      journal.#note(frame);
      show(frame);
    }
    return journal;
  }

  get lastSequence(): number {
    return this.#spool.lastSequence;
  }

  get bytes(): number {
    return this.#spool.bytes;
  }

  get unflushedBytes(): number {
    return this.#unflushedBytes;
  }

  /** The newest point that has arrived and is not on the disks. */
  get lastPoint(): ConsistentPoint | undefined {
    return this.#points.at(-1);
  }

  async append(frame: Frame): Promise<void> {
    const header = encodeHeader(frame);
    await this.#spool.append(frame.sequence, header, frame.payload);
    this.#unflushedBytes += header.length + frame.payload.length;
    this.#note(frame);
  }

  async flush(): Promise<void> {
    const { unflushedBytes } = this;
    await this.#spool.flush();
    this.#unflushedBytes -= unflushedBytes;
  }

  /**
   * Writes the records after `appliedSequence` up to `point` to the disks and flushes them. Doing it again after a crash
   * in the middle gives the same disks. The records stay until `drop`.
   */
  async apply(appliedSequence: number, point: ConsistentPoint, disks: readonly ReplicaDisk[]): Promise<number> {
    let appliedBytes = 0;
    for await (const record of this.#spool.readFrom(appliedSequence + 1)) {
      if (record.sequence > point.sequence) break;
      const frame = decode(record.bytes);
      appliedBytes += frame.rawLength;
      if (frame.type === frameTypes.data) await disks[frame.disk]!.write(frame.offset, frame.payload);
      else if (frame.type === frameTypes.zero) await disks[frame.disk]!.zero(frame.offset, frame.rawLength);
    }
    if (appliedBytes > 0) for (const disk of disks) await disk.flush();
    return appliedBytes;
  }

  /** Gives back the room of what is on the disks, once that is remembered. */
  async drop(throughSequence: number): Promise<void> {
    this.#points = this.#points.filter((point) => point.sequence > throughSequence);
    await this.#spool.dropThrough(throughSequence);
  }

  /** Discards everything: an incomplete epoch, or another stream's. */
  async clear(): Promise<void> {
    this.#points = [];
    this.#unflushedBytes = 0;
    await this.#spool.clear();
  }

  async close(): Promise<void> {
    await this.#spool.close();
  }

  #note(frame: Frame): void {
    if (frame.type !== frameTypes.point) return;
    this.#points.push({ sequence: frame.sequence, atNs: String(decodePoint(frame.payload, 'journal')) });
  }
}

function decode(bytes: Uint8Array): Frame {
  const frames: Frame[] = [];
  new FrameDecoder('journal').push(bytes, (frame) => frames.push(frame));
  const [frame] = frames;
  if (!frame || frames.length !== 1) throw new Error('a record of the journal is not one frame');
  return frame;
}
