import type { CommandAnswer, Requests, ScenarioCommand } from '#engine/protocol/messages.ts';
import { toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import type { EventLog } from '#control/eventLog/eventLog.ts';
import type { ControlStore, StoredScenario } from './controlStore.ts';
import { definitionFromDraft } from './draft.ts';
import type { DraftDefaults } from './draft.ts';
import type { EngineParty } from './engineParty.ts';
import { Problem, problemOfFault } from './problem.ts';
import type { ScenarioView } from './scenarioView.ts';
import type { StatusBoard } from './statusBoard.ts';

const commandTimeoutMs = 10_000;

export type ScenariosParties = {
  readonly appliance: EngineParty;
  readonly store: ControlStore;
  readonly eventLog: EventLog;
  readonly board: StatusBoard;
  readonly clock: Clock;
  readonly random: Random;
  readonly defaults: DraftDefaults;
};

/**
 * The scenarios an operator defines and commands. Every method that asks the appliance's engine throws a `Problem`:
 * `refused` with the engine's reason, `notGiven` when it cannot be reached, `outcomeUnknown` when its answer was lost.
 */
export class Scenarios {
  readonly #parties: ScenariosParties;

  constructor(parties: ScenariosParties) {
    this.#parties = parties;
  }

  list(): readonly ScenarioView[] {
    const { store, board } = this.#parties;
    return store.scenarios().map((scenario) => board.view(scenario));
  }

  /** Throws `notFound`. */
  view(id: string): ScenarioView {
    return this.#parties.board.view(this.#find(id));
  }

  /** From draft to a definition that the appliance's engine holds. The same `key` twice makes one scenario. */
  async create(draft: unknown, key?: string): Promise<ScenarioView> {
    const { store, clock, defaults, board } = this.#parties;
    const earlier = key === undefined ? undefined : store.scenarioByKey(key);
    const definition = earlier?.definition ?? definitionFromDraft(draft, this.#newId(), defaults);
    if (earlier === undefined) {
      this.#requireFreeName(definition.name);
      // Stored before it is sent: an engine never holds a scenario that control does not know.
      store.addScenario({ definition, createdAtMs: clock.nowMs(), defined: false }, key);
    }
    if (earlier?.defined !== true) await this.#define(definition);
    return board.view(this.#find(definition.scenarioId));
  }

  async remove(id: string): Promise<void> {
    const { store, eventLog, board } = this.#parties;
    const { definition } = this.#find(id);
    const known = definition.scenarioId;
    requireAccepted(await this.#ask('scenario.remove', { scenarioId: known }));
    store.removeScenario(known);
    board.forget(known);
    eventLog.append('scenarioRemoved', {}, known);
  }

  /** `commandId` makes the command idempotent at the engine; the same id twice has one effect. */
  async command(id: string, command: ScenarioCommand, commandId?: string): Promise<void> {
    const { definition } = this.#find(id);
    requireAccepted(
      await this.#ask('scenario.command', {
        scenarioId: definition.scenarioId,
        commandId: commandId ?? this.#parties.random.uuid(),
        command,
      }),
    );
  }

  async #define(definition: ScenarioDefinition): Promise<void> {
    const { store } = this.#parties;
    try {
      requireAccepted(await this.#ask('scenario.define', { definition }));
      store.markDefined(definition.scenarioId);
    } catch (thrown) {
      // With an unknown outcome the scenario stays, and the mirror sends its definition again.
      const unknown = thrown instanceof Problem && thrown.kind === 'outcomeUnknown';
      if (!unknown) store.removeScenario(definition.scenarioId);
      throw thrown;
    }
  }

  async #ask<Name extends 'scenario.define' | 'scenario.remove' | 'scenario.command'>(
    name: Name,
    params: Requests[Name]['params'],
  ): Promise<CommandAnswer> {
    try {
      return await this.#parties.appliance.request(name, params, { timeoutMs: commandTimeoutMs });
    } catch (thrown) {
      throw problemOfFault(toFault(thrown));
    }
  }

  #find(id: string): StoredScenario {
    const found = /^\d{10}$/.test(id) ? this.#parties.store.scenario(scenarioId(id)) : undefined;
    if (found !== undefined) return found;
    throw new Problem('notFound', 'scenarioNotFound', {
      ja: `シナリオ ${id} が見つかりません。シナリオの一覧で ID を確認してください。`,
      en: `There is no scenario ${id}. Look up its id in the list of scenarios.`,
    });
  }

  #newId(): ScenarioId {
    for (;;) {
      const id = scenarioId(this.#parties.random.digits(10));
      if (this.#parties.store.scenario(id) === undefined) return id;
    }
  }

  #requireFreeName(name: string): void {
    if (!this.#parties.store.scenarios().some(({ definition }) => definition.name === name)) return;
    const ja = `シナリオ名「${name}」は既に使用されています。別の名前を指定してください。`;
    const en = `A scenario with the name '${name}' exists already. Choose another name.`;
    throw new Problem('invalid', 'invalidScenario', { ja, en }, [{ field: 'name', ja, en }]);
  }
}

function requireAccepted(answer: CommandAnswer): void {
  if (!answer.accepted) throw new Problem('refused', answer.code, { ja: answer.ja, en: answer.en });
}
