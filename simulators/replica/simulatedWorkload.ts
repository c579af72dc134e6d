import type { Clock } from '#machines/parties/clock.ts';

/** The writes of a master's disks as a numbered row: their number at any moment is computed, none of them exists. */
export interface SimulatedWorkload {
  readonly writeBytes: number;
  /** As of now; steady until `onBeforeChange` is told. */
  readonly writesPerSecond: number;
  /** How many writes had completed at this moment of the master's monotonic clock. */
  writesBy(atNs: bigint): number;
  /** Told just before the rate changes or several writes come at once; returns the cancellation. */
  onBeforeChange(listen: () => void): () => void;
}

type Stretch = { readonly fromNs: number; readonly count: number; readonly perSecond: number };

/** A steady rate while the machine lives, and bursts. */
export class SteadyWorkload implements SimulatedWorkload {
  readonly writeBytes: number;
  readonly #clock: Clock;
  readonly #ratePerSecond: number;
  readonly #stretches: Stretch[] = [{ fromNs: 0, count: 0, perSecond: 0 }];
  readonly #listeners = new Set<() => void>();

  constructor(options: { readonly clock: Clock; readonly writesPerSecond: number; readonly writeBytes?: number }) {
    this.#clock = options.clock;
    this.#ratePerSecond = options.writesPerSecond;
    this.writeBytes = options.writeBytes ?? 4096;
  }

  get writesPerSecond(): number {
    return this.#stretches.at(-1)!.perSecond;
  }

  /** The machine lives and writes, at another rate if one is given. */
  start(writesPerSecond = this.#ratePerSecond): void {
    this.#change(writesPerSecond, 0);
  }

  /** The machine is off, or nothing on it writes. */
  stop(): void {
    this.#change(0, 0);
  }

  /** So many writes complete at this very instant. */
  burst(writes: number): void {
    this.#change(this.writesPerSecond, writes);
  }

  get count(): number {
    return this.writesBy(this.#clock.monotonicNs());
  }

  writesBy(atNs: bigint): number {
    const at = Number(atNs);
    const { fromNs, count, perSecond } = this.#stretches.findLast((stretch) => stretch.fromNs <= at) ?? {
      fromNs: at,
      count: 0,
      perSecond: 0,
    };
    return count + Math.floor(((at - fromNs) * perSecond) / 1e9);
  }

  onBeforeChange(listen: () => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  #change(perSecond: number, atOnce: number): void {
    for (const listen of this.#listeners) listen();
    const nowNs = this.#clock.monotonicNs();
    this.#stretches.push({ fromNs: Number(nowNs), count: this.writesBy(nowNs) + atOnce, perSecond });
  }
}
