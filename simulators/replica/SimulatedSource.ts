import { engineVersion } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ReplicaDiskPlan } from '#machines/parties/replica.ts';
import type { Epoch, ScenarioId } from '#machines/vocabulary.ts';
import type { SimulatedWorkload } from './simulatedWorkload.ts';

/** What the master's engine remembers of one stream, until its process ends. */
export type SourceStream = {
  readonly streamId: string;
  readonly disks: string;
  /** Changes are recorded from then on. */
  readonly openedMs: number;
  /** Writes that the replica has acknowledged. */
  acknowledged: number;
  /** Changes flow as one epoch: no point is older than this, nor earlier than everything is there. */
  wholeFromMs: number | undefined;
  /** Changes were missed: all blocks are being compared until then. */
  lost: { readonly reason: string; readonly untilMs: number } | undefined;
};

export type SourceChange = 'engineEnded' | 'engineStarted' | 'changesLost';

/** The master's end of the data plane without a byte: streams, a workload, a process that may die, a host that boots. */
export class SimulatedSource {
  readonly host: string;
  readonly workload: SimulatedWorkload;
  /** How fast the master compares its own disks. */
  readonly #compareBytesPerSecond: number;
  readonly #clock: Clock;
  readonly #streams = new Map<ScenarioId, SourceStream>();
  readonly #epochs = new Map<ScenarioId, Epoch>();
  readonly #listeners = new Set<(change: SourceChange) => void>();
  /** Version of its engine, and a fault that opening its disks meets. */
  version = engineVersion;
  refusal: PartyFault | undefined;
  #alive = true;
  #boots = 1;
  #processes = 1;
  #opened = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly workload: SimulatedWorkload;
    readonly host?: string;
    readonly compareBytesPerSecond?: number;
  }) {
    this.#clock = options.clock;
    this.workload = options.workload;
    this.host = options.host ?? 'master';
    this.#compareBytesPerSecond = options.compareBytesPerSecond ?? 400_000_000;
  }

  /** The master's monotonic clock, in milliseconds: points are moments of the master, whoever counts them. */
  nowMs(): number {
    return Number(this.#clock.monotonicNs()) / 1e6;
  }

  /** Whether its engine's process runs. */
  get alive(): boolean {
    return this.#alive;
  }

  get bootId(): string {
    return `boot ${this.#boots}`;
  }

  /** Another one for each process of its engine: a connection does not outlive the process it was made to. */
  get process(): number {
    return this.#processes;
  }

  /** `kill -9`, or the end of the whole host: what it knew of changes is gone. */
  killEngine(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#streams.clear();
    this.#epochs.clear();
    this.#tell('engineEnded');
  }

  startEngine(): void {
    if (this.#alive) return;
    this.#alive = true;
    this.#processes += 1;
    this.#tell('engineStarted');
  }

  /** The host is started anew; its engine is started by `startEngine`. */
  boot(): void {
    this.killEngine();
    this.#boots += 1;
  }

  /** The record of changes has a hole: all blocks are compared. */
  loseChanges(reason: string): void {
    const nowMs = Number(this.#clock.monotonicNs()) / 1e6;
    for (const stream of this.#streams.values()) {
      const { bytes } = JSON.parse(stream.disks) as { bytes: number };
      const untilMs = nowMs + (bytes * 1000) / this.#compareBytesPerSecond;
      stream.lost = { reason, untilMs };
    }
    this.#tell('changesLost');
    for (const stream of this.#streams.values()) if (stream.lost) stream.wholeFromMs = stream.lost.untilMs;
  }

  onChange(listen: (change: SourceChange) => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  /** Goes on with the stream that the replica knows, or begins another and says why. */
  open(
    scenarioId: ScenarioId,
    wanted: {
      readonly epoch: Epoch;
      readonly disks: readonly ReplicaDiskPlan[];
      readonly streamId: string | undefined;
      readonly taken: number;
    },
  ): { readonly stream: SourceStream; readonly reason: string | undefined } {
    if (this.version !== engineVersion) {
      throw new PartyFault('versionMismatch', { peer: this.host, theirs: this.version, ours: engineVersion });
    }
    const ours = this.#epochs.get(scenarioId) ?? 0;
    if (wanted.epoch < ours) throw new PartyFault('staleEpoch', { theirs: wanted.epoch, ours });
    this.#epochs.set(scenarioId, wanted.epoch);
    if (this.refusal) throw this.refusal;
    const disks = JSON.stringify({
      bytes: wanted.disks.reduce((sum, disk) => sum + disk.bytes, 0),
      disks: wanted.disks.map(({ diskId, bytes }) => ({ diskId, bytes })),
    });
    const known = this.#streams.get(scenarioId);
    const reason = whyNot(known, { ...wanted, disks });
    if (known && reason === undefined) return { stream: known, reason };
    this.#opened += 1;
    const stream: SourceStream = {
      streamId: `${this.bootId}, process ${this.#processes}, stream ${this.#opened}`,
      disks,
      openedMs: Number(this.#clock.monotonicNs()) / 1e6,
      acknowledged: 0,
      wholeFromMs: undefined,
      lost: undefined,
    };
    this.#streams.set(scenarioId, stream);
    return { stream, reason };
  }

  /** The replica receives no more. */
  forget(scenarioId: ScenarioId): void {
    this.#streams.delete(scenarioId);
  }

  #tell(change: SourceChange): void {
    for (const listen of this.#listeners) listen(change);
  }
}

function whyNot(
  known: SourceStream | undefined,
  wanted: { readonly streamId: string | undefined; readonly disks: string; readonly taken: number },
): string | undefined {
  if (!known || known.streamId !== wanted.streamId) {
    return `the master does not know stream ${wanted.streamId}: its engine was restarted`;
  }
  if (known.disks !== wanted.disks) return 'the disks of the scenario changed';
  return wanted.taken < known.acknowledged ? 'the replica has lost what it had acknowledged' : undefined;
}
