import type { StreamOpened, StreamOpening } from '#engine/protocol/messages.ts';
import type { Handlers, Session } from '#engine/protocol/session.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Random } from '#machines/parties/random.ts';
import type { Epoch, ScenarioId } from '#machines/vocabulary.ts';
import type { SourceParties } from './ReplicationSource.ts';
import { ReplicationSource } from './ReplicationSource.ts';

type Entry = { source: ReplicationSource | undefined; epoch: Epoch; turn: Promise<unknown> };

/** The streams that this engine serves as a master, one a scenario; their requests come in on data connections. */
export class ReplicationSources {
  readonly #parties: SourceParties & { readonly random: Random; /** Holds the spools. */ readonly folder: string };
  readonly #entries = new Map<ScenarioId, Entry>();

  constructor(parties: SourceParties & { readonly random: Random; readonly folder: string }) {
    this.#parties = parties;
  }

  /** For `acceptSession`, beside the other requests that the engine answers. */
  readonly handlers: Handlers = {
    'stream.open': (opening, { session }) => this.#open(opening, session),
    'stream.flush': ({ scenarioId, epoch }) => {
      const { source } = this.#admit(scenarioId, epoch);
      if (!source) throw new PartyFault('notFound', { object: `stream of scenario ${scenarioId}` });
      return source.flush().then((point) => ({ point }));
    },
    'stream.close': async ({ scenarioId, epoch }) => {
      const entry = this.#admit(scenarioId, epoch);
      await this.#inTurn(entry, () => this.#drop(entry, 'the replica receives no more'));
      return {};
    },
  };

  /** Ends all streams; the engine stops. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values()) {
      await this.#inTurn(entry, () => this.#drop(entry, 'the engine of the master stops'));
    }
  }

  async #open(opening: StreamOpening, session: Session): Promise<StreamOpened> {
    const entry = this.#admit(opening.scenarioId, opening.epoch);
    return this.#inTurn(entry, async () => {
      const whyNot = entry.source
        ? entry.source.whyNot(opening)
        : `the master does not know stream ${opening.streamId}: its engine was restarted`;
      if (entry.source && whyNot === undefined) return entry.source.attach(session, opening);
      await this.#drop(entry, 'another stream begins');
      const streamId = this.#parties.random.uuid();
      const source: ReplicationSource = await ReplicationSource.open(this.#parties, opening, {
        streamId,
        folder: `${this.#parties.folder}/${opening.scenarioId}`,
        onFailed: (fault) => void this.#inTurn(entry, () => this.#dropIf(entry, source, fault.code)),
      });
      entry.source = source;
      const { streamId: _, syncCursor: __, durableSequence: ___, ...fresh } = opening;
      const opened = source.attach(session, fresh);
      return opening.streamId !== undefined && whyNot !== undefined ? { ...opened, reason: whyNot } : opened;
    });
  }

  #admit(scenarioId: ScenarioId, epoch: Epoch): Entry {
    const entry = this.#entries.get(scenarioId) ?? { source: undefined, epoch, turn: Promise.resolve() };
    if (epoch < entry.epoch) throw new PartyFault('staleEpoch', { theirs: epoch, ours: entry.epoch });
    entry.epoch = epoch;
    this.#entries.set(scenarioId, entry);
    return entry;
  }

  /** One after the other: two connections of the same replica may cross. */
  #inTurn<Result>(entry: Entry, work: () => Promise<Result>): Promise<Result> {
    const result = entry.turn.then(work, work);
    entry.turn = result.catch(() => {});
    return result;
  }

  async #dropIf(entry: Entry, source: ReplicationSource, reason: string): Promise<void> {
    if (entry.source === source) await this.#drop(entry, reason);
  }

  async #drop(entry: Entry, reason: string): Promise<void> {
    const { source } = entry;
    entry.source = undefined;
    await source?.close(reason);
  }
}
