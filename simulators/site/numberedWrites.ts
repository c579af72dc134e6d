import type { Clock } from '#machines/parties/clock.ts';
import type { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import { SparseDisk } from '#simulators/master/SparseDisk.ts';
import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

type Options = {
  readonly master: SimulatedMaster;
  readonly diskId: string;
  readonly clock: Clock;
  readonly random: SimulatedRandom;
  readonly writesPerSecond: number;
};

const blockBytes = 4096;

/** Anything that can be read at an offset. */
export type Readable = { readonly bytes: number; read(offset: number, length: number): Uint8Array };

/** A workload whose every write is remembered: at any moment one can say which writes a disk holds. */
export class NumberedWrites {
  readonly #options: Options;
  #clock: Clock;
  readonly #history: { readonly offset: number; readonly bytes: Uint8Array; readonly completedNs: bigint }[] = [];
  #cancel: () => void = () => {};

  constructor(options: Options) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get count(): number {
    return this.#history.length;
  }

  start(): void {
    this.#cancel = this.#clock.after(1000 / this.#options.writesPerSecond, () => {
      this.writeNow();
      this.start();
    });
  }

  /** The machine was started anew, and the workload on it. */
  moveTo(clock: Clock): void {
    this.stop();
    this.#clock = clock;
    this.start();
  }

  stop(): void {
    this.#cancel();
  }

  /** The machine was restored: what its disk does not hold was never written, and the workload goes on from there. */
  restored(disk: Readable, clock: Clock): void {
    this.#history.length = this.prefixOf(disk);
    this.moveTo(clock);
  }

  /** How many writes had completed at this moment. */
  completedBy(atNs: bigint): number {
    return this.#history.filter(({ completedNs }) => completedNs <= atNs).length;
  }

  /** The number of writes after which the disk held exactly these bytes; throws when it never did. */
  prefixOf(disk: Readable): number {
    const replayed = new SparseDisk(disk.bytes);
    let found = this.#equal(replayed, disk) ? 0 : -1;
    this.#history.forEach(({ offset, bytes }, index) => {
      replayed.write(offset, bytes);
      // Comparing whole disks after each write would be slow; a differing block just written rules the prefix out.
      if (sameBytes(disk.read(offset, blockBytes), bytes) && this.#equal(replayed, disk)) found = index + 1;
    });
    if (found < 0) throw new Error('the disk holds no state that the master ever had: an order violation');
    return found;
  }

  /** The next write at once, between those that come by themselves. */
  writeNow(): void {
    const { master, diskId, random } = this.#options;
    const blocks = Math.floor(master.disk(diskId).bytes / blockBytes);
    const number = this.#history.length + 1;
    const bytes = new Uint8Array(blockBytes).fill(number % 251);
    new DataView(bytes.buffer).setUint32(0, number, true);
    const offset = random.integer(blocks) * blockBytes;
    master.write(diskId, offset, bytes);
    this.#history.push({ offset, bytes, completedNs: this.#clock.monotonicNs() });
  }

  #equal(a: Readable, b: Readable): boolean {
    for (const offset of this.#offsets())
      if (!sameBytes(a.read(offset, blockBytes), b.read(offset, blockBytes))) return false;
    return true;
  }

  #offsets(): ReadonlySet<number> {
    return new Set(this.#history.map(({ offset }) => offset));
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
