import type { SyncCursor } from '#engine/protocol/messages.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Replica } from '#machines/parties/replica.ts';
import type { ConsistentPoint, Epoch } from '#machines/vocabulary.ts';

export type ReceivePlan = Parameters<Replica['receive']>[0];

/** What must survive a crash of the appliance, beside the disks and the inbound journal. */
export type ReplicaState = {
  readonly epoch: Epoch;
  readonly plan: ReceivePlan;
  readonly streamId?: string;
  /**
   * `copying` writes straight to the disks; `comparing` is a copy over disks that hold a consistent point: what differs
   * goes to the journal, so that the point stays until the next one is complete.
   */
  readonly phase: 'copying' | 'comparing' | 'replicating';
  readonly cursor: SyncCursor;
  /** The copy was complete with this one; 0 before. */
  readonly doneSequence: number;
  /** Every epoch up to this one is on the disks. */
  readonly appliedSequence: number;
  /** What the disks hold, or would after the journal's epochs; null while they are a mixture. */
  readonly point: ConsistentPoint | null;
  /** The point's time on our wall clock, for the lag. */
  readonly pointAtMs?: number;
  readonly replicatedBytes: number;
  /** Of the master when the stream began: another one means that its host was started anew. */
  readonly masterBootId?: string;
  /** The disks stand still at the point, because somebody reads them; the journal keeps what comes after it. */
  readonly frozen: boolean;
  /** The disks were brought to their point and closed for good. */
  readonly finished: boolean;
  /** Newest epoch in which the disks were promised to somebody: an older one has no say any more. */
  readonly closedInEpoch?: Epoch;
};

export const freshState = (plan: ReceivePlan, epoch: Epoch): ReplicaState => ({
  epoch,
  plan,
  phase: 'copying',
  cursor: { disk: 0, offset: 0 },
  doneSequence: 0,
  appliedSequence: 0,
  point: null,
  replicatedBytes: 0,
  frozen: false,
  finished: false,
});

/** The state of one scenario in a file, replaced as a whole. Faults: `diskFull`. */
export class ReplicaStateFile {
  readonly #files: Files;
  readonly #path: string;
  #value: ReplicaState | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  static async open(files: Files, folder: string): Promise<ReplicaStateFile> {
    const file = new ReplicaStateFile(files, `${folder}/state.json`);
    const bytes = await files.read(file.#path);
    if (bytes) file.#value = JSON.parse(new TextDecoder().decode(bytes)) as ReplicaState;
    return file;
  }

  get value(): ReplicaState | undefined {
    return this.#value;
  }

  /** Begins anew. Resolves when the state is durable; until then the old one stands. */
  begin(value: ReplicaState): Promise<void> {
    return this.#write(() => value);
  }

  /** Changes some of it, the rest as it is by then: the stream and an intent may both have something to remember. */
  update(change: Partial<ReplicaState>): Promise<void> {
    return this.#write(() => ({ ...this.#value!, ...change }));
  }

  #write(next: () => ReplicaState): Promise<void> {
    const written = this.#turn.then(async () => {
      const value = next();
      await this.#files.write(this.#path, new TextEncoder().encode(JSON.stringify(value)));
      this.#value = value;
    });
    this.#turn = written.catch(() => {});
    return written;
  }
}
