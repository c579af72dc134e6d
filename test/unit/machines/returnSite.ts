import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { PartyFault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import { performer } from '#machines/host/performer.ts';
import { statePath } from '#machines/host/step.ts';
import { wishNames } from '#machines/parties/wishes.ts';
import type { ScenarioParties } from '#machines/parties/wishes.ts';
import type { ScenarioInput } from '#machines/scenario/context.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';

type Answer = (args: unknown) => unknown;

/** A chart on its real host: some parties simulated, the others answering from a script. */
export class ReturnSite {
  readonly clock: SimulatedClock;
  readonly wishes: string[] = [];
  readonly states: string[] = [];
  readonly store = new SimulatedChartStore();
  /** Answers by wish: a value, a function of the arguments, or a fault's code. */
  readonly script: Record<string, unknown> = {};
  readonly id = '4009412486';
  #host: DurableHost;
  readonly #chart: AnyStateMachine;
  readonly #simulated: Partial<ScenarioParties>;

  constructor(
    chart: AnyStateMachine,
    given: ScenarioInput,
    simulated: (clock: SimulatedClock, tell: (fact: { type: string }) => void) => Partial<ScenarioParties>,
  ) {
    this.clock = new SimulatedClock();
    this.#chart = chart;
    this.#simulated = simulated(this.clock, (fact) => this.#host.dispatch(this.id, fact));
    this.#host = this.#newHost();
    this.#host.create(this.id, given);
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#host.snapshot(this.id);
  }

  get state(): string {
    return statePath(this.snapshot.value);
  }

  get codes(): string[] {
    return this.store
      .reports(0, 1000)
      .map(({ code }) => code)
      .filter((code) => code !== 'state');
  }

  /** A command or a fact, and a minute of virtual time for its consequences. */
  async tell(type: string, details: Record<string, unknown> = {}, thenMs = 60_000): Promise<boolean> {
    const taken = this.#host.dispatch(this.id, { type, ...details });
    await this.clock.advance(thenMs);
    return taken;
  }

  /** The engine's process ends and another takes up the same store. */
  async restart(): Promise<void> {
    this.#host.stop();
    this.#host = this.#newHost();
    this.#host.start();
    await this.tell('appliance.restarted', {}, 0);
  }

  #newHost(): DurableHost {
    return new DurableHost({
      chart: this.#chart,
      version: '1',
      lateness: scenarioLateness,
      stateWords: ({ value }) => ({ ja: statePath(value), en: statePath(value) }),
      store: this.store,
      clock: this.clock,
      perform: performer(() => this.#parties(), this.clock),
      onCommit: ({ snapshot }) => this.states.push(statePath(snapshot.value)),
    });
  }

  #parties(): ScenarioParties {
    const parties: Record<string, Record<string, unknown>> = {};
    for (const name of wishNames) {
      const [party, method] = name.split('.') as [keyof ScenarioParties, string];
      const simulated = this.#simulated[party] as unknown as
        | Record<string, (...args: unknown[]) => unknown>
        | undefined;
      (parties[party] ??= {})[method] = async (...args: unknown[]) => {
        this.wishes.push(name);
        const scripted = this.script[name];
        if (typeof scripted === 'string') throw new PartyFault(scripted as FaultCode, { host: 'scripted' });
        if (typeof scripted === 'function') return (scripted as Answer)(args[0]);
        return simulated?.[method] ? await simulated[method](...args) : scripted;
      };
    }
    return parties as unknown as ScenarioParties;
  }
}
