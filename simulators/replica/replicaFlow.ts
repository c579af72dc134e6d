import type { ReceivePlan } from '#engine/replica/replicaState.ts';
import type { ConsistentPoint, Epoch } from '#machines/vocabulary.ts';
import type { SourceStream } from './SimulatedSource.ts';
import type { SimulatedWorkload } from './simulatedWorkload.ts';

/** What the appliance's host keeps of one scenario: state file, journal and disks in one. */
export type KeptReplica = {
  epoch: Epoch;
  closedInEpoch: Epoch;
  plan: ReceivePlan;
  streamId: string | undefined;
  masterBootId: string | undefined;
  phase: 'copying' | 'comparing' | 'replicating';
  copiedBytes: number;
  /** Writes that are durable here, on the disks or in the journal. */
  taken: number;
  /** The newest point; everything up to then is here. Milliseconds of the master's monotonic clock. */
  pointMs: number | undefined;
  /** `replica.caughtUp` is still to come. */
  behind: boolean;
  replicatedBytes: number;
  frozen: boolean;
  finished: boolean;
  /** The receiver has the disks open: they may be between two points. A killed process leaves it so. */
  open: boolean;
  /** Writes of a VM that ran on the disks themselves. */
  diverged: number;
  /** Changes were applied over such writes: it is no state that the master ever had. */
  spoilt: boolean;
};

export type Pace = {
  /** Of the copy, and of the link. */
  readonly bytesPerSecond: number;
  /** The master makes points this often. */
  readonly pointEveryMs: number;
  /** From a point to its being durable here. */
  readonly acknowledgeMs: number;
  /** To bring the disks to their point and close them. */
  readonly settleMs: number;
  /** To connect and open the stream. */
  readonly openMs: number;
  readonly connectTimeoutMs: number;
  /** A link that says nothing is given up after this. */
  readonly silenceMs: number;
};

export const paceDefault: Pace = {
  bytesPerSecond: 100_000_000,
  pointEveryMs: 100,
  acknowledgeMs: 5,
  settleMs: 20,
  openMs: 8,
  connectTimeoutMs: 5_000,
  silenceMs: 11_000,
};

export const bytesOf = (plan: ReceivePlan): number => plan.disks.reduce((sum, { bytes }) => sum + bytes, 0);

/** Just before the moment, as the engine's points: what completes at this very instant is not in it. */
export const pointAtNs = (atMs: number): bigint => BigInt(Math.round(atMs * 1e6)) - 1n;

/** Microseconds number the points: they rise with time, and a stream has no two at once. */
export const pointOf = (kept: KeptReplica): ConsistentPoint | null =>
  kept.pointMs === undefined
    ? null
    : { sequence: Math.round(kept.pointMs * 1000), atNs: String(pointAtNs(kept.pointMs)) };

/**
 * How far one stream has got, as a fluid: asked for now, or at an edge, it computes everything since the last time.
 * Nothing happens in between.
 */
export class ReplicaFlow {
  readonly #kept: KeptReplica;
  readonly #stream: SourceStream;
  readonly #workload: SimulatedWorkload;
  readonly #pace: Pace;
  readonly #totalBytes: number;
  #lastMs: number;

  constructor(
    kept: KeptReplica,
    stream: SourceStream,
    around: { readonly workload: SimulatedWorkload; readonly pace: Pace; readonly nowMs: number },
  ) {
    this.#kept = kept;
    this.#stream = stream;
    this.#workload = around.workload;
    this.#pace = around.pace;
    this.#lastMs = around.nowMs;
    this.#totalBytes = bytesOf(kept.plan);
  }

  /** Completed on the master and not here, in writes. */
  backlog(nowMs: number): number {
    return Math.max(0, this.#writesAt(nowMs) - this.#kept.taken);
  }

  /** `carried`: bytes have passed ever since the last call. */
  advance(toMs: number, carried: boolean): void {
    const elapsedMs = toMs - this.#lastMs;
    this.#lastMs = toMs;
    if (!carried || elapsedMs <= 0) return;
    const { bytesPerSecond } = this.#pace;
    const kept = this.#kept;
    const room = (elapsedMs * bytesPerSecond) / 1000;
    if (kept.phase !== 'replicating') {
      const copied = Math.min(this.#totalBytes, kept.copiedBytes + room);
      kept.replicatedBytes += copied - kept.copiedBytes;
      kept.copiedBytes = copied;
      return;
    }
    const edgeMs = this.#edge(toMs);
    const arrived = this.#writesAt(edgeMs);
    const reach = kept.taken + room / this.#workload.writeBytes;
    if (arrived <= reach) {
      this.#take(arrived);
      if (this.#stream.wholeFromMs !== undefined && edgeMs < this.#stream.wholeFromMs) return;
      this.#stream.wholeFromMs = undefined;
      if (this.#stream.lost && this.#stream.lost.untilMs <= toMs) this.#stream.lost = undefined;
      this.#point(edgeMs);
    } else {
      this.#take(reach);
      if (this.#stream.wholeFromMs === undefined) this.#point(this.#timeOf(reach, edgeMs));
    }
  }

  /** The copy is complete: what changed since the stream was opened goes as one epoch. */
  copied(nowMs: number): void {
    const kept = this.#kept;
    kept.phase = 'replicating';
    kept.diverged = 0;
    kept.spoilt = false;
    kept.taken = this.#writesAt(this.#stream.openedMs);
    this.oneEpoch(nowMs);
  }

  /** Only the dirty blocks go, each once, and no point before all of them are there. */
  oneEpoch(nowMs: number): void {
    const kept = this.#kept;
    this.#stream.wholeFromMs = Math.max(this.#stream.wholeFromMs ?? 0, nowMs);
    kept.taken = Math.max(kept.taken, this.#writesAt(nowMs) - this.#totalBytes / this.#workload.writeBytes);
  }

  /** Milliseconds until the next milestone if nothing changes; undefined when there is none. */
  milestoneInMs(nowMs: number): number | undefined {
    const { bytesPerSecond, pointEveryMs, acknowledgeMs } = this.#pace;
    const kept = this.#kept;
    if (kept.phase !== 'replicating') return ((this.#totalBytes - kept.copiedBytes) * 1000) / bytesPerSecond;
    if (!kept.behind) return undefined;
    const netPerMs = (bytesPerSecond / this.#workload.writeBytes - this.#workload.writesPerSecond) / 1000;
    if (netPerMs <= 0) return undefined;
    const wholeMs = Math.ceil((this.#stream.wholeFromMs ?? 0) / pointEveryMs) * pointEveryMs + acknowledgeMs - nowMs;
    return Math.max(1, wholeMs, this.backlog(nowMs) / netPerMs);
  }

  #take(writes: number): void {
    const more = Math.max(0, writes - this.#kept.taken);
    this.#kept.taken += more;
    this.#kept.replicatedBytes += more * this.#workload.writeBytes;
    this.#stream.acknowledged = this.#kept.taken;
  }

  #point(atMs: number): void {
    this.#kept.pointMs = Math.max(this.#kept.pointMs ?? 0, atMs);
  }

  /** Time of the newest point that can be here. */
  #edge(nowMs: number): number {
    const { pointEveryMs, acknowledgeMs } = this.#pace;
    return Math.max(0, Math.floor((nowMs - acknowledgeMs) / pointEveryMs) * pointEveryMs);
  }

  #writesAt(atMs: number): number {
    return this.#workload.writesBy(pointAtNs(atMs));
  }

  /** The last moment at which the master had completed no more writes than these. */
  #timeOf(writes: number, beforeMs: number): number {
    let low = this.#kept.pointMs ?? this.#stream.openedMs;
    let high = beforeMs;
    while (high - low > 0.01) {
      const middle = (low + high) / 2;
      if (this.#writesAt(middle) <= writes) low = middle;
      else high = middle;
    }
    return low;
  }
}
