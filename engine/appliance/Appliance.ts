import { PartyFault } from '#machines/faults.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import type { DurableHostOptions } from '#machines/host/durableHost.ts';
import { performer } from '#machines/host/performer.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { statePath } from '#machines/host/step.ts';
import type { Fact } from '#machines/host/step.ts';
import type { AddressProbe } from '#machines/parties/addressProbe.ts';
import type { ChartStore } from '#machines/parties/chartStore.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Hypervisor } from '#machines/parties/hypervisor.ts';
import type { Network } from '#machines/parties/network.ts';
import type { Random } from '#machines/parties/random.ts';
import type { Replica } from '#machines/parties/replica.ts';
import type { ScenarioParties } from '#machines/parties/wishes.ts';
import { answerTo, readCommand } from '#machines/scenario/commands.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import { scenarioChart, scenarioChartVersion } from '#machines/scenario/scenario.ts';
import { explain } from '#machines/scenario/explain.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import { rehearseSwitchover } from '#machines/switchover/rehearseSwitchover.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { stateLabel, stopReasons, topState } from '#machines/scenario/stateWords.ts';
import type { Capability, ScenarioContext } from '#machines/scenario/context.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { FenceDeviceAddress, ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import { engineVersion } from '#engine/protocol/messages.ts';
import type { CommandAnswer, Report, ScenarioCommand, ScenarioStatus } from '#engine/protocol/messages.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { FenceDevices, noFenceDevice } from './FenceDevices.ts';
import { HypervisorConnections } from './HypervisorConnections.ts';
import { RemoteGuard } from './RemoteGuard.ts';
import { RemoteMasterSession } from './RemoteMasterSession.ts';
import { RemoteWitness } from './RemoteWitness.ts';
import { Secrets } from './Secrets.ts';
import { unavailable } from './unavailable.ts';

/** What the data plane measures; the chart never sees it. */
export type ReplicaMeasures = Pick<
  ScenarioStatus,
  'synchronization' | 'replicationLagMs' | 'consistentPoint' | 'replicatedBytes' | 'spool' | 'link'
>;

export type ApplianceOptions = {
  readonly node: string;
  readonly folder: string;
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  readonly files: Files;
  readonly store: ChartStore;
  /** The receiving end of the data plane; it tells its milestones to `onFact`. */
  readonly replica: (
    onFact: (scenario: ScenarioId, fact: Fact) => void,
  ) => Replica & { status(scenario: ScenarioId): ReplicaMeasures | undefined; close(): Promise<void> };
  readonly hypervisor: (place: ScenarioDefinition['hypervisor'], password: string) => Hypervisor;
  readonly fenceDevice: (address: FenceDeviceAddress, password: string) => FenceDevice;
  readonly addresses: AddressProbe;
  /** What the parties handed in can really do. */
  readonly capabilities: readonly Capability[];
  /** Parties of capabilities that not every engine has. */
  readonly further?: (scenario: ScenarioId, onFact: (fact: Fact) => void) => Partial<ScenarioParties>;
  /** Fed after every commit: transcript and inspector. */
  readonly onCommit?: DurableHostOptions['onCommit'];
};

const reportsAtOnce = 200;

/** The brain of every scenario whose replica lives here: charts on a durable host, and the parties they speak with. */
export class Appliance {
  readonly #options: ApplianceOptions;
  readonly #host: DurableHost;
  readonly #replica: ReturnType<ApplianceOptions['replica']>;
  readonly #secrets: Secrets;
  readonly #masters = new Map<string, RemoteMasterSession>();
  readonly #hypervisors: HypervisorConnections;
  readonly #fenceDevices: FenceDevices;
  readonly #voter: LeaseVoter;
  /** Definitions saved while stopped, taken up by the next Run. */
  readonly #definitions = new Map<string, ScenarioDefinition>();
  readonly #changedAtMs = new Map<string, number>();
  readonly #waiters = new Set<() => void>();

  constructor(options: ApplianceOptions) {
    this.#options = options;
    this.#secrets = new Secrets(options.files, `${options.folder}/secrets`);
    this.#hypervisors = new HypervisorConnections(options.hypervisor, this.#secrets);
    this.#fenceDevices = new FenceDevices(options.fenceDevice, this.#secrets);
    const { clock, node, files, random, folder } = options;
    this.#voter = new LeaseVoter({
      files,
      clock,
      random,
      path: `${folder}/votes.json`,
      voter: node,
      // A guard that asks for its lease speaks for a living master, even where its engine is silent.
      onRenewal: (scenario) => this.#tellIfAwaited(scenario, { type: 'master.heard' }),
    });
    this.#replica = options.replica((scenario, fact) => this.#host.dispatch(scenario, fact));
    this.#host = new DurableHost({
      chart: scenarioChart,
      version: scenarioChartVersion,
      lateness: scenarioLateness,
      stateWords: stateLabel,
      store: options.store,
      clock: options.clock,
      perform: performer((instance) => this.#partiesOf(instance), options.clock),
      onCommit: (commit) => {
        this.#changedAtMs.set(commit.instance, commit.event.atMs);
        options.onCommit?.(commit);
        for (const wake of this.#waiters) wake();
      },
    });
  }

  /** Takes up every scenario where it was. */
  async start(): Promise<void> {
    const { files, store, folder } = this.#options;
    await this.#secrets.load();
    await this.#voter.start();
    for (const instance of store.instances()) {
      const saved = await files.read(definitionPath(folder, instance));
      if (saved) this.#definitions.set(instance, JSON.parse(new TextDecoder().decode(saved)));
    }
    this.#host.start();
    for (const instance of store.instances()) this.#tellIfAwaited(instance, { type: 'appliance.restarted' });
  }

  /** Nothing is decided or begun any more; what is under way is answered to the next process. */
  halt(): void {
    this.#host.stop();
  }

  async stop(): Promise<void> {
    this.halt();
    for (const master of this.#masters.values()) await master.unwatch();
    await this.#replica.close();
    await this.#hypervisors.close();
    await this.#fenceDevices.close();
    for (const wake of this.#waiters) wake();
  }

  /** What control may ask of this engine on port 25000. */
  handlers(): Handlers {
    return {
      'scenario.define': ({ definition }) => this.#define(definition),
      'scenario.remove': ({ scenarioId: scenario }) => this.#remove(scenario),
      'scenario.command': ({ scenarioId: scenario, commandId, command }) => this.#command(scenario, commandId, command),
      'scenario.status': ({ scenarioId: scenario }) => this.status(scenario),
      'scenario.explain': ({ scenarioId: scenario }) => this.#explain(scenario),
      'scenario.rehearse': ({ scenarioId: scenario, waitForJournals }) => this.#rehearse(scenario, waitForJournals),
      'scenario.list': () => ({ scenarioIds: this.#options.store.instances().map(scenarioId) }),
      'reports.after': async ({ seq, waitMs }) => ({ reports: await this.#reportsAfter(seq, waitMs) }),
      'secret.put': async ({ name, value }) => {
        await this.#secrets.put(name, value);
        return {};
      },
      'hypervisor.inspect': ({ hypervisor }) => this.#hypervisors.inspect(hypervisor),
      'lease.renew': (renewal) => this.#voter.renew(renewal),
      'master.notice': ({ scenarioId: scenario, forMs, reason }) => {
        this.#tellIfAwaited(scenario, { type: 'master.notice', forMs, reason });
        return {};
      },
    };
  }

  status(scenario: ScenarioId): ScenarioStatus {
    const snapshot = this.#snapshot(scenario);
    const context = snapshot.context as ScenarioContext;
    const top = topState(snapshot);
    return {
      scenarioId: scenario,
      state: statePath(snapshot.value),
      label: stateLabel(snapshot),
      running: !['stopped', 'switchedOver'].includes(top),
      ...(top === 'stopped' ? { stopReason: { code: context.stopReason, ...stopReasons[context.stopReason] } } : {}),
      sinceMs: this.#changedAtMs.get(scenario) ?? this.#options.store.history(scenario).at(-1)?.atMs ?? 0,
      epoch: context.epoch,
      commands: Object.fromEntries(
        operatorCommands.map((command) => [command, answerTo(snapshot, command)]),
      ) as ScenarioStatus['commands'],
      ...(context.substituteVmId === undefined ? {} : { substituteVmId: context.substituteVmId }),
      ...(context.lastFault === undefined ? {} : { lastFault: context.lastFault }),
      // The point the substitute VM was booted from stays told after the stream has ended.
      ...(context.presentedPoint === undefined ? {} : { consistentPoint: context.presentedPoint }),
      ...this.#replica.status(scenario),
    };
  }

  #explain(scenario: ScenarioId): Explanation {
    const { store, clock } = this.#options;
    const timers = store.timers().filter(({ instance }) => instance === scenario);
    return explain({
      snapshot: this.#snapshot(scenario),
      timers,
      outbox: store.outbox(scenario),
      nowMs: clock.nowMs(),
    });
  }

  /** A switchover as it would go now; only the inventory is really asked for. */
  async #rehearse(scenario: ScenarioId, waitForJournals: boolean): Promise<SwitchoverRehearsal> {
    const { definition } = this.#snapshot(scenario).context as ScenarioContext;
    const inventory = await this.#hypervisors.inspect(definition.hypervisor);
    const point = this.status(scenario).consistentPoint;
    return rehearseSwitchover({
      snapshot: this.#snapshot(scenario),
      inventory,
      point,
      waitForJournals,
      atMs: this.#options.clock.nowMs(),
    });
  }

  async #define(definition: ScenarioDefinition): Promise<CommandAnswer> {
    const scenario = scenarioId(definition.scenarioId);
    const { store, files, folder } = this.#options;
    // R1, R2: no edit while the scenario runs, nor between switchover and switchback.
    if (store.load(scenario)) {
      const answer = answerTo(this.#host.snapshot(scenario), 'run');
      if (!answer.accepted) return answer;
    }
    await files.write(definitionPath(folder, scenario), new TextEncoder().encode(JSON.stringify(definition)));
    this.#definitions.set(scenario, definition);
    const { node, capabilities } = this.#options;
    this.#host.create(scenario, {
      definition,
      applianceVersion: engineVersion,
      applianceNode: node,
      capabilities,
    });
    return { accepted: true };
  }

  /** The scenario and its chart go; the replica disks stay on the datastore. */
  async #remove(scenario: ScenarioId): Promise<CommandAnswer> {
    const { store, files, folder } = this.#options;
    if (store.load(scenario)) {
      // What cannot run can be removed: the fault says so, and what to look at first.
      const answer = this.#host.refusal(scenario)
        ? { accepted: true as const }
        : answerTo(this.#host.snapshot(scenario), 'run');
      if (!answer.accepted) return answer;
      this.#host.remove(scenario);
    }
    this.#definitions.delete(scenario);
    await files.remove(definitionPath(folder, scenario));
    return { accepted: true };
  }

  #command(scenario: ScenarioId, commandId: string, command: ScenarioCommand): CommandAnswer {
    const dedup = `command:${commandId}`;
    const snapshot = this.#snapshot(scenario);
    if (this.#options.store.hasDedup(scenario, dedup)) return { accepted: true };
    const { answer, event } = readCommand(snapshot, command, this.#definitions.get(scenario));
    if (answer.accepted) this.#host.dispatch(scenario, event, dedup);
    return answer;
  }

  /** What comes again and again is told to the chart only where it would change something. */
  #tellIfAwaited(scenario: string, fact: Fact): void {
    if (!this.#options.store.load(scenario) || this.#host.refusal(scenario)) return;
    if (this.#host.snapshot(scenario).can({ ...fact, atMs: 0 })) this.#host.dispatch(scenario, fact);
  }

  async #reportsAfter(seq: number, waitMs: number): Promise<readonly Report[]> {
    const read = () =>
      this.#options.store
        .reports(seq, reportsAtOnce)
        .map((report) => ({ ...report, scenarioId: scenarioId(report.instance), params: JSON.parse(report.params) }));
    const first = read();
    if (first.length > 0 || waitMs <= 0) return first;
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiters.delete(wake);
        cancel();
        resolve();
      };
      const cancel = this.#options.clock.after(Math.min(waitMs, 30_000), wake);
      this.#waiters.add(wake);
    });
    return read();
  }

  #snapshot(scenario: ScenarioId) {
    if (!this.#options.store.load(scenario)) throw new PartyFault('notFound', { object: `scenario ${scenario}` });
    return this.#host.snapshot(scenario);
  }

  #partiesOf(instance: string): ScenarioParties {
    const { definition } = this.#host.snapshot(instance).context as ScenarioContext;
    const { device } = definition.fence;
    const { network, clock, node, further } = this.#options;
    const line = { network, clock, node };
    const scenario = scenarioId(instance);
    return {
      master: this.#masterOf(instance),
      replica: this.#replica,
      hypervisor: this.#hypervisors.of(instance, definition.hypervisor),
      guard: new RemoteGuard(line, scenario),
      lease: this.#voter,
      witness: new RemoteWitness(line, scenario),
      fence: device ? this.#fenceDevices.at(device) : noFenceDevice,
      addresses: this.#options.addresses,
      bareMetal: unavailable('bareMetal'),
      recoveryPoints: unavailable('recoveryPoints'),
      guest: unavailable('guest'),
      offline: unavailable('offline'),
      ...further?.(scenario, (fact) => this.#host.dispatch(scenario, fact)),
    };
  }

  #masterOf(instance: string): RemoteMasterSession {
    const known = this.#masters.get(instance);
    if (known) return known;
    const { network, clock, node } = this.#options;
    const master = new RemoteMasterSession({
      network,
      clock,
      node,
      onFact: (fact) => this.#host.dispatch(instance, fact),
    });
    this.#masters.set(instance, master);
    return master;
  }
}

const definitionPath = (folder: string, instance: string): string => `${folder}/definitions/${instance}.json`;
