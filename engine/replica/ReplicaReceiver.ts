import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Network } from '#machines/parties/network.ts';
import type { Replica } from '#machines/parties/replica.ts';
import type { ReplicaDisks } from '#machines/parties/replicaDisk.ts';
import type { ConsistentPoint, ScenarioId } from '#machines/vocabulary.ts';
import { ReplicaDataset } from './ReplicaDataset.ts';
import type { ReplicaFact, ReplicaStatus } from './ReplicaStream.ts';
import { ReplicaStream } from './ReplicaStream.ts';
import type { ReceivePlan, ReplicaState } from './replicaState.ts';
import { freshState, ReplicaStateFile } from './replicaState.ts';

export type ReceiverOptions = {
  readonly network: Network;
  readonly replicaDisks: ReplicaDisks;
  readonly files: Files;
  readonly clock: Clock;
  /** How the appliance's engine calls itself. */
  readonly node: string;
  /** Holds a folder for each scenario. */
  readonly stateFolder: string;
  readonly onFact: (scenarioId: ScenarioId, fact: ReplicaFact) => void;
};

type Receiving = { readonly dataset: ReplicaDataset; readonly stream: ReplicaStream };
type Entry = { stateFile: ReplicaStateFile | undefined; receiving: Receiving | undefined; turn: Promise<unknown> };

/** The appliance's receiving end for all its scenarios. */
export class ReplicaReceiver implements Replica {
  readonly #options: ReceiverOptions;
  readonly #entries = new Map<ScenarioId, Entry>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  receive(plan: ReceivePlan, intent: Intent): Promise<void> {
    return this.#inTurn(intent, async (entry, stateFile) => {
      const known = stateFile.value;
      if (known?.finished && known.epoch === intent.epoch) {
        const object = `replica of scenario ${intent.scenarioId}`;
        throw new PartyFault('invalidState', { object, reason: 'it was brought to its last point and closed' });
      }
      if (known && entry.receiving) {
        const same = sameDisks(known, plan);
        if (same && !entry.receiving.stream.ended) {
          if (known.epoch !== intent.epoch) await stateFile.update({ epoch: intent.epoch });
          return entry.receiving.stream.tellLink();
        }
        await this.#stopReceiving(entry, { forget: !same });
      }
      await this.#adopt(stateFile, plan, intent);
      await this.#startReceiving(entry, stateFile, intent.scenarioId);
    });
  }

  freeze(intent: Intent): Promise<{ readonly point: ConsistentPoint | null }> {
    return this.#inTurn(intent, async (entry, stateFile) => {
      const state = stateFile.value;
      if (state && !state.finished && !state.frozen) {
        await this.#letGo(entry, stateFile, intent, (dataset) => dataset.freeze(intent.epoch), { forget: false });
      } else if (state && state.closedInEpoch !== intent.epoch) {
        await stateFile.update({ closedInEpoch: intent.epoch });
      }
      return { point: stateFile.value?.point ?? null };
    });
  }

  /** Faults with `waitForJournals`: `unreachable`, `timedOut`, `invalidState`; the replica goes on receiving then. */
  finish(
    { waitForJournals }: { readonly waitForJournals: boolean },
    intent: Intent,
  ): Promise<{ readonly point: ConsistentPoint | null }> {
    return this.#inTurn(intent, async (entry, stateFile) => {
      const state = stateFile.value;
      if (!state) return { point: null };
      if (!state.finished) {
        if (state.frozen) {
          // The disks are somebody else's already, and what the master still holds is none of theirs.
          await stateFile.update({ finished: true, closedInEpoch: intent.epoch });
          await this.#removeJournal(intent.scenarioId);
        } else {
          if (waitForJournals) await this.#drainMaster(entry, state, intent);
          await this.#letGo(entry, stateFile, intent, (dataset) => dataset.finish(intent.epoch), { forget: true });
        }
      }
      return { point: stateFile.value?.point ?? null };
    });
  }

  stop(intent: Intent): Promise<void> {
    return this.#inTurn(intent, async (entry, stateFile) => {
      await this.#stopReceiving(entry, { forget: true });
      if (stateFile.value?.frozen && !stateFile.value.finished) await stateFile.update({ frozen: false });
    });
  }

  /** What is known now of a scenario that is being received, or frozen. */
  status(scenarioId: ScenarioId): ReplicaStatus | undefined {
    const entry = this.#entry(scenarioId);
    if (entry.receiving) return entry.receiving.stream.status;
    // After a restart nobody may have asked for anything yet: what was frozen is known by the next time.
    if (!entry.stateFile) entry.turn = entry.turn.then(() => this.#load(entry, scenarioId)).catch(() => {});
    const state = entry.stateFile?.value;
    return state?.frozen && !state.finished ? this.#frozenStatus(state) : undefined;
  }

  /** The engine stops: all disks are closed as they are, and a later process goes on. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values())
      await entry.turn.then(() => this.#stopReceiving(entry, { forget: false }));
  }

  #frozenStatus({ plan, point, pointAtMs, replicatedBytes }: ReplicaState): ReplicaStatus {
    const totalBytes = plan.disks.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      synchronization: { doneBytes: point ? totalBytes : 0, totalBytes, bytesPerSecond: 0 },
      ...(pointAtMs === undefined
        ? {}
        : { replicationLagMs: Math.max(0, Math.round(this.#options.clock.nowMs() - pointAtMs)) }),
      ...(point ? { consistentPoint: point } : {}),
      replicatedBytes,
      link: 'disconnected',
      frozen: true,
    };
  }

  /** Ends the stream, then settles and closes the disks; they are closed even when that fails. */
  async #letGo(
    entry: Entry,
    stateFile: ReplicaStateFile,
    { scenarioId }: Intent,
    settle: (dataset: ReplicaDataset) => Promise<void>,
    how: { readonly forget: boolean },
  ): Promise<void> {
    const { receiving } = entry;
    await receiving?.stream.close(how);
    entry.receiving = undefined;
    const dataset = receiving?.dataset ?? (await this.#openDataset(stateFile, scenarioId));
    try {
      await settle(dataset);
    } finally {
      await dataset.close();
    }
  }

  async #drainMaster(entry: Entry, { plan }: ReplicaState, intent: Intent): Promise<void> {
    const timeoutMs = intent.deadlineAtMs - this.#options.clock.nowMs();
    const { host } = plan.master;
    if (!entry.receiving) throw new PartyFault('unreachable', { host, reason: 'the replica is not receiving' });
    await entry.receiving.stream.drainMaster(Math.max(timeoutMs, 1));
  }

  /** Remembers plan and epoch before anything is done with them. */
  async #adopt(stateFile: ReplicaStateFile, plan: ReceivePlan, { epoch, scenarioId }: Intent): Promise<void> {
    const known = stateFile.value;
    // After a finish the disks were somebody else's: what is known of them does not hold any more.
    if (known && !known.finished && sameDisks(known, plan)) return stateFile.update({ plan, epoch, frozen: false });
    // Records for other disks, or for what the disks were.
    await this.#removeJournal(scenarioId);
    await stateFile.begin(freshState(plan, epoch));
  }

  async #removeJournal(scenarioId: ScenarioId): Promise<void> {
    const { files } = this.#options;
    const folder = `${this.#folder(scenarioId)}/inbound`;
    // From the back, so that a crash leaves no hole.
    for (const name of (await files.list(folder)).toReversed()) await files.remove(`${folder}/${name}`);
  }

  async #startReceiving(entry: Entry, stateFile: ReplicaStateFile, scenarioId: ScenarioId): Promise<void> {
    const dataset = await this.#openDataset(stateFile, scenarioId);
    const { clock, network, node } = this.#options;
    const stream = new ReplicaStream({ clock, network, node }, scenarioId, dataset, (fact) =>
      this.#tell(scenarioId, fact),
    );
    try {
      await stream.start();
      entry.receiving = { dataset, stream };
    } catch (thrown) {
      await stream.close({ forget: false });
      await dataset.close();
      throw thrown;
    }
  }

  #openDataset(stateFile: ReplicaStateFile, scenarioId: ScenarioId): Promise<ReplicaDataset> {
    return ReplicaDataset.open(this.#options, stateFile, this.#folder(scenarioId), (fact) =>
      this.#tell(scenarioId, fact),
    );
  }

  async #stopReceiving(entry: Entry, how: { readonly forget: boolean }): Promise<void> {
    const { receiving } = entry;
    entry.receiving = undefined;
    await receiving?.stream.close(how);
    await receiving?.dataset.close();
  }

  #tell(scenarioId: ScenarioId, fact: ReplicaFact): void {
    this.#options.onFact(scenarioId, fact);
  }

  #folder(scenarioId: ScenarioId): string {
    return `${this.#options.stateFolder}/${scenarioId}`;
  }

  #entry(scenarioId: ScenarioId): Entry {
    const entry = this.#entries.get(scenarioId) ?? {
      stateFile: undefined,
      receiving: undefined,
      turn: Promise.resolve(),
    };
    this.#entries.set(scenarioId, entry);
    return entry;
  }

  async #load(entry: Entry, scenarioId: ScenarioId): Promise<ReplicaStateFile> {
    entry.stateFile ??= await ReplicaStateFile.open(this.#options.files, this.#folder(scenarioId));
    return entry.stateFile;
  }

  /** One intent of a scenario after the other; an older epoch is refused. */
  async #inTurn<Result>(
    { scenarioId, epoch }: Intent,
    work: (entry: Entry, stateFile: ReplicaStateFile) => Promise<Result>,
  ): Promise<Result> {
    const entry = this.#entry(scenarioId);
    const result = entry.turn.then(async () => {
      const stateFile = await this.#load(entry, scenarioId);
      const ours = Math.max(stateFile.value?.epoch ?? 0, stateFile.value?.closedInEpoch ?? 0);
      if (epoch < ours) throw new PartyFault('staleEpoch', { theirs: epoch, ours });
      return work(entry, stateFile);
    });
    entry.turn = result.catch(() => {});
    return result;
  }
}

const sameDisks = (known: ReplicaState, plan: ReceivePlan): boolean =>
  JSON.stringify(known.plan.disks) === JSON.stringify(plan.disks);
