import type { Files, LogFile } from '#machines/parties/files.ts';

/** In front of each record: magic u32, length u32, sequence u64, checksum u32 of these and of the bytes, spare u32. */
const headerBytes = 24;
const magic = 0x4c_50_53_4b;
const segmentBytesDefault = 64 * 1024 * 1024;
/** A length beyond it in a header is damage, not a record. */
const recordBytesMax = 8 * 1024 * 1024;
const readBytes = 1024 * 1024;

export type SpoolOptions = {
  readonly files: Files;
  readonly folder: string;
  /** CRC-32: continues `crc` over the bytes. */
  readonly checksum: (bytes: Uint8Array, crc?: number) => number;
  /** Append answers `full` rather than go beyond. */
  readonly bytesMax: number;
  readonly segmentBytes?: number;
};

export type SpoolRecord = { readonly sequence: number; readonly bytes: Uint8Array };

/** Where the record `sequence`, or the first one after it, begins. */
type Mark = { readonly sequence: number; readonly offset: number };
/** Between two marks: what is read in vain at most before the record that is sought. */
const markEveryBytes = 256 * 1024;

type Segment = {
  readonly path: string;
  lastSequence: number;
  bytes: number;
  log: Promise<LogFile> | undefined;
  readonly marks: Mark[];
  /** Where the last reader ended: a reader that follows the tail goes on there. */
  ended: Mark;
};

/**
 * A log of records with rising sequences, bounded, in segments that are dropped from the front. One caller at a time
 * appends; readers may follow while it does. Faults: `diskFull`.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  #segments: Segment[] = [];
  #lastSequence = 0;
  #wake: (() => void)[] = [];

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytes =
      options.segmentBytes ?? Math.min(segmentBytesDefault, Math.max(64 * 1024, Math.floor(options.bytesMax / 8)));
  }

  /** Opens what a folder holds. A record that was torn by a crash is cut off, with all that follows it. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    await spool.#recover();
    return spool;
  }

  /** Of the newest record ever appended; 0 when there was none. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** What the records occupy, in whole segments. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /** Appends one record, given in pieces. `full`: nothing was written, because the bound would be passed. */
  async append(sequence: number, ...pieces: readonly Uint8Array[]): Promise<'appended' | 'full'> {
    if (sequence <= this.#lastSequence) {
      throw new RangeError(`sequence ${sequence} does not follow ${this.#lastSequence}`);
    }
    const record = this.#encode(sequence, pieces);
    if (this.bytes + record.length > this.#options.bytesMax) return 'full';
    let segment = this.#segments.at(-1);
    if (!segment || (segment.bytes > 0 && segment.bytes + record.length > this.#segmentBytes)) {
      if (segment) await this.#open(segment).then((log) => log.flush());
      const path = `${this.#options.folder}/${String(sequence).padStart(16, '0')}.seg`;
      segment = newSegment(path, undefined);
      this.#segments.push(segment);
    }
    const log = await this.#open(segment);
    await log.append(record);
    mark(segment, sequence, segment.bytes);
    segment.bytes += record.length;
    segment.lastSequence = sequence;
    this.#lastSequence = sequence;
    for (const wake of this.#wake.splice(0)) wake();
    return 'appended';
  }

  /** Resolves when every record appended so far survives a power cut. */
  async flush(): Promise<void> {
    const segment = this.#segments.at(-1);
    // Full segments were flushed when they were left.
    if (segment) await (await this.#open(segment)).flush();
  }

  /** The records from `sequence` on that are there by the time the reader gets to them. Their bytes may be kept. */
  async *readFrom(sequence: number): AsyncGenerator<SpoolRecord, void, undefined> {
    for (let next = sequence; ;) {
      const segment = this.#segments.find((one) => one.lastSequence >= next && one.bytes > 0);
      if (!segment) return;
      const before = next;
      for await (const record of this.#readSegment(segment, next)) {
        yield record;
        next = record.sequence + 1;
      }
      if (next === before && this.#segments.includes(segment)) {
        throw new Error(`record ${next} in ${segment.path} is damaged`);
      }
    }
  }

  /** Resolves when a record after `sequence` is there, or when `stop` was called. */
  waitAfter(sequence: number): { readonly ready: Promise<void>; readonly stop: () => void } {
    if (this.#lastSequence > sequence) return { ready: Promise.resolve(), stop: () => {} };
    let stop = (): void => {};
    const ready = new Promise<void>((resolve) => {
      stop = resolve;
      this.#wake.push(resolve);
    });
    return { ready, stop };
  }

  /** Gives back the room of whole segments that end at or before `sequence`. */
  async dropThrough(sequence: number): Promise<void> {
    const keep = this.#segments.findIndex((segment, index) => {
      // The newest segment goes too once it holds much: a steady flow then never fills the spool with what is done.
      const worthIt = index < this.#segments.length - 1 || segment.bytes >= this.#segmentBytes / 4;
      return segment.lastSequence > sequence || !worthIt;
    });
    await this.#remove(this.#segments.splice(0, keep === -1 ? this.#segments.length : keep));
  }

  /** Drops everything. The next sequence is as free as it is in an empty folder. */
  async clear(): Promise<void> {
    this.#lastSequence = 0;
    // From the back, so that a crash leaves a beginning and never a hole.
    await this.#remove(this.#segments.splice(0).toReversed());
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) {
      await (await segment.log)?.close();
      segment.log = undefined;
    }
    for (const wake of this.#wake.splice(0)) wake();
  }

  #encode(sequence: number, pieces: readonly Uint8Array[]): Uint8Array {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const record = new Uint8Array(headerBytes + length);
    const view = new DataView(record.buffer);
    view.setUint32(0, magic, true);
    view.setUint32(4, length, true);
    view.setBigUint64(8, BigInt(sequence), true);
    let at = headerBytes;
    for (const piece of pieces) {
      record.set(piece, at);
      at += piece.length;
    }
    view.setUint32(16, this.#checksumOf(record), true);
    return record;
  }

  #checksumOf(record: Uint8Array): number {
    const { checksum } = this.#options;
    return checksum(record.subarray(headerBytes), checksum(record.subarray(0, 16)));
  }

  #open(segment: Segment): Promise<LogFile> {
    segment.log ??= this.#options.files.openLog(segment.path);
    return segment.log;
  }

  async #remove(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      const { log } = segment;
      segment.log = undefined;
      segment.bytes = 0;
      await (await log)?.close();
      await this.#options.files.remove(segment.path);
    }
  }

  async *#readSegment(segment: Segment, from: number): AsyncGenerator<SpoolRecord, void, undefined> {
    const marks = [...segment.marks, segment.ended].filter((mark) => mark.sequence <= from);
    let offset = Math.max(0, ...marks.map((mark) => mark.offset));
    let begin = offset;
    let buffer = new Uint8Array(0);
    for (;;) {
      const record = this.#cut(buffer);
      if (record) {
        buffer = buffer.subarray(record.size);
        begin += record.size;
        segment.ended = { sequence: record.sequence + 1, offset: begin };
        if (record.sequence >= from) yield { sequence: record.sequence, bytes: record.bytes };
        continue;
      }
      const length = Math.min(Math.max(readBytes, this.#sizeWanted(buffer) - buffer.length), segment.bytes - offset);
      // The segment was dropped, or read to its end as it is now.
      if (length <= 0 || !this.#segments.includes(segment)) return;
      const log = await this.#open(segment);
      const more = await log.read(offset, length);
      if (more.length === 0) return;
      offset += more.length;
      const joined = new Uint8Array(buffer.length + more.length);
      joined.set(buffer);
      joined.set(more, buffer.length);
      buffer = joined;
    }
  }

  #sizeWanted(buffer: Uint8Array): number {
    if (buffer.length < headerBytes) return headerBytes;
    return headerBytes + new DataView(buffer.buffer, buffer.byteOffset).getUint32(4, true);
  }

  /** The record at the head of the buffer; undefined when it is not whole, or not sound. */
  #cut(buffer: Uint8Array): (SpoolRecord & { readonly size: number }) | undefined {
    if (buffer.length < headerBytes) return undefined;
    const view = new DataView(buffer.buffer, buffer.byteOffset);
    const size = this.#sizeWanted(buffer);
    if (view.getUint32(0, true) !== magic || size > headerBytes + recordBytesMax || size > buffer.length)
      return undefined;
    const record = buffer.subarray(0, size);
    if (this.#checksumOf(record) !== view.getUint32(16, true)) return undefined;
    return { sequence: Number(view.getBigUint64(8, true)), bytes: record.subarray(headerBytes), size };
  }

  async #recover(): Promise<void> {
    const { files, folder } = this.#options;
    const names = (await files.list(folder)).filter((name) => name.endsWith('.seg'));
    let torn = false;
    for (const name of names) {
      const path = `${folder}/${name}`;
      if (torn) {
        await files.remove(path);
        continue;
      }
      const log = await files.openLog(path);
      const segment = newSegment(path, Promise.resolve(log));
      segment.bytes = log.bytes;
      this.#segments.push(segment);
      let sound = 0;
      for await (const record of this.#readSegment(segment, 0)) {
        mark(segment, record.sequence, sound);
        sound += headerBytes + record.bytes.length;
        segment.lastSequence = record.sequence;
        this.#lastSequence = record.sequence;
      }
      if (sound === log.bytes && sound > 0) continue;
      torn = true;
      segment.bytes = sound;
      if (sound > 0) {
        await log.truncate(sound);
        await log.flush();
      } else {
        await this.#remove(this.#segments.splice(-1));
      }
    }
    await this.flush();
  }
}

function newSegment(path: string, log: Promise<LogFile> | undefined): Segment {
  return { path, lastSequence: 0, bytes: 0, log, marks: [], ended: { sequence: 0, offset: 0 } };
}

function mark(segment: Segment, sequence: number, offset: number): void {
  const before = segment.marks.at(-1);
  if (!before || offset - before.offset >= markEveryBytes) segment.marks.push({ sequence, offset });
}
