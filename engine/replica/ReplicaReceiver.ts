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
      if (entry.receiving) {
        if (known && sameDisks(known, plan)) return;
        await this.#stopReceiving(entry, { forget: true });
      }
      await this.#adopt(stateFile, plan, intent);
      await this.#startReceiving(entry, stateFile, intent.scenarioId);
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
      if (state.finished) return { point: state.point };
      if (waitForJournals) await this.#drainMaster(entry, state, intent);
      if (entry.receiving) await entry.receiving.stream.close({ forget: true });
      const dataset = entry.receiving?.dataset ?? (await this.#openDataset(stateFile, intent.scenarioId));
      entry.receiving = undefined;
      return { point: await dataset.finish() };
    });
  }

  stop(intent: Intent): Promise<void> {
    return this.#inTurn(intent, (entry) => this.#stopReceiving(entry, { forget: true }));
  }

  /** What is known now of a scenario that is being received. */
  status(scenarioId: ScenarioId): ReplicaStatus | undefined {
    return this.#entries.get(scenarioId)?.receiving?.stream.status;
  }

  /** The engine stops: all disks are closed as they are, and a later process goes on. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values())
      await entry.turn.then(() => this.#stopReceiving(entry, { forget: false }));
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
    if (known && !known.finished && sameDisks(known, plan)) return stateFile.save({ ...known, plan, epoch });
    const { files } = this.#options;
    const folder = `${this.#folder(scenarioId)}/inbound`;
    // Records for other disks, or for what the disks were: from the back, so that a crash leaves no hole.
    for (const name of (await files.list(folder)).toReversed()) await files.remove(`${folder}/${name}`);
    await stateFile.save(freshState(plan, epoch));
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

  /** One intent of a scenario after the other; an older epoch is refused. */
  async #inTurn<Result>(
    { scenarioId, epoch }: Intent,
    work: (entry: Entry, stateFile: ReplicaStateFile) => Promise<Result>,
  ): Promise<Result> {
    const entry = this.#entries.get(scenarioId) ?? {
      stateFile: undefined,
      receiving: undefined,
      turn: Promise.resolve(),
    };
    this.#entries.set(scenarioId, entry);
    const result = entry.turn.then(async () => {
      entry.stateFile ??= await ReplicaStateFile.open(this.#options.files, this.#folder(scenarioId));
      const ours = entry.stateFile.value?.epoch;
      if (ours !== undefined && epoch < ours) throw new PartyFault('staleEpoch', { theirs: epoch, ours });
      return work(entry, entry.stateFile);
    });
    entry.turn = result.catch(() => {});
    return result;
  }
}

const sameDisks = (known: ReplicaState, plan: ReceivePlan): boolean =>
  JSON.stringify(known.plan.disks) === JSON.stringify(plan.disks);
