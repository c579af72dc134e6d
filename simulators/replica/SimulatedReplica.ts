import type { ReceivePlan } from '#engine/replica/replicaState.ts';
import type { ReplicaFact, ReplicaStatus } from '#engine/replica/ReplicaStream.ts';
import { spoolBytesMaxDefault } from '#engine/replica/ReplicaStream.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Replica } from '#machines/parties/replica.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import type { ConsistentPoint, ScenarioId } from '#machines/vocabulary.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { KeptReplica, Pace } from './replicaFlow.ts';
import { bytesOf, paceDefault, pointAtNs, pointOf } from './replicaFlow.ts';
import type { SimulatedSource } from './SimulatedSource.ts';
import { routePasses, SimulatedStream } from './SimulatedStream.ts';

/** What the appliance's host keeps: it outlives the engine's process. */
export class SimulatedReplicaStore {
  readonly kept = new Map<ScenarioId, KeptReplica>();
}

export type SimulatedReplicaOptions = {
  /** The process's own: its timers die with it. */
  readonly clock: Clock;
  readonly network: SimulatedNetwork;
  readonly source: SimulatedSource;
  readonly store: SimulatedReplicaStore;
  readonly onFact: (scenarioId: ScenarioId, fact: ReplicaFact) => void;
  /** Host name on the network; `appliance` when not given. */
  readonly node?: string;
  /** Why a disk cannot be proven inside the appliance's guest; undefined when it can. */
  readonly unproven?: (locator: GuestDiskLocator) => string | undefined;
  readonly pace?: Partial<Pace>;
  /** A deliberate bug for those who check: a crash takes back the last second of what was acknowledged. */
  readonly acknowledgesBeforeFlush?: boolean;
};

/** What a VM that is given the replica disks now would find on them. */
export type ReplicaImage = {
  /** The master's first so many writes. */
  readonly prefix: number;
  /** False while the disks are a mixture: copied, written to, or left so by a crash. */
  readonly consistent: boolean;
  /** Writes of a VM that ran on the disks themselves. */
  readonly divergedWrites: number;
};

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});
const freshReplica = (plan: ReceivePlan, epoch: number, diverged: number): KeptReplica => ({
  epoch,
  closedInEpoch: 0,
  plan,
  streamId: undefined,
  masterBootId: undefined,
  phase: 'copying',
  copiedBytes: 0,
  taken: 0,
  pointMs: undefined,
  behind: true,
  replicatedBytes: 0,
  frozen: false,
  finished: false,
  open: false,
  diverged,
  spoilt: false,
});

/**
 * The receiving end without a byte: which of the master's numbered writes are here is computed when it is asked for. A
 * quiet hour costs nothing. Milestones, epochs and what survives are those of `ReplicaReceiver`.
 */
export class SimulatedReplica implements Replica {
  readonly #options: SimulatedReplicaOptions;
  readonly #pace: Pace;
  readonly #streams = new Map<ScenarioId, SimulatedStream>();
  readonly #turns = new Map<ScenarioId, Promise<unknown>>();
  #dead = false;

  constructor(options: SimulatedReplicaOptions) {
    this.#options = options;
    this.#pace = { ...paceDefault, ...options.pace };
  }

  receive(plan: ReceivePlan, intent: Intent): Promise<void> {
    return this.#inTurn(intent, async (known) => {
      const { scenarioId, epoch } = intent;
      if (known?.finished && known.epoch === epoch) {
        const object = `replica of scenario ${scenarioId}`;
        throw new PartyFault('invalidState', { object, reason: 'it was brought to its last point and closed' });
      }
      const same = known !== undefined && JSON.stringify(known.plan.disks) === JSON.stringify(plan.disks);
      const stream = this.#streams.get(scenarioId);
      if (known && stream) {
        if (same && !stream.ended) {
          known.epoch = epoch;
          return stream.tellLink();
        }
        this.#endStream(scenarioId, { forget: !same });
      }
      const kept = known && same && !known.finished ? known : freshReplica(plan, epoch, known?.diverged ?? 0);
      Object.assign(kept, { plan, epoch, frozen: false });
      this.#options.store.kept.set(scenarioId, kept);
      await this.#begin(scenarioId, kept);
    });
  }

  freeze(intent: Intent): Promise<{ readonly point: ConsistentPoint | null }> {
    return this.#inTurn(intent, async (kept) => {
      if (!kept) return { point: null };
      if (!kept.finished && !kept.frozen) {
        await this.#letGo(kept, intent.scenarioId, { forget: false });
        kept.frozen = true;
      }
      kept.closedInEpoch = intent.epoch;
      return { point: pointOf(kept) };
    });
  }

  finish(
    { waitForJournals }: { readonly waitForJournals: boolean },
    intent: Intent,
  ): Promise<{ readonly point: ConsistentPoint | null }> {
    return this.#inTurn(intent, async (kept) => {
      if (!kept) return { point: null };
      if (!kept.finished && !kept.frozen) {
        if (waitForJournals) await this.#drainMaster(kept, intent);
        await this.#letGo(kept, intent.scenarioId, { forget: true });
      }
      if (!kept.finished) Object.assign(kept, { finished: true, closedInEpoch: intent.epoch });
      return { point: pointOf(kept) };
    });
  }

  stop(intent: Intent): Promise<void> {
    return this.#inTurn(intent, async (kept) => {
      this.#endStream(intent.scenarioId, { forget: true });
      if (kept && !kept.finished) kept.frozen = false;
    });
  }

  status(scenarioId: ScenarioId): ReplicaStatus | undefined {
    const kept = this.#options.store.kept.get(scenarioId);
    const stream = this.#streams.get(scenarioId);
    if (!kept || (!stream && (!kept.frozen || kept.finished))) return undefined;
    stream?.settle();
    const totalBytes = bytesOf(kept.plan);
    const doneBytes = kept.phase === 'replicating' ? totalBytes : Math.round(kept.copiedBytes);
    const point = pointOf(kept);
    return {
      synchronization: {
        doneBytes,
        totalBytes,
        bytesPerSecond: kept.phase !== 'replicating' && stream?.connected ? this.#pace.bytesPerSecond : 0,
      },
      ...(kept.pointMs === undefined
        ? {}
        : { replicationLagMs: Math.max(0, Math.round(this.#nowMs() - kept.pointMs)) }),
      ...(point ? { consistentPoint: point } : {}),
      replicatedBytes: Math.round(kept.replicatedBytes),
      ...(stream
        ? { spool: { bytes: stream.spoolBytes, bytesMax: kept.plan.spoolBytesMax ?? spoolBytesMaxDefault } }
        : {}),
      link: stream?.connected ? 'connected' : 'disconnected',
      ...(stream ? {} : { frozen: true }),
    };
  }

  /** What the disks hold; undefined when nothing was ever received. */
  imageOf(scenarioId: ScenarioId): ReplicaImage | undefined {
    const kept = this.#options.store.kept.get(scenarioId);
    if (!kept) return undefined;
    this.#streams.get(scenarioId)?.settle();
    const { pointMs, open, spoilt, diverged } = kept;
    return {
      prefix: pointMs === undefined ? 0 : this.#options.source.workload.writesBy(pointAtNs(pointMs)),
      consistent: pointMs !== undefined && !open && !spoilt,
      divergedWrites: diverged,
    };
  }

  /** A VM has written to the disks themselves, not to children of them. */
  diverge(scenarioId: ScenarioId, writes: number): void {
    const kept = this.#options.store.kept.get(scenarioId);
    if (kept) kept.diverged += writes;
  }

  async close(): Promise<void> {
    for (const [scenarioId, turn] of this.#turns) await turn.then(() => this.#endStream(scenarioId, { forget: false }));
  }

  /** `kill -9`: what is durable stays in the store, calls under way are never answered, nothing is told any more. */
  kill(): void {
    if (this.#dead) return;
    for (const [scenarioId, stream] of this.#streams) {
      stream.close({ forget: false });
      const kept = this.#options.store.kept.get(scenarioId)!;
      // The copy is durable up to its last mark, one a second.
      kept.copiedBytes -= kept.copiedBytes % this.#pace.bytesPerSecond;
      if (this.#options.acknowledgesBeforeFlush && kept.pointMs !== undefined) {
        kept.pointMs = Math.max(0, kept.pointMs - 1000);
        kept.taken = this.#options.source.workload.writesBy(pointAtNs(kept.pointMs));
      }
    }
    this.#streams.clear();
    this.#dead = true;
  }

  /** Proves and opens the disks, connects, and goes on. */
  async #begin(scenarioId: ScenarioId, kept: KeptReplica): Promise<void> {
    const { clock, network, source } = this.#options;
    const node = this.#options.node ?? 'appliance';
    this.#prove(kept);
    const wasOpen = kept.open;
    kept.open = true;
    try {
      const passes = routePasses(network, node, source.host);
      if (passes && !source.alive) throw unreachable(source, 'ECONNREFUSED');
      await clock.sleep(passes ? this.#pace.openMs : this.#pace.connectTimeoutMs);
      if (!routePasses(network, node, source.host) || !source.alive) throw unreachable(source, 'ETIMEDOUT');
      const stream = new SimulatedStream({ ...this.#options, node, pace: this.#pace }, scenarioId, kept);
      try {
        stream.start();
      } catch (thrown) {
        stream.close({ forget: false });
        throw thrown;
      }
      this.#streams.set(scenarioId, stream);
      if (kept.diverged > 0 && kept.phase === 'replicating') kept.spoilt = true;
    } catch (thrown) {
      // What a crash left half applied stays so until somebody settles it.
      kept.open = wasOpen;
      throw thrown;
    }
  }

  #prove({ plan }: KeptReplica): void {
    for (const { locator } of plan.disks) {
      const reason = this.#options.unproven?.(locator);
      if (reason !== undefined) throw new PartyFault('replicaDiskUnproven', { path: locator.wwn, reason });
    }
  }

  /** Ends the stream, brings the disks to their point and closes them. */
  async #letGo(kept: KeptReplica, scenarioId: ScenarioId, how: { readonly forget: boolean }): Promise<void> {
    const stream = this.#streams.get(scenarioId);
    if (stream) {
      stream.close(how);
      this.#streams.delete(scenarioId);
    } else {
      this.#prove(kept);
    }
    await this.#options.clock.sleep(this.#pace.settleMs);
    kept.open = false;
  }

  #endStream(scenarioId: ScenarioId, how: { readonly forget: boolean }): void {
    const stream = this.#streams.get(scenarioId);
    if (!stream) return;
    stream.close(how);
    this.#streams.delete(scenarioId);
    this.#options.store.kept.get(scenarioId)!.open = false;
  }

  async #drainMaster({ phase }: KeptReplica, { scenarioId, deadlineAtMs }: Intent): Promise<void> {
    const { source, clock } = this.#options;
    const stream = this.#streams.get(scenarioId);
    if (!stream) throw unreachable(source, 'the replica is not receiving');
    if (!stream.connected) throw unreachable(source, 'the data link is down');
    if (phase !== 'replicating') {
      throw new PartyFault('invalidState', { object: `scenario ${scenarioId}`, reason: 'not synchronized yet' });
    }
    const fromMs = this.#nowMs();
    while (!stream.holdsUntil(fromMs)) {
      if (!stream.connected) throw unreachable(source, 'the data link is down');
      if (clock.nowMs() >= deadlineAtMs) {
        throw new PartyFault('timedOut', { what: 'receiving the journals of the master' });
      }
      await clock.sleep(this.#pace.pointEveryMs / 2);
    }
  }

  #nowMs(): number {
    return this.#options.source.nowMs();
  }

  /** One intent of a scenario after the other; an older epoch is refused. */
  #inTurn<Result>(
    { scenarioId, epoch }: Intent,
    work: (kept: KeptReplica | undefined) => Promise<Result>,
  ): Promise<Result> {
    if (this.#dead) return never();
    const result = (this.#turns.get(scenarioId) ?? Promise.resolve()).then(async () => {
      const kept = this.#options.store.kept.get(scenarioId);
      const ours = Math.max(kept?.epoch ?? 0, kept?.closedInEpoch ?? 0);
      if (epoch < ours) throw new PartyFault('staleEpoch', { theirs: epoch, ours });
      return work(kept);
    });
    // A process that was killed answers nobody.
    const told = result.then(
      (value) => (this.#dead ? never<Result>() : value),
      (thrown: unknown) => (this.#dead ? never<Result>() : Promise.reject(thrown as Error)),
    );
    this.#turns.set(
      scenarioId,
      told.catch(() => {}),
    );
    return told;
  }
}

const unreachable = ({ host }: SimulatedSource, reason: string): PartyFault =>
  new PartyFault('unreachable', { host, reason });
