import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Random } from '#machines/parties/random.ts';
import type { OwnVote, Promised, VoterView } from '#machines/parties/witness.ts';
import type { Epoch, ScenarioId } from '#machines/vocabulary.ts';

/** What a guard asks of a voter. */
export type Renewal = {
  readonly scenarioId: ScenarioId;
  /** The epoch in which this master may serve. */
  readonly epoch: Epoch;
  readonly state: 'serving' | 'isolated';
};

/** A voter's answer to the guard. `claimed`: somebody may take over; `replaced`: somebody has. */
export type LeaseAnswer =
  | { readonly granted: true }
  | { readonly granted: false; readonly reason: 'claimed' | 'replaced'; readonly epoch: Epoch };

/** What a voter keeps of one scenario. */
export type VoterRecord = {
  /** Highest epoch that it granted a lease in, or that a claim was consumed in. */
  readonly epoch: Epoch;
  /** The promise to grant nothing below this epoch, with the answer it was given with. */
  readonly claim?: { readonly epoch: Epoch; readonly sinceLastGrantMs: number };
  /** A claim that was taken back does not come into force by a message that was late on its way. */
  readonly releasedEpoch: Epoch;
};

export const blankRecord: VoterRecord = { epoch: 0, releasedEpoch: 0 };

/** The master asks for a lease. A guard in the claim's own epoch was put there by the claimant: the claim is consumed. */
export function renewed(
  record: VoterRecord,
  epoch: Epoch,
): { readonly answer: LeaseAnswer; readonly record: VoterRecord } {
  const { claim, releasedEpoch } = record;
  if (claim !== undefined && epoch < claim.epoch)
    return { answer: { granted: false, reason: 'claimed', epoch: claim.epoch }, record };
  if (epoch < record.epoch) return { answer: { granted: false, reason: 'replaced', epoch: record.epoch }, record };
  if (epoch === record.epoch && claim === undefined) return { answer: { granted: true }, record };
  return { answer: { granted: true }, record: { epoch, releasedEpoch } };
}

/**
 * Compare and set: the claimed epoch is newer than all that this voter has granted, promised or heard taken back.
 * Faults: `staleEpoch`, `claimRefused` (`masterLeased`, `otherClaim`); nothing has changed then and granting goes on.
 */
export function claimed(
  record: VoterRecord,
  claim: { readonly epoch: Epoch; readonly quietForMs: number; readonly sinceLastGrantMs: number },
  voter: string,
): { readonly promised: Promised; readonly record: VoterRecord } {
  const { epoch, quietForMs, sinceLastGrantMs } = claim;
  if (record.claim?.epoch === epoch) return { promised: { sinceLastGrantMs: record.claim.sinceLastGrantMs }, record };
  const newest = Math.max(record.epoch, record.releasedEpoch);
  if (epoch <= newest) throw new PartyFault('staleEpoch', { theirs: epoch, ours: newest });
  if (record.claim !== undefined && epoch < record.claim.epoch)
    throw new PartyFault('claimRefused', { voter, reason: 'otherClaim' });
  if (sinceLastGrantMs < quietForMs) throw new PartyFault('claimRefused', { voter, reason: 'masterLeased' });
  return { promised: { sinceLastGrantMs }, record: { ...record, claim: { epoch, sinceLastGrantMs } } };
}

/** Only the claim of exactly this epoch is taken back. */
export function released(record: VoterRecord, epoch: Epoch): VoterRecord {
  const { claim, ...rest } = record;
  const releasedEpoch = Math.max(record.releasedEpoch, epoch);
  return claim !== undefined && claim.epoch !== epoch ? { ...rest, claim, releasedEpoch } : { ...rest, releasedEpoch };
}

/** The claimant serves now: who asks below this epoch hears that it was replaced. */
export function consumed(record: VoterRecord, epoch: Epoch): VoterRecord {
  const { claim, ...rest } = record;
  const kept = claim !== undefined && claim.epoch > epoch ? { claim } : {};
  return { ...rest, ...kept, epoch: Math.max(record.epoch, epoch) };
}

type Memory = { readonly generation: string; readonly scenarios: Readonly<Record<string, VoterRecord>> };

export type LeaseVoterOptions = {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  /** Absolute path of the file that holds its promises. */
  readonly path: string;
  /** Its name in refusals. */
  readonly voter: string;
  /** The master was heard while somebody has a claim on its place. */
  readonly onRenewal?: (scenario: ScenarioId, state: Renewal['state']) => void;
};

/**
 * One voter: it grants leases to the master's guard, or promises somebody to grant none. Every promise is durable before
 * it is answered, and stops the granting before it is durable: no grant is under way behind it. Ages are monotonic.
 */
export class LeaseVoter implements OwnVote {
  readonly #options: LeaseVoterOptions;
  #memory: Memory = { generation: '', scenarios: {} };
  #startedNs = 0n;
  readonly #grantedNs = new Map<string, bigint>();
  #saved: Promise<void> = Promise.resolve();

  constructor(options: LeaseVoterOptions) {
    this.#options = options;
  }

  /** Awaited before anything else: what it may have granted just before it died counts as granted now. */
  async start(): Promise<void> {
    const { files, clock, random, path } = this.#options;
    const memory = parse(await files.read(path));
    this.#startedNs = clock.monotonicNs();
    this.#memory = memory ?? { generation: random.uuid(), scenarios: {} };
    if (memory === undefined) await this.#save();
  }

  /** Whether its present memory holds this scenario. */
  knows(scenario: ScenarioId): boolean {
    return this.#memory.scenarios[scenario] !== undefined;
  }

  /** Makes a scenario known to a voter that has no memory of it. */
  async introduce(scenario: ScenarioId): Promise<void> {
    if (this.knows(scenario)) return;
    this.#keep(scenario, blankRecord);
    await this.#save();
  }

  read(scenario: ScenarioId): VoterView {
    const { epoch, claim } = this.#record(scenario);
    return {
      generation: this.#memory.generation,
      epoch,
      sinceLastGrantMs: this.#sinceLastGrantMs(scenario),
      ...(claim === undefined ? {} : { claimedEpoch: claim.epoch }),
    };
  }

  /** A grant counts from this decision: the master counts its lease from its request, which was earlier. */
  async renew({ scenarioId, epoch, state }: Renewal): Promise<LeaseAnswer> {
    const before = this.#record(scenarioId);
    const { answer, record } = renewed(before, epoch);
    if (before.claim !== undefined) this.#options.onRenewal?.(scenarioId, state);
    if (!answer.granted) return answer;
    this.#grantedNs.set(scenarioId, this.#options.clock.monotonicNs());
    if (record !== before) {
      this.#keep(scenarioId, record);
      await this.#save();
    }
    return answer;
  }

  /** Milliseconds. With a `generation`, only a voter that still has that memory promises. */
  async claim(
    { quietForMs, generation }: { readonly quietForMs: number; readonly generation?: string | undefined },
    { scenarioId, epoch }: Intent,
  ): Promise<Promised> {
    const { voter } = this.#options;
    if (generation !== undefined && generation !== this.#memory.generation)
      throw new PartyFault('claimRefused', { voter, reason: 'forgetful' });
    const before = this.#record(scenarioId);
    const sinceLastGrantMs = this.#sinceLastGrantMs(scenarioId);
    const { promised, record } = claimed(before, { epoch, quietForMs, sinceLastGrantMs }, voter);
    // From this line on nothing is granted, before anybody can know of the promise.
    this.#keep(scenarioId, record);
    try {
      await this.#save();
    } catch (thrown) {
      // What was not promised binds nobody: the master gets its leases again.
      if (before.claim?.epoch !== epoch && this.#record(scenarioId).claim?.epoch === epoch)
        this.#keep(scenarioId, before);
      throw thrown;
    }
    if (this.#record(scenarioId).claim?.epoch !== epoch) throw new PartyFault('effectUnknown', { host: voter });
    return promised;
  }

  async release({ scenarioId, epoch }: Pick<Intent, 'scenarioId' | 'epoch'>): Promise<void> {
    this.#keep(scenarioId, released(this.#record(scenarioId), epoch));
    await this.#save();
  }

  /** The claim of this epoch has done its work; a master that asks in an older one hears that it was replaced. */
  async consume({ scenarioId, epoch }: Pick<Intent, 'scenarioId' | 'epoch'>): Promise<void> {
    this.#keep(scenarioId, consumed(this.#record(scenarioId), epoch));
    await this.#save();
  }

  #record(scenario: ScenarioId): VoterRecord {
    return this.#memory.scenarios[scenario] ?? blankRecord;
  }

  #keep(scenario: ScenarioId, record: VoterRecord): void {
    this.#memory = { ...this.#memory, scenarios: { ...this.#memory.scenarios, [scenario]: record } };
  }

  #sinceLastGrantMs(scenario: ScenarioId): number {
    const lastNs = this.#grantedNs.get(scenario) ?? this.#startedNs;
    return Math.floor(Number(this.#options.clock.monotonicNs() - lastNs) / 1e6);
  }

  /** One write at a time, each of the newest memory: an older one never replaces a newer. */
  #save(): Promise<void> {
    const { files, path } = this.#options;
    const save = this.#saved.then(() => files.write(path, new TextEncoder().encode(JSON.stringify(this.#memory))));
    this.#saved = save.catch(() => {});
    return save;
  }
}

/** A file that cannot be read is a lost memory, as none is: it begins a new generation. */
function parse(bytes: Uint8Array | undefined): Memory | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { generation, scenarios } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Memory>;
    return generation === undefined || scenarios === undefined ? undefined : { generation, scenarios };
  } catch {
    return undefined;
  }
}
