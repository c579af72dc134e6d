import { RemoteAge } from '#engine/core/rate.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { decodeJson, frameTypes, makeFrame } from '#engine/protocol/frame.ts';
import type { ScenarioStatus, StreamNews } from '#engine/protocol/messages.ts';
import type { Handlers, Session } from '#engine/protocol/session.ts';
import { faultOf, openSession } from '#engine/protocol/session.ts';
import type { Fault } from '#machines/faults.ts';
import { fault, PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Network } from '#machines/parties/network.ts';
import type { ConsistentPoint, ScenarioId } from '#machines/vocabulary.ts';
import type { DatasetFact, ReplicaDataset } from './ReplicaDataset.ts';

export type ReplicaFact =
  | DatasetFact
  | { readonly type: 'replica.disconnected'; readonly reason: string }
  | { readonly type: 'replica.reconnected' }
  | { readonly type: 'replica.failed'; readonly fault: Fault }
  /** The kernel of the master does not let us trace: all blocks are compared, again and again. */
  | { readonly type: 'replica.comparing'; readonly fault: Fault }
  | { readonly type: 'replica.spoolFull'; readonly fault: Fault };

export type ReplicaStatus = Pick<
  ScenarioStatus,
  'synchronization' | 'replicationLagMs' | 'consistentPoint' | 'replicatedBytes' | 'spool' | 'link'
> & {
  /** What has arrived and is not yet on the disks; absent while nobody has the journal open. */
  readonly journalBytes?: number;
  /** The disks stand still at the point, because somebody reads them. */
  readonly frozen?: true;
};

const backOffMs = { first: 200, most: 5_000 };
const queuedBytesMax = 8 * 1024 * 1024;
const unflushedBytesMax = 4 * 1024 * 1024;
export const spoolBytesMaxDefault = 1024 * 1024 * 1024;
/** News come each second; without any for so long the link is dead, whatever TCP says. */
const silenceMs = 10_000;
const closeTimeoutMs = 2_000;

type Link = {
  readonly session: Session;
  readonly frames: Frame[];
  queuedBytes: number;
  paused: boolean;
  failed: boolean;
};

/** The receiving end of one data stream: dials the master, and dials again when the link is lost. */
export class ReplicaStream {
  readonly #parties: { readonly clock: Clock; readonly network: Network; readonly node: string };
  readonly #scenarioId: ScenarioId;
  readonly #dataset: ReplicaDataset;
  readonly #onFact: (fact: ReplicaFact) => void;
  readonly #age = new RemoteAge();
  #link: Link | undefined;
  #pumping: Promise<void> = Promise.resolve();
  #news: StreamNews | undefined;
  #newsAtMs = 0;
  #toldFallback = false;
  #closed = false;
  #ended = false;
  #whyDown = '';
  #stopRetry: () => void = () => {};
  #stopWatch: () => void = () => {};
  #waiters: { readonly sequence: number; readonly done: () => void; readonly fail: (why: unknown) => void }[] = [];

  constructor(
    parties: { readonly clock: Clock; readonly network: Network; readonly node: string },
    scenarioId: ScenarioId,
    dataset: ReplicaDataset,
    onFact: (fact: ReplicaFact) => void,
  ) {
    this.#parties = parties;
    this.#scenarioId = scenarioId;
    this.#dataset = dataset;
    this.#onFact = onFact;
    dataset.ageMs = ({ atNs }) => this.#age.ageMs(BigInt(atNs), parties.clock.monotonicNs());
  }

  /** The first connection. Faults: those of `Replica.receive`; nothing goes on by itself then. */
  async start(): Promise<void> {
    await this.#dial();
    this.#dataset.tellMilestones();
  }

  /** It failed for good: nothing goes on by itself any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** For somebody who may not have heard of it. */
  tellLink(): void {
    if (!this.#link) this.#onFact({ type: 'replica.disconnected', reason: this.#whyDown });
  }

  get status(): ReplicaStatus {
    const { durablePoint, lagMs, state, progress, journalBytes } = this.#dataset;
    const news = this.#news;
    return {
      synchronization: progress,
      ...(lagMs === undefined ? {} : { replicationLagMs: lagMs }),
      ...(durablePoint ? { consistentPoint: durablePoint } : {}),
      replicatedBytes: state.replicatedBytes,
      ...(news ? { spool: { bytes: news.spoolBytes, bytesMax: news.spoolBytesMax } } : {}),
      link: this.#link ? 'connected' : 'disconnected',
      journalBytes,
    };
  }

  /**
   * Resolves when everything the master has completed by now is durable here.
   * Faults: `unreachable`, `timedOut`, `invalidState` during the copy.
   */
  async drainMaster(timeoutMs: number): Promise<void> {
    const session = this.#link?.session;
    const { phase, plan, epoch } = this.#dataset.state;
    if (!session) throw new PartyFault('unreachable', { host: plan.master.host, reason: 'the data link is down' });
    if (phase !== 'replicating') {
      throw new PartyFault('invalidState', { object: `scenario ${this.#scenarioId}`, reason: 'not synchronized yet' });
    }
    const { point } = await session.request('stream.flush', { scenarioId: this.#scenarioId, epoch }, { timeoutMs });
    await this.#durable(point, timeoutMs);
  }

  /** Ends the link for good. `forget`: the master, if it listens, stops to record changes; else it waits for us. */
  async close({ forget }: { readonly forget: boolean }): Promise<void> {
    this.#closed = true;
    this.#stopRetry();
    this.#stopWatch();
    const link = this.#link;
    if (link) {
      const { epoch } = this.#dataset.state;
      if (forget) {
        await link.session
          .request('stream.close', { scenarioId: this.#scenarioId, epoch }, { timeoutMs: closeTimeoutMs })
          .catch(() => {});
      }
      await link.session.send(makeFrame(frameTypes.bye)).catch(() => {});
      link.session.close('the replica receives no more');
    }
    await this.#pumping;
  }

  async #dial(): Promise<void> {
    // What the last link left is either taken or dropped before we say where we are.
    await this.#pumping;
    const { clock, network, node } = this.#parties;
    const { plan, epoch } = this.#dataset.state;
    const connection = await network.connect(plan.master);
    const session = await openSession(connection, { clock, node, purpose: 'data', handlers: this.#handlers });
    // The master may have been started anew, and its clock with it.
    this.#age.forget();
    const link: Link = { session, frames: [], queuedBytes: 0, paused: false, failed: false };
    let ready = false;
    session.onFrame((frame) => {
      this.#receive(link, frame);
      if (ready) this.#pump(link);
    });
    try {
      const opened = await session.request('stream.open', {
        scenarioId: this.#scenarioId,
        epoch,
        disks: plan.disks.map(({ diskId, bytes }) => ({ diskId, bytes })),
        spoolBytesMax: plan.spoolBytesMax ?? spoolBytesMaxDefault,
        ...(await this.#dataset.whereTo()),
      });
      await this.#dataset.opened(opened);
      if (opened.fallback && !this.#toldFallback) {
        this.#toldFallback = true;
        this.#onFact({ type: 'replica.comparing', fault: opened.fallback });
      }
    } catch (thrown) {
      session.close(toFault(thrown).code);
      throw thrown;
    }
    if (this.#closed) return session.close('the replica receives no more');
    ready = true;
    this.#link = link;
    this.#newsAtMs = clock.nowMs();
    this.#watchSilence(link);
    session.onClosed((reason) => this.#lost(link, reason));
    this.#pump(link);
  }

  readonly #handlers: Handlers = {
    'stream.news': (news) => {
      const { clock } = this.#parties;
      const { comparing, spoolFull, spoolBytesMax, nowNs, lastSequence } = news;
      const before = this.#news;
      this.#news = news;
      this.#newsAtMs = clock.nowMs();
      this.#age.heard(BigInt(nowNs), clock.monotonicNs());
      if (comparing !== undefined && before?.comparing === undefined) {
        // No point is made between a loss and the end of the comparison.
        this.#dataset.fellBehind(lastSequence);
        this.#onFact({ type: 'replica.resynchronizing', reason: comparing });
      }
      if (spoolFull && !before?.spoolFull) {
        this.#onFact({ type: 'replica.spoolFull', fault: fault('spoolFull', { spoolBytesMax }) });
      }
      return {};
    },
  };

  #watchSilence(link: Link): void {
    this.#stopWatch = this.#parties.clock.after(silenceMs / 4, () => {
      if (this.#link !== link) return;
      // While we do not read, it is not the master that is silent.
      if (link.paused) this.#newsAtMs = this.#parties.clock.nowMs();
      if (this.#parties.clock.nowMs() - this.#newsAtMs >= silenceMs) link.session.close('no news from the master');
      else this.#watchSilence(link);
    });
  }

  #receive(link: Link, frame: Frame): void {
    if (frame.type === frameTypes.error) {
      const told = faultOf(decodeJson(frame.payload, link.session.peer)['fault']);
      if (told.fault.duration === 'permanent') this.#fail(link, told);
      else link.session.close(told.fault.code);
      return;
    }
    if (frame.type === frameTypes.bye) return link.session.close('closed by the master');
    link.frames.push(frame);
    link.queuedBytes += frame.payload.length;
    if (link.queuedBytes > queuedBytesMax && !link.paused) {
      link.paused = true;
      link.session.pause();
    }
  }

  #pump(link: Link): void {
    this.#pumping = this.#pumping.then(() =>
      this.#takeAll(link).catch((thrown: unknown) => {
        const value = toFault(thrown);
        // A frame that came wrong comes again after the next dial; what failed here does not mend by itself.
        if (value.code === 'protocolError') link.session.fail(value);
        else if (!link.session.closed) this.#fail(link, thrown);
        link.frames.length = 0;
      }),
    );
  }

  async #takeAll(link: Link): Promise<void> {
    const { plan } = this.#dataset.state;
    const flushAt = Math.min(unflushedBytesMax, Math.floor((plan.spoolBytesMax ?? spoolBytesMaxDefault) / 4));
    let pointWaits = false;
    for (let frame = link.frames.shift(); frame && !link.failed; frame = link.frames.shift()) {
      if (link.session.closed) link.frames.length = 0;
      link.queuedBytes -= frame.payload.length;
      if (link.paused && link.queuedBytes < queuedBytesMax / 2) {
        link.paused = false;
        link.session.resume();
      }
      const durable = await this.#dataset.take(frame, flushAt);
      if (frame.type === frameTypes.point) pointWaits = true;
      if (durable !== undefined) {
        pointWaits = false;
        await this.#acknowledge(link, durable);
      } else if (pointWaits && link.frames.length === 0) {
        // One flush for all points that have come meanwhile.
        pointWaits = false;
        await this.#acknowledge(link, await this.#dataset.flush());
      }
    }
    if (pointWaits) await this.#acknowledge(link, await this.#dataset.flush());
  }

  async #acknowledge(link: Link, sequence: number): Promise<void> {
    for (const waiter of this.#waiters.filter((one) => one.sequence <= sequence)) waiter.done();
    this.#waiters = this.#waiters.filter((one) => one.sequence > sequence);
    await link.session.send(makeFrame(frameTypes.ack, { sequence })).catch(() => {});
  }

  #durable(point: ConsistentPoint, timeoutMs: number): Promise<void> {
    if ((this.#dataset.durablePoint?.sequence ?? -1) >= point.sequence) return Promise.resolve();
    return new Promise((done, fail) => {
      const stopTimer = this.#parties.clock.after(timeoutMs, () =>
        fail(new PartyFault('timedOut', { what: 'receiving the journals of the master' })),
      );
      const settle = (): void => (stopTimer(), done());
      this.#waiters.push({ sequence: point.sequence, done: settle, fail: (why) => (stopTimer(), fail(why)) });
    });
  }

  #lost(link: Link, reason: string): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#stopWatch();
    const { host } = this.#dataset.state.plan.master;
    for (const waiter of this.#waiters.splice(0)) waiter.fail(new PartyFault('unreachable', { host, reason }));
    if (this.#closed || link.failed) return;
    this.#whyDown = reason;
    this.#onFact({ type: 'replica.disconnected', reason });
    this.#retry(backOffMs.first);
  }

  #retry(delayMs: number): void {
    this.#stopRetry = this.#parties.clock.after(delayMs, () => {
      if (this.#closed) return;
      this.#dial().then(
        () => {
          if (!this.#closed) this.#onFact({ type: 'replica.reconnected' });
        },
        (thrown: unknown) => {
          if (this.#closed) return;
          const value = toFault(thrown);
          this.#whyDown = value.code;
          if (value.duration === 'permanent') this.#tellFailed(value);
          else this.#retry(Math.min(delayMs * 2, backOffMs.most));
        },
      );
    });
  }

  #fail(link: Link, thrown: unknown): void {
    if (link.failed || this.#closed) return;
    link.failed = true;
    const value = toFault(thrown);
    link.session.close(value.code);
    this.#tellFailed(value);
  }

  #tellFailed(value: Fault): void {
    this.#ended = true;
    this.#onFact({ type: 'replica.failed', fault: value });
  }
}
