import { DirtyMap } from '#engine/core/dirtyMap.ts';
import type { Spool } from '#engine/core/spool.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { encodeHeader, encodePoint, frameFlags, frameTypes, makeFrame } from '#engine/protocol/frame.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ChangeFeed, SourceDisk } from '#machines/parties/master.ts';
import type { ConsistentPoint, Epoch } from '#machines/vocabulary.ts';
import { toFault } from '#machines/faults.ts';
import { blockFrames } from './blockFrames.ts';
import type { DigestMap } from './digestMap.ts';

/** Well before the kernel's ring is full. */
const drainIntervalMs = 20;
/** Between a candidate and the look that confirms it: later than any delay of an event's commit. */
const confirmAfterMs = 2;
/** A quiet master makes a point this often, so that the age of the newest one is the lag. */
const quietPointMs = 1_000;
const readsAtOnce = 4;
const extentBytesMax = 1024 * 1024;
/** Without a trace: the rest between two comparisons of all blocks that found nothing. */
const comparePauseMs = 5_000;

export type CaptureOptions = {
  readonly clock: Clock;
  readonly disks: readonly SourceDisk[];
  /** Absent where the kernel does not let us trace. */
  readonly feed: ChangeFeed | undefined;
  readonly digests: DigestMap;
  readonly spool: Spool;
  readonly epoch: Epoch;
  /** Whether a replica is there to make room in the spool. */
  readonly connected: () => boolean;
  /** Something that the replica should hear has changed. */
  readonly onNews: () => void;
  readonly onFailed: (thrown: unknown) => void;
};

type Spooled = { readonly sequence: number; readonly disk: number; readonly offset: number; readonly length: number };

/**
 * Turns changes into records of the spool, with consistent points between them, without ever holding the master back.
 * An idle point: a drain that finds nothing dirty after all reads proves that what was captured is the disk at that
 * instant, as a power cut would have left it.
 */
export class ChangeCapture {
  readonly #options: CaptureOptions;
  readonly #dirty: DirtyMap;
  readonly #diskNumbers: ReadonlyMap<string, number>;
  /** Records that the replica has not acknowledged: what a collapse turns back into dirty blocks. */
  #spooled: Spooled[] = [];
  #sequence = 0;
  #lastPoint: ConsistentPoint | undefined;
  #lastPointMs = 0;
  #epochOpen = false;
  #gap = false;
  #candidateNs: bigint | undefined;
  #lost: string | undefined;
  #comparing: string | undefined;
  #spoolFull = false;
  #quietPasses = 0;
  #flushFromNs: bigint | undefined;
  #flushWaiters: { readonly fromNs: bigint; readonly done: (point: ConsistentPoint) => void }[] = [];
  #running = false;
  #closed = false;
  #stopDraining: () => void = () => {};

  constructor(options: CaptureOptions) {
    this.#options = options;
    const extentBytes = Math.min(extentBytesMax, Math.max(4096, Math.floor(options.spool.bytesMax / 16 / 4096) * 4096));
    this.#dirty = new DirtyMap(
      options.disks.map((disk) => disk.bytes),
      extentBytes,
    );
    this.#diskNumbers = new Map(options.disks.map((disk, number) => [disk.diskId, number]));
    if (options.feed) this.#drainForEver();
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Why all blocks are being compared, if they are. */
  get comparing(): string | undefined {
    return this.#lost ?? this.#comparing;
  }

  get spoolFull(): boolean {
    return this.#spoolFull;
  }

  /** The copy of the whole volumes numbers its frames in the same row. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** From now on changes are captured: the copy of the whole volumes is durable on the replica. */
  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#captureForEver().catch((thrown: unknown) => {
      if (!this.#closed) this.#options.onFailed(thrown);
    });
  }

  acknowledged(sequence: number): void {
    const keep = this.#spooled.findIndex((record) => record.sequence > sequence);
    this.#spooled.splice(0, keep === -1 ? this.#spooled.length : keep);
  }

  /** Resolves with a point that holds everything the master had completed when this was called. */
  flush(): Promise<ConsistentPoint> {
    const fromNs = this.#options.clock.monotonicNs();
    this.#flushFromNs = fromNs;
    return new Promise((done) => this.#flushWaiters.push({ fromNs, done }));
  }

  close(): void {
    this.#closed = true;
    this.#stopDraining();
  }

  #drainForEver(): void {
    this.#stopDraining = this.#options.clock.after(drainIntervalMs, () => {
      try {
        this.#drain();
        this.#drainForEver();
      } catch (thrown) {
        this.#options.onFailed(thrown);
      }
    });
  }

  #drain(): void {
    const { feed } = this.#options;
    if (!feed || this.#closed) return;
    const { ranges, earliestNs, lost } = feed.drain();
    for (const { diskId, offset, length } of ranges) {
      const disk = this.#diskNumbers.get(diskId);
      if (disk !== undefined) this.#dirty.add(disk, offset, length);
    }
    const late = earliestNs !== undefined && this.#candidateNs !== undefined && earliestNs <= this.#candidateNs;
    if (late || lost !== undefined) this.#candidateNs = undefined;
    if (lost !== undefined && this.#lost === undefined) {
      this.#lost = lost;
      this.#options.onNews();
    }
  }

  async #captureForEver(): Promise<void> {
    const { clock, feed } = this.#options;
    while (!this.#closed) {
      if (!feed) {
        await this.#compareForPoint();
        continue;
      }
      this.#drain();
      if (this.#lost !== undefined) await this.#compareAfterLoss();
      if (!this.#dirty.empty) await this.#captureDirty();
      await this.#tryPoint();
      // Under load the next drain follows at once: what has gathered while reading is waiting.
      if (this.#dirty.empty && this.#flushFromNs === undefined) await clock.sleep(drainIntervalMs);
    }
  }

  /** Reads what is dirty now. What changes meanwhile is dirty again, and read in the next round. */
  async #captureDirty(): Promise<void> {
    while (!this.#closed) {
      const batch = [];
      for (
        let extent = this.#dirty.take();
        extent;
        extent = batch.length < readsAtOnce ? this.#dirty.take() : undefined
      ) {
        batch.push(extent);
      }
      if (batch.length === 0) return;
      const contents = await Promise.all(
        batch.map(async (extent) => ({
          ...extent,
          bytes: await this.#options.disks[extent.disk]!.read(extent.offset, extent.length),
        })),
      );
      for (const { disk, offset, bytes } of contents) await this.#spoolRange(disk, offset, bytes);
    }
  }

  async #tryPoint(): Promise<void> {
    const { clock } = this.#options;
    const wanted = this.#epochOpen || this.#flushFromNs !== undefined;
    if (!wanted && clock.nowMs() - this.#lastPointMs < quietPointMs) return;
    if (this.#lost !== undefined) return;
    // Just before now: what completes at this very instant may come after the drain, and does not make it late.
    const atNs = clock.monotonicNs() - 1n;
    this.#candidateNs = atNs;
    this.#drain();
    if (!this.#dirty.empty || this.#candidateNs === undefined) return;
    await clock.sleep(confirmAfterMs);
    this.#drain();
    // A late event tells that something completed before the candidate and was not captured.
    if (this.#candidateNs === undefined) return;
    this.#candidateNs = undefined;
    await this.#spoolPoint(atNs);
  }

  /**
   * Without a trace: two comparisons in a row that find nothing new mean that the disk stood still in between, as the
   * replica has it.
   */
  async #compareForPoint(): Promise<void> {
    const { clock } = this.#options;
    const atNs = clock.monotonicNs();
    this.#quietPasses = (await this.#compareAll()) ? 0 : this.#quietPasses + 1;
    if (this.#quietPasses >= 2) await this.#spoolPoint(atNs);
    const untilMs = clock.nowMs() + (this.#quietPasses >= 2 ? comparePauseMs : drainIntervalMs);
    while (!this.#closed && this.#flushFromNs === undefined && clock.nowMs() < untilMs)
      await clock.sleep(drainIntervalMs);
    // A pass that a flush waits for must not spin where reading takes no time.
    if (this.#flushFromNs !== undefined) await clock.sleep(confirmAfterMs);
  }

  async #compareAfterLoss(): Promise<void> {
    // Lost once more while comparing: what was compared before that proves nothing.
    while (this.#lost !== undefined && !this.#closed) {
      this.#comparing = this.#lost;
      this.#lost = undefined;
      this.#options.onNews();
      await this.#compareAll();
      this.#drain();
    }
    this.#comparing = undefined;
    this.#options.onNews();
  }

  /** Reads all blocks and spools those that differ from what was last sent. True when there were some. */
  async #compareAll(): Promise<boolean> {
    const { disks, digests, clock } = this.#options;
    let found = false;
    for (const [number, disk] of disks.entries()) {
      for (let offset = 0; offset < disk.bytes && !this.#closed; offset += extentBytesMax) {
        const bytes = await disk.read(offset, Math.min(extentBytesMax, disk.bytes - offset));
        for (const run of digests.differing(number, offset, bytes)) {
          found = true;
          await this.#spoolRange(number, run.offset, run.bytes);
        }
      }
      await clock.sleep(0);
    }
    return found;
  }

  async #spoolRange(disk: number, offset: number, bytes: Uint8Array): Promise<void> {
    this.#options.digests.sent(disk, offset, bytes);
    for (const frame of this.#cut(disk, offset, bytes)) {
      if (await this.#append(frame)) {
        this.#epochOpen = true;
        continue;
      }
      this.#giveBack(disk, frame.offset, offset + bytes.length - frame.offset);
      await this.#makeRoom();
      return;
    }
  }

  /** A range of a comparison may be larger than what one record of a small spool may hold. */
  *#cut(disk: number, offset: number, bytes: Uint8Array): Generator<Frame> {
    const max = Math.max(4096, Math.floor(this.#options.spool.bytesMax / 16 / 4096) * 4096);
    for (let from = 0; from < bytes.length; from += max) {
      yield* blockFrames(disk, offset + from, bytes.subarray(from, from + max));
    }
  }

  /** A range stays to be captured. */
  #giveBack(disk: number, offset: number, length: number): void {
    this.#options.digests.forget(disk, offset, length);
    if (this.#options.feed) this.#dirty.add(disk, offset, length);
  }

  async #spoolPoint(atNs: bigint): Promise<void> {
    const frame = makeFrame(frameTypes.point, { payload: encodePoint(atNs) });
    if (!(await this.#append(frame))) return this.#makeRoom();
    this.#epochOpen = false;
    this.#lastPoint = { sequence: this.#sequence, atNs: String(atNs) };
    this.#lastPointMs = this.#options.clock.nowMs();
    const { sequence, atNs: at } = this.#lastPoint;
    const waiting = this.#flushWaiters;
    this.#flushWaiters = waiting.filter(({ fromNs }) => fromNs > atNs);
    this.#flushFromNs = this.#flushWaiters[0]?.fromNs;
    for (const { fromNs, done } of waiting) if (fromNs <= atNs) done({ sequence, atNs: at });
  }

  async #append(content: Frame): Promise<boolean> {
    const { spool, epoch } = this.#options;
    const sequence = this.#sequence + 1;
    const frame = { ...content, sequence, epoch, flags: this.#gap ? frameFlags.gap : 0 };
    try {
      if ((await spool.append(sequence, encodeHeader(frame), frame.payload)) === 'full') return false;
    } catch (thrown) {
      if (toFault(thrown).code !== 'diskFull') throw thrown;
      // The record may be half there: nothing may follow it.
      await this.#collapse();
      return false;
    }
    this.#sequence = sequence;
    this.#gap = false;
    this.#spooled.push({ sequence, disk: frame.disk, offset: frame.offset, length: frame.rawLength });
    return true;
  }

  /**
   * The spool is full. While the replica takes from it, capture waits, and changes gather in the map of dirty blocks.
   * Without a replica the spool is given up for that map: later all of it goes as one epoch.
   */
  async #makeRoom(): Promise<void> {
    const { clock, spool, connected, onNews } = this.#options;
    this.#spoolFull = true;
    onNews();
    while (!this.#closed && connected() && spool.bytes > spool.bytesMax * 0.75) await clock.sleep(drainIntervalMs);
    if (!this.#closed && !connected()) await this.#collapse();
    while (!this.#closed && !connected()) await clock.sleep(drainIntervalMs);
    this.#spoolFull = false;
  }

  async #collapse(): Promise<void> {
    const spooled = this.#spooled;
    this.#spooled = [];
    // Set before the records go: what is sent until then is still in one row.
    this.#gap = true;
    this.#epochOpen = true;
    for (const { disk, offset, length } of spooled) if (length > 0) this.#giveBack(disk, offset, length);
    await this.#options.spool.clear();
  }
}
