import type { ReplicaFact } from '#engine/replica/ReplicaStream.ts';
import { spoolBytesMaxDefault } from '#engine/replica/ReplicaStream.ts';
import type { Fault } from '#machines/faults.ts';
import { fault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ScenarioId } from '#machines/vocabulary.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { KeptReplica, Pace } from './replicaFlow.ts';
import { bytesOf, pointOf, ReplicaFlow } from './replicaFlow.ts';
import type { SimulatedSource, SourceChange, SourceStream } from './SimulatedSource.ts';

type Around = {
  readonly clock: Clock;
  readonly network: SimulatedNetwork;
  readonly source: SimulatedSource;
  readonly onFact: (scenarioId: ScenarioId, fact: ReplicaFact) => void;
  readonly node: string;
  readonly pace: Pace;
};

const backOffMs = { first: 200, most: 5_000 };

/** The link of one stream: it acts on edges only, of the route, the master's engine and the workload. */
export class SimulatedStream {
  readonly #around: Around;
  readonly #scenarioId: ScenarioId;
  readonly #kept: KeptReplica;
  readonly #stopListening: (() => void)[];
  #flow: ReplicaFlow | undefined;
  #stream: SourceStream | undefined;
  /** The engine's process that the connection was made to; undefined while there is none. */
  #process: number | undefined;
  /** Bytes have passed since the last edge. */
  #carrying = false;
  #ended = false;
  #closed = false;
  #whyDown = '';
  #downSinceMs = 0;
  #attempts: 'refused' | 'timedOut' = 'refused';
  #stopSilence: (() => void) | undefined;
  #stopRetry: () => void = () => {};
  #stopMilestone: () => void = () => {};

  constructor(around: Around, scenarioId: ScenarioId, kept: KeptReplica) {
    this.#around = around;
    this.#scenarioId = scenarioId;
    this.#kept = kept;
    const { network, source } = around;
    this.#stopListening = [
      network.onRouteChange(() => this.#edge()),
      source.onChange((change) => this.#sourceChanged(change)),
      source.workload.onBeforeChange(() => this.#workloadChanges()),
    ];
  }

  get connected(): boolean {
    return this.#process !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get spoolBytes(): number {
    const { source } = this.#around;
    const bytes = (this.#flow?.backlog(this.#nowMs()) ?? 0) * source.workload.writeBytes;
    return Math.min(Math.round(bytes), this.#kept.plan.spoolBytesMax ?? spoolBytesMaxDefault);
  }

  /** The first connection. Faults: those of opening a stream. */
  start(): void {
    this.#open();
    this.#tellMilestones();
  }

  tellLink(): void {
    if (!this.connected) this.#tell({ type: 'replica.disconnected', reason: this.#whyDown });
  }

  /** Everything up to now is computed. */
  settle(): void {
    this.#flow?.advance(this.#nowMs(), this.#carrying);
  }

  /** Whether a point holds everything that had completed at this moment. */
  holdsUntil(atMs: number): boolean {
    this.settle();
    return this.#kept.pointMs !== undefined && this.#kept.pointMs > atMs;
  }

  close({ forget }: { readonly forget: boolean }): void {
    this.settle();
    if (forget && this.#carrying) this.#around.source.forget(this.#scenarioId);
    this.#closed = true;
    this.#carrying = false;
    for (const stop of this.#stopListening) stop();
    this.#stopSilence?.();
    this.#stopRetry();
    this.#stopMilestone();
  }

  #open(): void {
    const { source, pace } = this.#around;
    const kept = this.#kept;
    const nowMs = this.#nowMs();
    const { stream, reason } = source.open(this.#scenarioId, {
      epoch: kept.epoch,
      disks: kept.plan.disks,
      streamId: kept.streamId,
      taken: kept.taken,
    });
    this.#stream = stream;
    this.#process = source.process;
    this.#carrying = true;
    this.#flow = new ReplicaFlow(kept, stream, { workload: source.workload, pace, nowMs });
    if (stream.streamId !== kept.streamId) this.#anotherStream(stream, reason);
    else if (stream.lost && stream.lost.untilMs > nowMs) this.#fellBehind(stream.lost.reason);
    else if (kept.phase === 'replicating') this.#checkSpool(nowMs);
    this.#plan();
  }

  #anotherStream({ streamId }: SourceStream, reason: string | undefined): void {
    const kept = this.#kept;
    const known = kept.streamId !== undefined;
    const { bootId } = this.#around.source;
    const rebooted = kept.masterBootId !== undefined && kept.masterBootId !== bootId;
    Object.assign(kept, {
      streamId,
      masterBootId: bootId,
      phase: kept.pointMs === undefined ? 'copying' : 'comparing',
      copiedBytes: 0,
      taken: 0,
      behind: true,
    });
    if (rebooted) this.#tell({ type: 'replica.masterRebooted' });
    if (known) this.#tell({ type: 'replica.resynchronizing', reason: reason ?? 'another stream begins' });
  }

  /** Facts that an earlier process may not have told. */
  #tellMilestones(): void {
    const kept = this.#kept;
    if (kept.phase === 'comparing') this.#tell({ type: 'replica.resynchronizing', reason: 'the comparison goes on' });
    if (kept.phase !== 'replicating') return;
    this.#tell({ type: 'replica.synchronized', bytes: bytesOf(kept.plan) });
    const point = pointOf(kept);
    if (!kept.behind && point) this.#tell({ type: 'replica.caughtUp', point });
  }

  /** What did not fit into the spool went into the map of dirty blocks. */
  #checkSpool(nowMs: number): void {
    const { workload } = this.#around.source;
    const spoolBytesMax = this.#kept.plan.spoolBytesMax ?? spoolBytesMaxDefault;
    if (this.#flow!.backlog(nowMs) * workload.writeBytes <= spoolBytesMax) return;
    this.#flow!.oneEpoch(nowMs);
    this.#tell({ type: 'replica.spoolFull', fault: fault('spoolFull', { spoolBytesMax }) });
  }

  #fellBehind(reason: string): void {
    if (this.#kept.phase === 'replicating') this.#kept.behind = true;
    this.#tell({ type: 'replica.resynchronizing', reason });
  }

  /** One timer, for the next milestone; none while the flow is steady. */
  #plan(): void {
    this.#stopMilestone();
    if (!this.#carrying || !this.#flow) return;
    const inMs = this.#flow.milestoneInMs(this.#nowMs());
    if (inMs !== undefined) this.#stopMilestone = this.#around.clock.after(inMs, () => this.#milestone());
  }

  #milestone(): void {
    this.settle();
    const kept = this.#kept;
    const nowMs = this.#nowMs();
    const totalBytes = bytesOf(kept.plan);
    // A byte is no matter: time is a sum of fractions.
    if (kept.phase !== 'replicating' && totalBytes - kept.copiedBytes < 1) {
      this.#flow!.copied(nowMs);
      this.#tell({ type: 'replica.synchronized', bytes: totalBytes });
    } else if (kept.phase === 'replicating' && kept.behind && this.#stream!.wholeFromMs === undefined) {
      kept.behind = false;
      this.#tell({ type: 'replica.caughtUp', point: pointOf(kept)! });
    }
    this.#plan();
  }

  #workloadChanges(): void {
    this.settle();
    // How long a milestone takes is another matter after the change.
    if (this.#kept.behind && this.#carrying) this.#around.clock.after(0, () => this.#closed || this.#plan());
  }

  #sourceChanged(change: SourceChange): void {
    if (change !== 'changesLost') return this.#edge();
    this.settle();
    if (!this.#carrying || !this.#stream?.lost) return;
    this.#fellBehind(this.#stream.lost.reason);
    this.#around.clock.after(0, () => this.#closed || this.#plan());
  }

  #edge(): void {
    if (this.#closed || this.#ended || !this.#flow) return;
    this.settle();
    const { source, clock, pace } = this.#around;
    const routeUp = this.#routeUp;
    if (this.#process === undefined) return this.#planRetry();
    const sameProcess = source.alive && source.process === this.#process;
    const carried = this.#carrying;
    this.#carrying = routeUp && sameProcess;
    // The kernel of a host whose process is gone says so, as soon as the way is open.
    if (routeUp && !sameProcess) return this.#lost('ECONNRESET');
    if (routeUp) {
      this.#stopSilence?.();
      this.#stopSilence = undefined;
      if (!carried && this.#kept.phase === 'replicating') this.#checkSpool(this.#nowMs());
    } else {
      this.#stopSilence ??= clock.after(pace.silenceMs, () => this.#lost('no news from the master'));
    }
    this.#plan();
  }

  #lost(reason: string): void {
    this.#process = undefined;
    this.#carrying = false;
    this.#stopSilence?.();
    this.#stopSilence = undefined;
    this.#stopMilestone();
    this.#whyDown = reason;
    this.#downSinceMs = this.#nowMs();
    this.#attempts = this.#routeUp ? 'refused' : 'timedOut';
    this.#tell({ type: 'replica.disconnected', reason });
    this.#planRetry();
  }

  /** The engine dials with growing pauses; only the attempt that can succeed is made. */
  #planRetry(): void {
    this.#stopRetry();
    if (!this.#routeUp || !this.#around.source.alive) return;
    const { clock, pace } = this.#around;
    const nowMs = this.#nowMs();
    const eachMs = this.#attempts === 'refused' ? 2 : pace.connectTimeoutMs;
    let delayMs = backOffMs.first;
    let atMs = this.#downSinceMs + delayMs;
    while (atMs < nowMs) {
      delayMs = Math.min(delayMs * 2, backOffMs.most);
      const periods = delayMs < backOffMs.most ? 1 : Math.max(1, Math.ceil((nowMs - atMs) / (eachMs + delayMs)));
      atMs += periods * (eachMs + delayMs);
    }
    this.#stopRetry = clock.after(atMs - nowMs + pace.openMs, () => this.#retry());
  }

  #retry(): void {
    if (!this.#routeUp || !this.#around.source.alive) return;
    try {
      this.#open();
    } catch (thrown) {
      return this.#failed(toFault(thrown));
    }
    this.#tell({ type: 'replica.reconnected' });
  }

  #failed(value: Fault): void {
    this.#process = undefined;
    this.#carrying = false;
    this.#whyDown = value.code;
    if (value.duration !== 'permanent') {
      this.#stopRetry = this.#around.clock.after(backOffMs.most, () => this.#retry());
      return;
    }
    this.#ended = true;
    this.#tell({ type: 'replica.failed', fault: value });
  }

  get #routeUp(): boolean {
    const { network, source, node } = this.#around;
    return routePasses(network, node, source.host);
  }

  #tell(fact: ReplicaFact): void {
    if (!this.#closed) this.#around.onFact(this.#scenarioId, fact);
  }

  #nowMs(): number {
    return this.#around.source.nowMs();
  }
}

export const routePasses = (network: SimulatedNetwork, one: string, other: string): boolean =>
  network.passes(one, other) && network.passes(other, one);
