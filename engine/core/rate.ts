/** Bytes a second over the last moments, and the time what is left will take. Times in milliseconds, from any clock. */
export class Rate {
  readonly #windowMs: number;
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs;
  }

  /** Says how much has been done in all by now. */
  sample(atMs: number, bytes: number): void {
    const newest = this.#samples.at(-1);
    // Ten samples a second say as much as a thousand.
    if (newest && this.#samples.length > 1 && atMs - newest.atMs < 100) this.#samples.pop();
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && atMs - this.#samples[0]!.atMs > this.#windowMs) this.#samples.shift();
  }

  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs === first.atMs) return 0;
    return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)));
  }

  progress(doneBytes: number, totalBytes: number): Progress {
    const { bytesPerSecond } = this;
    const remainingMs = bytesPerSecond > 0 ? Math.ceil(((totalBytes - doneBytes) * 1000) / bytesPerSecond) : undefined;
    return { doneBytes, totalBytes, bytesPerSecond, ...(remainingMs === undefined ? {} : { remainingMs }) };
  }
}

type Progress = {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly remainingMs?: number;
};

/**
 * Age of a moment of the master's monotonic clock, told on another machine: the smallest difference of the two clocks
 * that was ever seen stands for no delay on the way.
 */
export class RemoteAge {
  #offsetNs: bigint | undefined;

  /** The master said `theirsNs`, and it was heard at `oursNs`. */
  heard(theirsNs: bigint, oursNs: bigint): void {
    const offsetNs = oursNs - theirsNs;
    if (this.#offsetNs === undefined || offsetNs < this.#offsetNs) this.#offsetNs = offsetNs;
  }

  /** Milliseconds since `theirsNs`; undefined before the master was heard. */
  ageMs(theirsNs: bigint, nowNs: bigint): number | undefined {
    if (this.#offsetNs === undefined) return undefined;
    const ageNs = nowNs - this.#offsetNs - theirsNs;
    return ageNs < 0n ? 0 : Number(ageNs / 1_000_000n);
  }

  /** The master's clock began anew. */
  forget(): void {
    this.#offsetNs = undefined;
  }
}
