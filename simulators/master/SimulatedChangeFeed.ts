import type { ChangedRange, ChangeFeed } from '#machines/parties/master.ts';

const blockBytes = 4096;

/** Remembers each changed block in a set: slow and plainly right. */
export class SimulatedChangeFeed implements ChangeFeed {
  readonly #blocks: ReadonlyMap<string, Set<number>>;
  readonly #bytes: ReadonlyMap<string, number>;
  readonly #beforeDrain: () => void;
  readonly #onClose: (feed: SimulatedChangeFeed) => void;
  #earliestNs: bigint | undefined;
  #lost: string | undefined;
  #closed = false;

  /** `beforeDrain` throws when the host is off. */
  constructor(
    disks: ReadonlyMap<string, number>,
    hooks: { readonly beforeDrain: () => void; readonly onClose: (feed: SimulatedChangeFeed) => void },
  ) {
    this.#bytes = disks;
    this.#blocks = new Map(Array.from(disks.keys(), (diskId) => [diskId, new Set<number>()]));
    this.#beforeDrain = hooks.beforeDrain;
    this.#onClose = hooks.onClose;
  }

  record(diskId: string, offset: number, length: number, atNs: bigint): void {
    const blocks = this.#blocks.get(diskId);
    if (blocks === undefined || length === 0) return;
    const end = Math.min(offset + length, this.#bytes.get(diskId) ?? 0);
    for (let block = Math.floor(offset / blockBytes); block * blockBytes < end; block += 1) blocks.add(block);
    this.#earliestNs ??= atNs;
  }

  /** From here on until the next drain the feed says that it lost changes, and forgets those it had. */
  lose(reason: string): void {
    for (const blocks of this.#blocks.values()) blocks.clear();
    this.#earliestNs = undefined;
    this.#lost = reason;
  }

  drain(): ReturnType<ChangeFeed['drain']> {
    if (this.#closed) throw new Error('the change feed is closed');
    this.#beforeDrain();
    const ranges = [...this.#blocks].flatMap(([diskId, blocks]) => this.#take(diskId, blocks));
    const result = { ranges, earliestNs: ranges.length > 0 ? this.#earliestNs : undefined };
    const lost = this.#lost;
    this.#earliestNs = undefined;
    this.#lost = undefined;
    return lost === undefined ? result : { ...result, lost };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose(this);
  }

  #take(diskId: string, blocks: Set<number>): ChangedRange[] {
    const sorted = [...blocks].sort((a, b) => a - b);
    blocks.clear();
    const ranges: ChangedRange[] = [];
    const bytes = this.#bytes.get(diskId) ?? 0;
    for (let from = 0; from < sorted.length;) {
      let to = from + 1;
      while (to < sorted.length && sorted[to] === sorted[to - 1]! + 1) to += 1;
      const offset = sorted[from]! * blockBytes;
      ranges.push({ diskId, offset, length: Math.min((sorted[to - 1]! + 1) * blockBytes, bytes) - offset });
      from = to;
    }
    return ranges;
  }
}
