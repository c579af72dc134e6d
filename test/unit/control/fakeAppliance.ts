import type { CommandAnswer, Report, ScenarioCommand, ScenarioStatus } from '#engine/protocol/messages.ts';
import { acceptSession } from '#engine/protocol/session.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { PartyFault } from '#machines/faults.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Listener, Network } from '#machines/parties/network.ts';
import type { HostAddress, ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';

const accepted: CommandAnswer = { accepted: true };
export const alreadyRunning: CommandAnswer = {
  accepted: false,
  code: 'alreadyRunning',
  ja: 'シナリオは既に実行されています。',
  en: 'The scenario is running already.',
};

/** An appliance's engine that speaks the real session protocol and answers what the test sets. */
export class FakeAppliance {
  readonly definitions = new Map<ScenarioId, ScenarioDefinition>();
  readonly statuses = new Map<ScenarioId, Partial<ScenarioStatus>>();
  readonly commands: {
    readonly scenarioId: ScenarioId;
    readonly commandId: string;
    readonly command: ScenarioCommand;
  }[] = [];
  readonly secrets = new Map<string, string>();
  readonly reports: Report[] = [];
  /** Answers of the next commands and definitions. */
  answer: CommandAnswer = accepted;
  /** Overlaps pages: sends this many reports again that were read already. */
  repeated = 0;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  serve(network: Network, address: HostAddress): Promise<Listener> {
    return network.listen(address, (connection) => {
      acceptSession(connection, { clock: this.#clock, node: 'appliance', handlers: this.#handlers() }).catch(() => {});
    });
  }

  report(scenarioId: ScenarioId, code: string, params: Report['params'] = {}): void {
    this.reports.push({ seq: this.reports.length + 1, atMs: this.#clock.nowMs(), scenarioId, code, params });
    for (const wake of this.#waiting) wake();
  }

  #handlers(): Handlers {
    return {
      'host.ping': () => ({ nowMs: this.#clock.nowMs() }),
      'host.describe': () => ({
        hostName: 'appliance',
        engineVersion: '0.1.0',
        bootId: 'first',
        firmware: 'bios',
        cpus: 2,
        memoryMiB: 2048,
        disks: [],
        changeSource: 'trace',
      }),
      'scenario.define': ({ definition }) => {
        if (this.answer.accepted) this.definitions.set(definition.scenarioId, definition);
        return this.answer;
      },
      'scenario.remove': ({ scenarioId }) => {
        if (this.answer.accepted) this.definitions.delete(scenarioId);
        return this.answer;
      },
      'scenario.command': (params) => {
        this.commands.push(params);
        return this.answer;
      },
      'scenario.status': ({ scenarioId }) => this.#status(scenarioId),
      'scenario.list': () => ({ scenarioIds: [...this.definitions.keys()] }),
      'reports.after': async ({ seq, waitMs }) => ({ reports: await this.#reportsAfter(seq, waitMs) }),
      'secret.put': ({ name, value }) => {
        this.secrets.set(name, value);
        return {};
      },
    };
  }

  #status(scenarioId: ScenarioId): ScenarioStatus {
    if (!this.definitions.has(scenarioId)) throw new PartyFault('notFound', { object: scenarioId });
    return {
      scenarioId,
      state: 'stopped',
      label: { ja: '停止', en: 'Stopped' },
      running: false,
      sinceMs: this.#clock.nowMs(),
      epoch: 1,
      commands: Object.fromEntries(
        operatorCommands.map((command) => [command, command === 'run' ? accepted : alreadyRunning]),
      ) as ScenarioStatus['commands'],
      ...this.statuses.get(scenarioId),
    };
  }

  async #reportsAfter(seq: number, waitMs: number): Promise<readonly Report[]> {
    if (!this.reports.some((report) => report.seq > seq)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          cancel();
          this.#waiting.delete(wake);
          resolve();
        };
        const cancel = this.#clock.after(waitMs, wake);
        this.#waiting.add(wake);
      });
    }
    const fresh = this.reports.filter((report) => report.seq > seq);
    return fresh.length === 0 ? [] : this.reports.filter((report) => report.seq > seq - this.repeated);
  }
}
