import { closeSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ChangedRange, ChangeFeed } from '#machines/parties/master.ts';
import { sectorBytes, type BlockDevice } from './blockDevice.ts';
import { ChangedBlocks } from './changedBlocks.ts';
import {
  completionEvent,
  createTraceInstance,
  openTraceFile,
  reasonOf,
  removeTraceInstance,
  startTraceInstance,
} from './traceInstance.ts';
import { pageFollowsLoss, pageStartNs, parseTracePageLayout, visitPage, type TracePageLayout } from './tracePage.ts';

export type TraceChangeFeedOptions = {
  /** Tells the rings of several engines on one host apart. */
  readonly name: string;
  readonly devices: readonly BlockDevice[];
  readonly traceFolder: string;
  /** Size of the ring of each CPU. An event takes about 56 bytes: 8 MiB outlast a second at 150 000 writes/s. */
  readonly ringKib?: number;
  readonly clock: Clock;
};

type CpuRing = { readonly pages: number; readonly stats: number; counters: RingCounters };
type RingCounters = { readonly lost: number; readonly read: number };
type Held = { readonly blocks: ChangedBlocks; readonly offset: number; readonly length: number; readonly atNs: bigint };
type Drained = ReturnType<ChangeFeed['drain']>;

/** Changed ranges from the kernel's block trace: binary pages of a private ring per CPU, without a kernel module. */
export class TraceChangeFeed implements ChangeFeed {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #layout: TracePageLayout;
  readonly #page: Uint8Array;
  readonly #pageView: DataView;
  /** Reads that empty a ring however full it was; one that fills as fast as it is read must not keep us for ever. */
  readonly #readsMax: number;
  readonly #disks: ReadonlyMap<number, ChangedBlocks>;
  readonly #rings: CpuRing[] = [];
  /** `tracing_on` and the event's `enable`: someone else may turn them off. */
  readonly #switches: { readonly file: number; readonly name: string }[] = [];
  readonly #text = Buffer.alloc(1024);
  /** Completed after the drain that found them had begun: handed out by the next one. */
  #held: Held[] = [];
  #earliestNs: bigint | undefined;
  #lost: string | undefined;
  #closed = false;

  /** Starts recording. Faults: `traceNotPermitted`. */
  constructor(options: TraceChangeFeedOptions) {
    this.#clock = options.clock;
    this.#disks = new Map(
      options.devices.map((device) => [device.deviceNumber, new ChangedBlocks(device.diskId, device.bytes)]),
    );
    const ringKib = options.ringKib ?? 8192;
    let folder: string | undefined;
    try {
      folder = createTraceInstance(options.traceFolder, options.name);
      this.#folder = folder;
      this.#layout = parseTracePageLayout(
        readFileSync(`${options.traceFolder}/events/header_page`, 'utf8'),
        readFileSync(`${folder}/events/${completionEvent}/format`, 'utf8'),
      );
      this.#page = new Uint8Array(this.#layout.pageBytes);
      this.#pageView = new DataView(this.#page.buffer);
      this.#readsMax = Math.ceil((ringKib * 1024) / this.#layout.pageBytes) + 4;
      startTraceInstance(folder, options.devices, ringKib);
      this.#openFiles();
    } catch (thrown) {
      this.#closeFiles();
      if (folder !== undefined) removeTraceInstance(folder);
      throw new PartyFault('traceNotPermitted', { reason: reasonOf(thrown) });
    }
  }

  drain(): Drained {
    if (this.#closed) throw new Error('the change feed is closed');
    // Rings are read one after the other. A write seen in a later ring may depend on one that an earlier ring got after
    // it was read: what completes from now on waits for the next drain, so that the cut is one instant on all CPUs.
    const untilNs = this.#clock.monotonicNs();
    this.#releaseHeld(untilNs);
    try {
      for (const ring of this.#rings) this.#readRing(ring, untilNs);
      // After the pages: an overrun in between is told now, not after its ranges went missing.
      for (const ring of this.#rings) this.#compareCounters(ring);
      for (const { file, name } of this.#switches) {
        if (!this.#readText(file).startsWith('1')) this.#lose(`${name} was turned off`);
      }
    } catch (thrown) {
      this.#lose(`the trace ring cannot be read: ${reasonOf(thrown)}`);
    }
    const ranges: ChangedRange[] = [];
    for (const blocks of this.#disks.values()) ranges.push(...blocks.take());
    const result = { ranges, earliestNs: this.#earliestNs };
    const lost = this.#lost;
    this.#earliestNs = undefined;
    this.#lost = undefined;
    return lost === undefined ? result : { ...result, lost };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      writeFileSync(`${this.#folder}/events/${completionEvent}/enable`, '0');
    } catch {
      // Gone already.
    }
    this.#closeFiles();
    removeTraceInstance(this.#folder);
  }

  #openFiles(): void {
    this.#switches.push(
      { file: openTraceFile(`${this.#folder}/tracing_on`), name: 'tracing' },
      { file: openTraceFile(`${this.#folder}/events/${completionEvent}/enable`), name: 'the trace event' },
    );
    for (const cpu of readdirSync(`${this.#folder}/per_cpu`)) {
      const stats = openTraceFile(`${this.#folder}/per_cpu/${cpu}/stats`);
      const ring = { stats, pages: -1, counters: { lost: 0, read: 0 } };
      this.#rings.push(ring);
      ring.pages = openTraceFile(`${this.#folder}/per_cpu/${cpu}/trace_pipe_raw`);
    }
  }

  #closeFiles(): void {
    for (const { file } of this.#switches.splice(0)) closeSync(file);
    for (const ring of this.#rings.splice(0)) {
      closeSync(ring.stats);
      if (ring.pages >= 0) closeSync(ring.pages);
    }
  }

  #readRing(ring: CpuRing, untilNs: bigint): void {
    for (let reads = 0; reads < this.#readsMax; reads += 1) {
      const bytes = readNowOrNothing(ring.pages, this.#page);
      if (bytes === 0) return;
      if (pageFollowsLoss(this.#pageView, this.#layout)) this.#lose('the trace ring overflowed');
      const startNs = pageStartNs(this.#pageView);
      const untilAfterNs = Number(untilNs - startNs);
      let firstAfterNs = Infinity;
      visitPage(this.#pageView, bytes, this.#layout, (deviceNumber, sector, sectorCount, afterNs) => {
        const blocks = this.#disks.get(deviceNumber);
        if (blocks === undefined) return;
        const offset = sector * sectorBytes;
        const length = sectorCount * sectorBytes;
        if (afterNs > untilAfterNs) {
          this.#held.push({ blocks, offset, length, atNs: startNs + BigInt(afterNs) });
          return;
        }
        if (afterNs < firstAfterNs) firstAfterNs = afterNs;
        blocks.add(offset, length);
      });
      if (firstAfterNs !== Infinity) this.#completedAt(startNs + BigInt(firstAfterNs));
    }
  }

  #releaseHeld(untilNs: bigint): void {
    const held = this.#held;
    this.#held = [];
    for (const change of held) {
      if (change.atNs > untilNs) {
        this.#held.push(change);
        continue;
      }
      change.blocks.add(change.offset, change.length);
      this.#completedAt(change.atNs);
    }
  }

  #completedAt(atNs: bigint): void {
    if (this.#earliestNs === undefined || atNs < this.#earliestNs) this.#earliestNs = atNs;
  }

  #compareCounters(ring: CpuRing): void {
    const text = this.#readText(ring.stats);
    const count = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? NaN);
    const counters = {
      lost: count('overrun') + count('commit overrun') + count('dropped events'),
      read: count('read events'),
    };
    if (Number.isNaN(counters.lost + counters.read)) this.#lose('the trace ring keeps no counters');
    else if (counters.lost > ring.counters.lost) this.#lose('the trace ring overflowed');
    // Counters only ever grow, unless somebody empties the ring.
    else if (counters.lost < ring.counters.lost || counters.read < ring.counters.read) {
      this.#lose('the trace ring was emptied by someone else');
    }
    ring.counters = counters;
  }

  #readText(file: number): string {
    return this.#text.toString('latin1', 0, readSync(file, this.#text, 0, this.#text.length, 0));
  }

  #lose(reason: string): void {
    this.#lost ??= reason;
  }
}

/** Bytes read; 0 when the ring is empty. */
function readNowOrNothing(file: number, into: Uint8Array): number {
  try {
    return readSync(file, into, 0, into.length, null);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw thrown;
  }
}
