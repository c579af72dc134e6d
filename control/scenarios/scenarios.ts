import type { CommandAnswer, Requests, ScenarioCommand, ScenarioStatus } from '#engine/protocol/messages.ts';
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
    if (earlier?.defined !== true) {
      try {
        await this.#define(definition);
      } catch (thrown) {
        // With an unknown outcome the scenario stays, and the mirror sends its definition again.
        if (!isOutcomeUnknown(thrown)) store.removeScenario(definition.scenarioId);
        throw thrown;
      }
    }
    return board.view(this.#find(definition.scenarioId));
  }

  /**
   * Takes another draft for the same scenario. Refused with the reason while it runs (R2), from switchover to the end of
   * the switchback (R1), and for another scenario id (R3).
   */
  async change(id: string, draft: unknown): Promise<ScenarioView> {
    const { store, eventLog, defaults, board } = this.#parties;
    const before = this.#find(id).definition;
    const definition = definitionFromDraft(withoutId(draft, before.scenarioId), before.scenarioId, defaults);
    if (definition.name !== before.name) this.#requireFreeName(definition.name);
    const view = board.view(this.#find(id));
    if (view.known) requireEditable(view.status);
    // Stored before it is sent: whatever happens to the answer, engine and control end with the same definition.
    store.changeScenario(definition);
    try {
      await this.#define(definition);
    } catch (thrown) {
      if (!isOutcomeUnknown(thrown)) this.#restore(before);
      throw thrown;
    }
    eventLog.append('scenarioChanged', {}, before.scenarioId);
    return board.view(this.#find(id));
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
    requireAccepted(await this.#ask('scenario.define', { definition }));
    this.#parties.store.markDefined(definition.scenarioId);
  }

  /** The engine holds the earlier definition still. */
  #restore(definition: ScenarioDefinition): void {
    const { store } = this.#parties;
    store.changeScenario(definition);
    store.markDefined(definition.scenarioId);
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

const isOutcomeUnknown = (thrown: unknown): boolean => thrown instanceof Problem && thrown.kind === 'outcomeUnknown';

/** A definition as the API shows it may be sent back with its id; the id itself never changes (R3). */
function withoutId(draft: unknown, id: ScenarioId): unknown {
  if (typeof draft !== 'object' || draft === null || !('scenarioId' in draft)) return draft;
  const { scenarioId: given, ...rest } = draft;
  if (given === id) return rest;
  throw new Problem('refused', 'scenarioIdFixed', {
    ja: 'シナリオ ID は変更できません。別の設定で保護するには、シナリオを新しく作成してください。',
    en: 'The id of a scenario never changes. Create another scenario instead.',
  });
}

function requireEditable({ running, substituteVmId }: ScenarioStatus): void {
  if (substituteVmId !== undefined)
    throw new Problem('refused', 'propertiesFrozen', {
      ja: 'スイッチオーバーからスイッチバックが完了するまで、設定は変更できません。スイッチバックを完了してから変更してください。',
      en: 'From switchover to the end of the switchback nothing of a scenario can be changed. Complete the switchback first.',
    });
  if (running)
    throw new Problem('refused', 'editWhileRunning', {
      ja: 'シナリオの実行中は設定を変更できません。シナリオを停止してから変更してください。',
      en: 'A scenario cannot be changed while it runs. Stop it first.',
    });
}

function requireAccepted(answer: CommandAnswer): void {
  if (!answer.accepted) throw new Problem('refused', answer.code, { ja: answer.ja, en: answer.en });
}
