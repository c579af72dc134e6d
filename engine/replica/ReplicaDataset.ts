import { Rate } from '#engine/core/rate.ts';
import { isZero } from '#engine/core/isZero.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { frameFlags, frameTypes } from '#engine/protocol/frame.ts';
import type { Progress, StreamOpened, StreamOpening } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Files } from '#machines/parties/files.ts';
import type { ReplicaDisk, ReplicaDisks } from '#machines/parties/replicaDisk.ts';
import type { ConsistentPoint, Epoch } from '#machines/vocabulary.ts';
import { InboundJournal } from './InboundJournal.ts';
import type { ReplicaState, ReplicaStateFile } from './replicaState.ts';

const compareBytes = 64 * 1024;

export type DatasetFact =
  | { readonly type: 'replica.synchronized'; readonly bytes: number }
  | { readonly type: 'replica.caughtUp'; readonly point: ConsistentPoint }
  | { readonly type: 'replica.masterRebooted' }
  | { readonly type: 'replica.resynchronizing'; readonly reason: string };

/**
 * The disks of one scenario, with the journal and the state that make them durable. Frames go in one after the other;
 * what `take` answers is durable and may be acknowledged.
 */
export class ReplicaDataset {
  readonly #clock: Clock;
  readonly #stateFile: ReplicaStateFile;
  readonly #journal: InboundJournal;
  readonly #disks: readonly ReplicaDisk[];
  readonly #onFact: (fact: DatasetFact) => void;
  readonly #rate = new Rate();
  readonly #totalBytes: number;
  #copiedBytes: number;
  #applying: Promise<void> = Promise.resolve();
  #applyFailed: { readonly thrown: unknown } | undefined;
  /** What a comparison has journalled: sent once more, it is never skipped for being like the disk. */
  readonly #journalled: Set<string>;
  #caughtUp: boolean;
  #closed = false;
  /** A point must come after it to say that the replica has caught up. */
  #behindThrough = 0;
  #durablePoint: ConsistentPoint | null;
  /** Our wall clock when the durable point was made. */
  #durablePointAtMs: number | undefined;
  /** How old a point that has just arrived is; undefined when the link cannot tell. */
  ageMs: (point: ConsistentPoint) => number | undefined = () => undefined;

  private constructor(
    clock: Clock,
    stateFile: ReplicaStateFile,
    journal: InboundJournal,
    disks: readonly ReplicaDisk[],
    journalled: Set<string>,
    onFact: (fact: DatasetFact) => void,
  ) {
    this.#journalled = journalled;
    this.#clock = clock;
    this.#stateFile = stateFile;
    this.#journal = journal;
    this.#disks = disks;
    this.#onFact = onFact;
    this.#totalBytes = disks.reduce((sum, disk) => sum + disk.bytes, 0);
    this.#copiedBytes = this.#bytesBefore(this.state.cursor.disk, this.state.cursor.offset);
    this.#caughtUp = this.state.phase === 'replicating' && this.state.point !== null && !this.#journalHoldsCopy();
    this.#durablePoint = journal.lastPoint ?? this.state.point;
    this.#durablePointAtMs = this.state.pointAtMs;
  }

  /** Proves and opens the disks and the journal. Faults: `replicaDiskUnproven`, `diskFull`. */
  static async open(
    parties: { readonly clock: Clock; readonly files: Files; readonly replicaDisks: ReplicaDisks },
    stateFile: ReplicaStateFile,
    folder: string,
    onFact: (fact: DatasetFact) => void,
  ): Promise<ReplicaDataset> {
    const disks: ReplicaDisk[] = [];
    try {
      for (const { locator } of stateFile.value!.plan.disks) disks.push(await parties.replicaDisks.open(locator));
      const journalled = new Set<string>();
      const journal = await InboundJournal.open(parties.files, `${folder}/inbound`, (frame) => {
        if (stateFile.value!.phase === 'comparing') for (const piece of pieces(frame)) journalled.add(piece.key);
      });
      return new ReplicaDataset(parties.clock, stateFile, journal, disks, journalled, onFact);
    } catch (thrown) {
      for (const disk of disks) await disk.close();
      throw thrown;
    }
  }

  get state(): ReplicaState {
    return this.#stateFile.value!;
  }

  get journalBytes(): number {
    return this.#journal.bytes;
  }

  /** The newest point that is durable here, in the journal or on the disks. */
  get durablePoint(): ConsistentPoint | null {
    return this.#durablePoint;
  }

  /** Now minus the time of the durable point. */
  get lagMs(): number | undefined {
    if (this.#durablePoint === null || this.#durablePointAtMs === undefined) return undefined;
    return Math.max(0, this.#clock.nowMs() - this.#durablePointAtMs);
  }

  get progress(): Progress {
    const done = this.state.phase === 'replicating' ? this.#totalBytes : this.#copiedBytes;
    return this.#rate.progress(done, this.#totalBytes);
  }

  /** Facts that an earlier process may not have told. */
  tellMilestones(): void {
    if (this.state.phase === 'comparing') {
      this.#onFact({ type: 'replica.resynchronizing', reason: 'the comparison goes on' });
    }
    if (this.state.phase !== 'replicating') return;
    this.#onFact({ type: 'replica.synchronized', bytes: this.#totalBytes });
    const { point } = this.state;
    if (this.#caughtUp && point) this.#onFact({ type: 'replica.caughtUp', point });
    else this.#applySoon();
  }

  /** What is durable here, for the master to go on from. */
  async whereTo(): Promise<Pick<StreamOpening, 'streamId' | 'syncCursor' | 'durableSequence'>> {
    const { streamId, phase, cursor } = this.state;
    if (streamId === undefined) return {};
    if (phase !== 'replicating') {
      // The copy goes on from its mark; what came after it is sent again.
      this.#copiedBytes = this.#bytesBefore(cursor.disk, cursor.offset);
      return { streamId, syncCursor: cursor };
    }
    await this.#journal.flush();
    return { streamId, durableSequence: this.#lastSequence() };
  }

  /** The master answered: the same stream goes on, or another one begins with a copy. */
  async opened({ streamId, start, reason, bootId }: StreamOpened): Promise<void> {
    const { state } = this;
    if (streamId === state.streamId) {
      if ((start === 'changes') !== (state.phase === 'replicating')) {
        throw new PartyFault('protocolError', { peer: 'master', reason: `the stream cannot start with ${start}` });
      }
      return;
    }
    await this.settle();
    await this.#journal.clear();
    this.#journalled.clear();
    this.#caughtUp = false;
    this.#behindThrough = 0;
    this.#copiedBytes = 0;
    const { point, masterBootId } = this.state;
    this.#durablePoint = point;
    // Told before it is remembered: rather twice than not at all.
    if (masterBootId !== undefined && masterBootId !== bootId) this.#onFact({ type: 'replica.masterRebooted' });
    await this.#stateFile.update({
      streamId,
      masterBootId: bootId,
      phase: point === null ? 'copying' : 'comparing',
      cursor: { disk: 0, offset: 0 },
      doneSequence: 0,
      appliedSequence: 0,
    });
    if (state.streamId !== undefined) {
      this.#onFact({ type: 'replica.resynchronizing', reason: reason ?? 'another stream begins' });
    }
  }

  /**
   * Takes one frame. Answers the sequence that is durable now when the frame asks for an acknowledgement.
   * Faults: `protocolError`, `diskFull`.
   */
  async take(frame: Frame, unflushedBytesMax: number): Promise<number | undefined> {
    switch (frame.type) {
      case frameTypes.data:
      case frameTypes.zero:
        this.#check(frame);
        if (this.state.phase === 'replicating') return this.#takeRecord(frame, unflushedBytesMax);
        await this.#takeCopied(frame);
        return undefined;
      case frameTypes.point:
        if (this.state.phase !== 'replicating') throw malformed('a point during the copy');
        return this.#takeRecord(frame, unflushedBytesMax);
      case frameTypes.syncMark:
      case frameTypes.syncDone:
        if (this.state.phase === 'replicating') throw malformed('a mark of the copy after its end');
        return this.#takeMark(frame);
      default:
        throw malformed(`unexpected frame of type ${frame.type}`);
    }
  }

  /** The master has missed changes: only a point after this sequence holds what its comparison found. */
  fellBehind(sequence: number): void {
    this.#caughtUp = false;
    this.#behindThrough = sequence;
  }

  /** Makes what was appended durable. Answers the sequence to acknowledge. */
  async flush(): Promise<number> {
    if (this.#applyFailed) throw this.#applyFailed.thrown;
    const sequence = this.#lastSequence();
    const point = this.#journal.lastPoint;
    await this.#journal.flush();
    if (point) {
      const ageMs = this.ageMs(point);
      if (ageMs !== undefined) this.#durablePointAtMs = this.#clock.nowMs() - ageMs;
      this.#durablePoint = point;
      this.#applySoon();
    }
    return sequence;
  }

  /** Brings the disks to the newest point whose epoch is complete. */
  async settle(): Promise<void> {
    if (this.state.phase === 'replicating') await this.flush();
    await this.#applying;
    await this.#applyComplete();
  }

  /** The same, and closes the disks. What the journal holds beyond the point stays for the stream to go on. */
  async freeze(epoch: Epoch): Promise<void> {
    await this.settle();
    await this.close();
    await this.#stateFile.update({ frozen: true, closedInEpoch: epoch });
  }

  /** The same, for good: discards the incomplete epoch. */
  async finish(epoch: Epoch): Promise<void> {
    await this.settle();
    await this.#stateFile.update({ finished: true, closedInEpoch: epoch });
    await this.#journal.clear();
    await this.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#applying;
    await this.#journal.close();
    for (const disk of this.#disks) {
      await disk.flush();
      await disk.close();
    }
  }

  #applySoon(): void {
    this.#applying = this.#applying
      .then(() => this.#applyComplete())
      .catch((thrown: unknown) => {
        this.#applyFailed = { thrown };
      });
  }

  async #applyComplete(): Promise<void> {
    const point = this.#journal.lastPoint;
    const { state } = this;
    if (!point || point.sequence <= state.appliedSequence) return;
    const appliedBytes = await this.#journal.apply(state.appliedSequence, point, this.#disks);
    await this.#stateFile.update({
      appliedSequence: point.sequence,
      point,
      ...(this.#durablePointAtMs === undefined ? {} : { pointAtMs: this.#durablePointAtMs }),
      replicatedBytes: this.state.replicatedBytes + appliedBytes,
    });
    await this.#journal.drop(point.sequence);
    if (this.#caughtUp || point.sequence <= this.#behindThrough) return;
    this.#caughtUp = true;
    this.#onFact({ type: 'replica.caughtUp', point });
  }

  async #takeRecord(frame: Frame, unflushedBytesMax: number): Promise<number | undefined> {
    const last = this.#lastSequence();
    const follows = frame.sequence === last + 1 || ((frame.flags & frameFlags.gap) !== 0 && frame.sequence > last);
    if (!follows) throw malformed(`record ${frame.sequence} does not follow ${last}`);
    await this.#journal.append(frame);
    return this.#journal.unflushedBytes >= unflushedBytesMax ? this.flush() : undefined;
  }

  async #takeCopied(frame: Frame): Promise<void> {
    const disk = this.#disks[frame.disk]!;
    if (this.state.phase === 'comparing') await this.#journalDifferences(frame, disk);
    else if (frame.type === frameTypes.data) await disk.write(frame.offset, frame.payload);
    else await disk.zero(frame.offset, frame.rawLength);
    this.#copiedBytes += frame.rawLength;
    this.#rate.sample(this.#clock.nowMs(), this.#copiedBytes);
  }

  async #journalDifferences(frame: Frame, disk: ReplicaDisk): Promise<void> {
    for (const { key, at, length } of pieces(frame)) {
      if (!this.#journalled.has(key) && (await this.#same(frame, disk, at, length))) continue;
      // One record for the whole frame: its sequence can stand for one only.
      for (const piece of pieces(frame)) this.#journalled.add(piece.key);
      await this.#journal.append(frame);
      return;
    }
  }

  async #same(frame: Frame, disk: ReplicaDisk, at: number, length: number): Promise<boolean> {
    const ours = await disk.read(frame.offset + at, length);
    if (frame.type === frameTypes.zero) return isZero(ours);
    const theirs = frame.payload.subarray(at, at + length);
    return theirs.every((byte, index) => byte === ours[index]);
  }

  async #takeMark(frame: Frame): Promise<number> {
    if (this.state.phase === 'comparing') await this.#journal.flush();
    else for (const disk of this.#disks) await disk.flush();
    const replicatedBytes = this.state.replicatedBytes + this.#copiedBytes - this.#markedBytes();
    if (frame.type === frameTypes.syncMark) {
      const cursor = { disk: frame.disk, offset: frame.offset };
      await this.#stateFile.update({ cursor, replicatedBytes });
      return frame.sequence;
    }
    const { phase, appliedSequence } = this.state;
    await this.#stateFile.update({
      phase: 'replicating',
      doneSequence: frame.sequence,
      // What a comparison found is still to be applied, together with the first epoch.
      appliedSequence: phase === 'copying' ? frame.sequence : appliedSequence,
      replicatedBytes,
    });
    this.#journalled.clear();
    this.#onFact({ type: 'replica.synchronized', bytes: this.#totalBytes });
    return frame.sequence;
  }

  #check(frame: Frame): void {
    const disk = this.#disks[frame.disk];
    if (!disk) throw malformed(`there is no disk ${frame.disk}`);
    if (frame.offset + frame.rawLength > disk.bytes) throw malformed('a range past the end of the disk');
    const length = frame.type === frameTypes.data ? frame.rawLength : 0;
    if (frame.payload.length !== length) throw malformed('the payload does not fill its range');
  }

  #lastSequence(): number {
    return Math.max(this.state.doneSequence, this.state.appliedSequence, this.#journal.lastSequence);
  }

  #journalHoldsCopy(): boolean {
    return this.state.appliedSequence < this.state.doneSequence;
  }

  #markedBytes(): number {
    return this.#bytesBefore(this.state.cursor.disk, this.state.cursor.offset);
  }

  #bytesBefore(disk: number, offset: number): number {
    return this.#disks.slice(0, disk).reduce((sum, one) => sum + one.bytes, offset);
  }
}

/** The parts of a copied range that are compared; a copy always cuts a disk at the same places. */
function* pieces(frame: Frame): Generator<{ readonly key: string; readonly at: number; readonly length: number }> {
  for (let at = 0; at < frame.rawLength; at += compareBytes) {
    const length = Math.min(compareBytes, frame.rawLength - at);
    yield { key: `${frame.disk}:${frame.offset + at}`, at, length };
  }
}

function malformed(reason: string): PartyFault {
  return new PartyFault('protocolError', { peer: 'master', reason });
}
