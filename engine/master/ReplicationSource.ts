import { Spool } from '#engine/core/spool.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import { frameTypes, makeFrame } from '#engine/protocol/frame.ts';
import type { StreamNews, StreamOpened, StreamOpening, SyncCursor } from '#engine/protocol/messages.ts';
import type { Session } from '#engine/protocol/session.ts';
import type { Fault } from '#machines/faults.ts';
import { PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Files } from '#machines/parties/files.ts';
import type { ChangeFeed, Master, SourceDisk } from '#machines/parties/master.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { blockFrames } from './blockFrames.ts';
import { ChangeCapture } from './ChangeCapture.ts';
import type { Digest } from './digestMap.ts';
import { DigestMap } from './digestMap.ts';

const copyReadBytes = 1024 * 1024;
const markBytes = 64 * 1024 * 1024;
const markIntervalMs = 1_000;
const newsIntervalMs = 1_000;
/** A replica that answers no news for so long is gone, whatever TCP says. */
const newsTimeoutMs = 30_000;

export type SourceParties = {
  readonly master: Master;
  readonly files: Files;
  readonly clock: Clock;
  readonly digest: Digest;
};

type Link = { readonly session: Session; open: boolean; stopWaiting: () => void; stopNews: () => void };

/**
 * The serving end of one data stream: the copy of the whole volumes, then their changes in order. It outlives the
 * connections to the replica; what it knows of changes ends with it, so another stream begins with a copy again.
 */
export class ReplicationSource {
  readonly streamId: string;
  readonly #parties: SourceParties;
  readonly #opening: StreamOpening;
  readonly #disks: readonly SourceDisk[];
  readonly #feed: ChangeFeed | undefined;
  readonly #fallback: Fault | undefined;
  readonly #bootId: string;
  readonly #digests: DigestMap;
  readonly #spool: Spool;
  readonly #capture: ChangeCapture;
  readonly #onFailed: (value: Fault) => void;
  #link: Link | undefined;
  #doneSequence: number | undefined;
  #acknowledged = 0;
  #closed = false;

  private constructor(
    parties: SourceParties,
    opening: StreamOpening,
    own: {
      readonly streamId: string;
      readonly disks: readonly SourceDisk[];
      readonly feed: ChangeFeed | undefined;
      readonly fallback: Fault | undefined;
      readonly bootId: string;
      readonly spool: Spool;
      readonly onFailed: (value: Fault) => void;
    },
  ) {
    this.streamId = own.streamId;
    this.#parties = parties;
    this.#opening = opening;
    this.#disks = own.disks;
    this.#feed = own.feed;
    this.#fallback = own.fallback;
    this.#bootId = own.bootId;
    this.#spool = own.spool;
    this.#onFailed = own.onFailed;
    this.#digests = new DigestMap(
      parties.digest,
      own.disks.map((disk) => disk.bytes),
    );
    this.#capture = new ChangeCapture({
      clock: parties.clock,
      disks: own.disks,
      feed: own.feed,
      digests: this.#digests,
      spool: own.spool,
      epoch: opening.epoch,
      connected: () => this.#link !== undefined,
      onNews: () => this.#tellNews(),
      onFailed: (thrown) => this.#fail(thrown),
    });
  }

  /**
   * Opens the disks and begins to record their changes, before anything is copied.
   * Faults: `diskMissing`, `diskChanged`, `invalidSpec`.
   */
  static async open(
    parties: SourceParties,
    opening: StreamOpening,
    own: { readonly streamId: string; readonly folder: string; readonly onFailed: (value: Fault) => void },
  ): Promise<ReplicationSource> {
    const { master, files } = parties;
    if (opening.disks.length === 0) throw new PartyFault('invalidSpec', { field: 'disks', reason: 'there is none' });
    const diskIds = opening.disks.map((disk) => disk.diskId);
    const disks: SourceDisk[] = [];
    let feed: ChangeFeed | undefined;
    let fallback: Fault | undefined;
    const { bootId } = await master.describe();
    try {
      for (const { diskId, bytes } of opening.disks) {
        const disk = await master.openDisk(diskId);
        disks.push(disk);
        if (disk.bytes !== bytes) {
          throw new PartyFault('diskChanged', { disk: diskId, expectedBytes: bytes, actualBytes: disk.bytes });
        }
      }
      try {
        feed = await master.trackChanges(diskIds);
      } catch (thrown) {
        fallback = toFault(thrown);
        if (fallback.code !== 'traceNotPermitted') throw thrown;
      }
      // What an earlier process left belongs to a stream that nobody can go on with.
      for (const name of await files.list(own.folder)) await files.remove(`${own.folder}/${name}`);
      const spool = await Spool.open({ files, folder: own.folder, checksum: crc32, bytesMax: opening.spoolBytesMax });
      return new ReplicationSource(parties, opening, { ...own, disks, feed, fallback, bootId, spool });
    } catch (thrown) {
      await feed?.close();
      for (const disk of disks) await disk.close();
      throw thrown;
    }
  }

  /** Why the stream cannot go on from where the replica is; undefined when it can. */
  whyNot(opening: StreamOpening): string | undefined {
    if (opening.streamId !== this.streamId) return `the master does not know stream ${opening.streamId}`;
    if (JSON.stringify(opening.disks) !== JSON.stringify(this.#opening.disks))
      return 'the disks of the scenario changed';
    const { durableSequence } = opening;
    if (durableSequence === undefined) {
      return this.#acknowledgedDone() ? 'the replica has lost its synchronization' : undefined;
    }
    if (this.#doneSequence === undefined || durableSequence > this.#capture.sequence) {
      return 'the replica states more than was sent to it';
    }
    return durableSequence < this.#acknowledged ? 'the replica has lost what it had acknowledged' : undefined;
  }

  /** Goes on with the stream over this session, in place of any other. The data follows after the answer. */
  attach(session: Session, opening: StreamOpening): StreamOpened {
    this.#detach('a newer connection took over');
    const link: Link = { session, open: true, stopWaiting: () => {}, stopNews: () => {} };
    this.#link = link;
    session.onFrame((frame) => this.#receive(frame));
    session.onClosed(() => {
      link.open = false;
      link.stopWaiting();
      link.stopNews();
      if (this.#link === link) this.#link = undefined;
    });
    const { durableSequence } = opening;
    if (durableSequence !== undefined) this.#acknowledge(durableSequence);
    this.#parties.clock.after(0, () => {
      this.#serve(link, opening.syncCursor ?? { disk: 0, offset: 0 }, durableSequence).catch((thrown: unknown) => {
        if (link.open) this.#fail(thrown);
      });
    });
    this.#newsForEver(link);
    return {
      streamId: this.streamId,
      start: durableSequence === undefined ? 'copy' : 'changes',
      changeSource: this.#feed ? 'trace' : 'compare',
      bootId: this.#bootId,
      ...(this.#fallback ? { fallback: this.#fallback } : {}),
    };
  }

  /** A point of everything completed by now; it is in the spool, on its way. */
  flush(): Promise<ConsistentPoint> {
    return this.#capture.flush();
  }

  async close(reason = 'closed'): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#capture.close();
    this.#detach(reason);
    await this.#feed?.close();
    await this.#spool.clear();
    await this.#spool.close();
    for (const disk of this.#disks) await disk.close();
  }

  #detach(reason: string): void {
    this.#link?.session.close(reason);
    if (this.#link) this.#link.open = false;
    this.#link = undefined;
  }

  #fail(thrown: unknown): void {
    if (this.#closed) return;
    const value = toFault(thrown);
    this.#link?.session.fail(value);
    this.#onFailed(value);
  }

  async #serve(link: Link, cursor: SyncCursor, durableSequence: number | undefined): Promise<void> {
    let next = durableSequence;
    if (next === undefined) {
      await this.#copy(link, cursor);
      next = this.#capture.sequence;
    }
    while (link.open) {
      for await (const record of this.#spool.readFrom(next + 1)) {
        if (!link.open) return;
        await link.session.sendEncoded(record.bytes);
        next = record.sequence;
      }
      const { ready, stop } = this.#spool.waitAfter(next);
      link.stopWaiting = stop;
      if (!link.open) return;
      await ready;
    }
  }

  /** Volume-level synchronization: all disks in order, from the cursor on, while their changes are recorded. */
  async #copy(link: Link, cursor: SyncCursor): Promise<void> {
    const { clock } = this.#parties;
    let marked = { bytes: 0, atMs: clock.nowMs() };
    let copied = 0;
    for (const [number, disk] of this.#disks.entries()) {
      if (number < cursor.disk) continue;
      const from = number === cursor.disk ? cursor.offset : 0;
      for await (const { offset, bytes } of readAhead(disk, from)) {
        if (!link.open) return;
        this.#digests.sent(number, offset, bytes);
        for (const frame of blockFrames(number, offset, bytes)) await this.#sendCopied(link, frame);
        copied += bytes.length;
        if (copied - marked.bytes < markBytes && clock.nowMs() - marked.atMs < markIntervalMs) continue;
        marked = { bytes: copied, atMs: clock.nowMs() };
        await this.#sendCopied(link, makeFrame(frameTypes.syncMark, { disk: number, offset: offset + bytes.length }));
      }
    }
    this.#doneSequence = this.#capture.sequence + 1;
    await this.#sendCopied(link, makeFrame(frameTypes.syncDone));
  }

  async #sendCopied(link: Link, frame: Frame): Promise<void> {
    await link.session.send({ ...frame, sequence: this.#capture.nextSequence(), epoch: this.#opening.epoch });
  }

  #receive(frame: Frame): void {
    if (frame.type === frameTypes.ack) this.#acknowledge(frame.sequence);
    else if (frame.type === frameTypes.bye || frame.type === frameTypes.error) this.#detach('closed by the replica');
    else throw new PartyFault('protocolError', { peer: 'replica', reason: `unexpected frame of type ${frame.type}` });
  }

  #acknowledge(sequence: number): void {
    if (sequence > this.#capture.sequence) {
      throw new PartyFault('protocolError', { peer: 'replica', reason: 'more was acknowledged than was sent' });
    }
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
    if (!this.#acknowledgedDone()) return;
    this.#capture.start();
    this.#capture.acknowledged(sequence);
    this.#spool.dropThrough(sequence).catch((thrown: unknown) => this.#fail(thrown));
  }

  #acknowledgedDone(): boolean {
    return this.#doneSequence !== undefined && this.#acknowledged >= this.#doneSequence;
  }

  #newsForEver(link: Link): void {
    this.#tellNews();
    link.stopNews = this.#parties.clock.after(newsIntervalMs, () => {
      if (link.open) this.#newsForEver(link);
    });
  }

  #tellNews(): void {
    const link = this.#link;
    if (!link?.open) return;
    const { comparing, spoolFull } = this.#capture;
    const news: StreamNews = {
      nowNs: String(this.#parties.clock.monotonicNs()),
      spoolBytes: this.#spool.bytes,
      spoolBytesMax: this.#spool.bytesMax,
      lastSequence: this.#capture.sequence,
      ...(comparing === undefined ? {} : { comparing }),
      ...(spoolFull ? { spoolFull } : {}),
    };
    link.session.request('stream.news', news, { timeoutMs: newsTimeoutMs }).catch((thrown: unknown) => {
      if (toFault(thrown).code === 'timedOut') link.session.close('the replica does not answer');
    });
  }
}

/** A disk in large pieces, the next one being read while the caller is busy with the one before. */
async function* readAhead(
  disk: SourceDisk,
  from: number,
): AsyncGenerator<{ readonly offset: number; readonly bytes: Uint8Array }, void, undefined> {
  const read = (offset: number): Promise<Uint8Array> | undefined => {
    if (offset >= disk.bytes) return undefined;
    const reading = disk.read(offset, Math.min(copyReadBytes, disk.bytes - offset));
    // Told to whoever awaits it; nobody may be left to when the link has gone.
    reading.catch(() => {});
    return reading;
  };
  let ahead = read(from);
  for (let offset = from; ahead; offset += copyReadBytes) {
    const bytes = await ahead;
    ahead = read(offset + copyReadBytes);
    yield { offset, bytes };
  }
}
