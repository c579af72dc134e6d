import type { ScenarioStatus } from '#engine/protocol/messages.ts';
import { faultText } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ScenarioId } from '#machines/vocabulary.ts';
import type { ControlStore, StoredScenario } from './controlStore.ts';
import { knowledgeAgeMsMax, unknownCommands, unknownLabel, unknownReason } from './scenarioView.ts';
import type { Sentences } from './problem.ts';
import type { ScenarioView } from './scenarioView.ts';

/** An unchanged state is written this seldom: the store flushes every write to the disk. */
const rewriteAfterMs = 10_000;

const faultOf = ({ lastFault }: ScenarioStatus): { readonly fault?: Sentences } =>
  lastFault === undefined ? {} : { fault: { ja: faultText(lastFault, 'ja'), en: faultText(lastFault, 'en') } };

type Heard = { readonly status: ScenarioStatus; readonly heardAtNs: bigint; readonly writtenAtNs: bigint };

/** What control knows of each scenario, and since when. */
export class StatusBoard {
  readonly #store: ControlStore;
  readonly #clock: Clock;
  readonly #heard = new Map<ScenarioId, Heard>();

  constructor(parties: { readonly store: ControlStore; readonly clock: Clock }) {
    this.#store = parties.store;
    this.#clock = parties.clock;
  }

  hear(status: ScenarioStatus): void {
    const nowNs = this.#clock.monotonicNs();
    const before = this.#heard.get(status.scenarioId);
    const write =
      before === undefined ||
      before.status.state !== status.state ||
      before.status.epoch !== status.epoch ||
      nowNs - before.writtenAtNs >= BigInt(rewriteAfterMs) * 1_000_000n;
    if (write) this.#store.putStatus(status.scenarioId, { status, heardAtMs: this.#clock.nowMs() });
    this.#heard.set(status.scenarioId, {
      status,
      heardAtNs: nowNs,
      writtenAtNs: write ? nowNs : before.writtenAtNs,
    });
  }

  forget(id: ScenarioId): void {
    this.#heard.delete(id);
  }

  view(scenario: StoredScenario): ScenarioView {
    const { definition, createdAtMs } = scenario;
    const base = { scenarioId: definition.scenarioId, name: definition.name, createdAtMs, definition };
    const last = this.#last(definition.scenarioId);
    if (last?.present === true && last.ageMs <= knowledgeAgeMsMax) {
      const { status, ageMs } = last;
      return { ...base, known: true, ageMs, commands: status.commands, status, ...faultOf(status) };
    }
    return {
      ...base,
      known: false,
      commands: unknownCommands,
      label: unknownLabel,
      reason: unknownReason(last?.ageMs),
      ...(last === undefined ? {} : { ageMs: last.ageMs, lastKnown: last.status }),
    };
  }

  /**
   * What this process heard itself is aged by the monotonic clock. What an earlier process left in the store is never
   * the present, however fresh the wall clock makes it look.
   */
  #last(id: ScenarioId): { status: ScenarioStatus; ageMs: number; present: boolean } | undefined {
    const heard = this.#heard.get(id);
    if (heard !== undefined) {
      const ageMs = Number((this.#clock.monotonicNs() - heard.heardAtNs) / 1_000_000n);
      return { status: heard.status, ageMs, present: true };
    }
    const stored = this.#store.status(id);
    if (stored === undefined) return undefined;
    return { status: stored.status, ageMs: Math.max(0, this.#clock.nowMs() - stored.heardAtMs), present: false };
  }
}
