import type { AnyStateMachine } from 'xstate';
import type { CommandAnswer, Requests } from '#engine/protocol/messages.ts';
import { openSession } from '#engine/protocol/session.ts';
import { PartyFault } from '#machines/faults.ts';
import { statePath } from '#machines/host/step.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import type { Terms } from '#simulators/checkers/observation.ts';
import type { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { leavesOf } from './coverage.ts';
import { buildFenceSite } from './fenceSite.ts';
import { kindOf } from './nemesis.ts';
import { flap, strikeNetwork } from './networkStrikes.ts';
import type { Action, HostName, HumanEdit, OperatorCommand, ProcessName, Run } from './plan.ts';
import { processes } from './plan.ts';
import type { BuildSite, History, SiteEars, SiteUnderTest, Undo } from './site.ts';
import { isConnected, isOn, roleOf, SiteObserver } from './siteObserver.ts';
import { shortIsAlive, shortTiming } from './shortTimes.ts';
import {
  commandOf,
  editByHand,
  guestChecks,
  machineIsGone,
  scheduleOf,
  needsOperator,
  restful,
  trouble,
} from './siteOperator.ts';
import { tapParties } from './siteTaps.ts';
import { tapLeaseVoters, tapRequests } from './taps.ts';

/** The charts whose every edge a night of simulation must walk. */
export const chartsUnderTest: readonly AnyStateMachine[] = [scenarioChart, masterGuardChart];

const bootMs = 20_000;
/** The product's engines, charts and voters on a whole simulated site; everything that the harness knows of it is here. */
class WholeSite implements SiteUnderTest {
  readonly terms: Terms;
  readonly #site: SimulatedSite;
  readonly #ears: SiteEars;
  readonly #observer: SiteObserver;
  #commands = 0;
  #poweredOffByHand = false;

  constructor(site: SimulatedSite, run: Run, ears: SiteEars) {
    this.#site = site;
    this.#ears = ears;
    const { fence, isAlive } = site.scenario;
    this.terms = {
      timing: fence.timing,
      isAlive,
      switchover: run.site.switchover,
      hasFenceDevice: fence.device !== undefined,
      hasWitness: fence.witness !== undefined,
      productionAddresses: fence.productionAddresses,
      bootMs,
    };
    this.#observer = new SiteObserver(site, ears);
    this.#observer.watch(site.appliance.store, scenarioChart, 'appliance');
    this.#observer.watch(site.masterHost.guardStore, masterGuardChart, 'guard');
    this.#observer.watchMaster();
    site.model.onChanged(() => this.#observer.tellVms());
    this.#tick();
  }

  #tick(): void {
    this.clock.after(1_000, () => {
      this.#observer.data.look(this.#nowMs());
      this.#observer.deadlines.tick(this.#nowMs());
      this.#tick();
    });
  }

  get clock(): SimulatedSite['clock'] {
    return this.#site.clock;
  }

  state(): { readonly path: string; readonly epoch: number; readonly running: boolean } {
    const snapshot = this.#observer.snapshots.get('appliance');
    const context = snapshot?.context as ScenarioContext | undefined;
    const path = snapshot ? statePath(snapshot.value) : 'stopped';
    return { path, epoch: context?.epoch ?? 0, running: this.#site.appliance.running };
  }

  /** Whether nobody commanded the takeover that is under way. */
  takesOverByItself(): boolean {
    const context = this.#observer.snapshots.get('appliance')?.context as ScenarioContext | undefined;
    return context?.takeover?.cause !== 'operator';
  }

  columns(): string {
    const { masterHost, appliance, witness } = this.#site;
    const master = !masterHost.poweredOn ? '-' : masterHost.frozen ? 'z' : masterHost.hostNetwork.blocked ? 'b' : '*';
    const double = this.serving().length > (master === '*' ? 1 : 0) ? '*' : '-';
    return `M${master} V${double} A${appliance.running ? '*' : '-'} W${witness.running ? '*' : '-'} e${this.state().epoch}`;
  }

  masterAlive(): boolean {
    return this.#site.masterHost.poweredOn;
  }

  settled(): { readonly settled: boolean; readonly reason?: string } {
    const { path } = this.state();
    const waitsFor = needsOperator.exec(path)?.[0];
    if (waitsFor !== undefined) return { settled: true, reason: waitsFor };
    if (machineIsGone(this.#site, path)) return { settled: true, reason: 'the machine is gone' };
    if (this.#poweredOffByHand && /^(switchedOver|reverse)/.test(path))
      return { settled: true, reason: 'powered off by hand' };
    const replicates = path.includes('flow.connected') && path.includes('isAlive.alive');
    return { settled: restful.test(path) || replicates };
  }

  serving(): readonly string[] {
    const doubles = this.#site.model.vms().filter((vm) => roleOf(vm) === 'substituteVm' && isOn(vm) && isConnected(vm));
    return [...(this.#site.masterHost.serving ? ['master'] : []), ...doubles.map(({ name }) => name)];
  }

  litter(): readonly string[] {
    const { path } = this.state();
    if (!path.startsWith('replicating.flow.connected')) return [];
    const vms = this.#site.model.vms().filter((vm) => roleOf(vm) !== 'other');
    const children = this.#site.model.disks.all().filter(({ parent }) => parent !== undefined);
    return [...vms.map(({ name }) => `VM ${name}`), ...children.map((disk) => `child disk ${disk.path}`)];
  }

  histories(): readonly History[] {
    const of = (store: SimulatedChartStore, chart: AnyStateMachine, node: string): History[] =>
      store.instances().flatMap((name) => {
        const row = store.load(name);
        const snapshot = this.#observer.snapshots.get(node);
        if (!row || !snapshot) return [];
        return [{ chart, name: chart.id, input: JSON.parse(row.input), entries: store.history(name), snapshot }];
      });
    return [
      ...of(this.#site.appliance.store, scenarioChart, 'appliance'),
      ...of(this.#site.masterHost.guardStore, masterGuardChart, 'guard'),
    ];
  }

  strike(action: Action): Undo | undefined | 'unknown' {
    const { appliance, master, workload } = this.#site;
    switch (action.kind) {
      case 'cut':
      case 'jam':
        return this.#cut(action);
      case 'flap':
        return this.#flap(action);
      case 'crash':
        return this.#crash(action.process, action.disk !== 'kept');
      case 'freezeProcess':
      case 'freezeHost':
        return this.#freeze(action.kind === 'freezeHost' ? action.host : hostOf[action.process]);
      case 'powerOff':
        return this.#powerOff(action.host);
      case 'jumpClock':
        return this.#jumpClock(action.host, action.byMs);
      case 'changesLost':
        master.loseChanges('the simulation');
        return undefined;
      case 'hypervisor':
        if (action.trouble === 'sessionExpired') this.#site.model.sessions.expireAll();
        else
          appliance.failHypervisor({
            method: action.method,
            nth: action.nth,
            when: action.trouble === 'after' || action.trouble === 'slow' ? action.trouble : 'before',
            ...(action.trouble === 'busy' ? { fault: new PartyFault('busy', { object: 'simulated' }) } : {}),
          });
        return undefined;
      case 'fenceDevice':
        return this.#fenceDevice(action.trouble);
      case 'witnessForgets':
        this.#site.witness.kill();
        this.#site.witness.forget();
        void this.#site.witness.start();
        return undefined;
      case 'kit':
      case 'guests':
        return trouble(this.#site, action);
      case 'human':
        return this.#human(action.edit);
      case 'operator':
        for (let time = 0; time < action.times; time++) this.#command(action.command);
        return undefined;
      case 'notice':
        this.#site.masterHost.announce({ forMs: action.maintenanceMs, reason: 'simulated' }).catch(() => {});
        return undefined;
      case 'burst':
        if (this.#site.writeIds) this.#site.writeIds.workload.burst(master.poweredOn ? action.writes : 0);
        else if (master.poweredOn) for (let write = 0; write < action.writes; write++) workload.writeNow();
        return undefined;
      default:
        return strikeNetwork(this.#site, action);
    }
  }

  // what happens

  /** The ways to the hypervisor and to the fence device are open or not; between the engines there is a network. */
  #cut(action: Action & { readonly from: HostName; readonly to: HostName }): Undo | undefined | 'unknown' {
    const ends = [action.from, action.to];
    if (ends.includes('esxi')) {
      this.#site.appliance.hypervisorReachable = false;
      return () => (this.#site.appliance.hypervisorReachable = true);
    }
    if (ends.includes('bmc')) {
      this.#site.fenceReachable = false;
      return () => (this.#site.fenceReachable = true);
    }
    return strikeNetwork(this.#site, action);
  }

  #flap(action: Action & { readonly kind: 'flap' }): Undo | undefined | 'unknown' {
    const { from, to, periodMs } = action;
    if (to !== 'esxi' && from !== 'esxi' && to !== 'bmc' && from !== 'bmc') return strikeNetwork(this.#site, action);
    let mend: Undo | undefined | 'unknown';
    const end = (): void => {
      if (typeof mend === 'function') mend();
    };
    return flap(this.clock, periodMs, () => (mend = this.#cut({ kind: 'cut', from, to })), end);
  }

  #crash(process: ProcessName, powerLost = false): Undo {
    const { appliance, masterHost, witness } = this.#site;
    switch (process) {
      case 'appliance':
        this.#killAppliance(powerLost);
        return () => void (appliance.running ? undefined : appliance.start().then(() => this.#applianceRuns()));
      case 'witness':
        if (witness.running) witness.kill();
        return () => void (witness.running ? undefined : witness.start());
      case 'masterEngine':
        masterHost.killEngine();
        // A boot starts it by itself.
        return () => {
          if (masterHost.poweredOn && !masterHost.engineRuns && !this.#observer.booting) void masterHost.startEngine();
        };
      case 'guard':
        masterHost.killGuard();
        return () => {};
    }
  }

  #killAppliance(powerLost: boolean): void {
    const { appliance } = this.#site;
    if (!appliance.running) return;
    this.#observer.data.look(this.#nowMs());
    this.#observer.deadlines.stands();
    appliance.kill({ powerLost });
  }

  /** What the new process found: the data, and every command that was ever answered as accepted. */
  #applianceRuns(): void {
    const t = this.#nowMs();
    this.#observer.deadlines.runs(t);
    this.#observer.data.recovered(t);
    const { store } = this.#site.appliance;
    const entries = store.instances().flatMap((instance) => store.history(instance));
    const commandIds = entries.flatMap(({ dedup }) => /^command:(.*)$/.exec(dedup ?? '')?.[1] ?? []);
    this.#ears.observe({ t, kind: 'historyRead', commandIds });
  }

  #fenceDevice(trouble: (Action & { readonly kind: 'fenceDevice' })['trouble']): Undo | undefined {
    const site = this.#site;
    const { fenceDevice } = site;
    switch (trouble) {
      case 'unreachable':
        site.fenceReachable = false;
        return () => (site.fenceReachable = true);
      case 'slow':
        fenceDevice.offAfterMs = 8_000;
        return () => (fenceDevice.offAfterMs = 0);
      default:
        fenceDevice.fail(trouble === 'liar' ? 'claimedOnly' : 'lostAfter');
        return undefined;
    }
  }

  #freeze(host: HostName): Undo | 'unknown' {
    const party = { master: this.#site.masterHost, appliance: this.#site.appliance, witness: this.#site.witness };
    if (!(host in party)) return 'unknown';
    const frozen = party[host as keyof typeof party];
    const { deadlines } = this.#observer;
    frozen.freeze();
    if (host === 'appliance') deadlines.stands();
    return () => {
      frozen.thaw();
      if (host === 'appliance' && this.#site.appliance.running) deadlines.runs(this.#nowMs());
    };
  }

  #jumpClock(host: HostName, byMs: number): undefined | 'unknown' {
    const party = { master: this.#site.masterHost, appliance: this.#site.appliance, witness: this.#site.witness };
    if (!(host in party)) return 'unknown';
    party[host as keyof typeof party].jumpClock(byMs);
    if (host === 'appliance') this.#observer.deadlines.wallClockSet();
    return undefined;
  }

  #powerOff(host: HostName): Undo | 'unknown' {
    if (host === 'appliance' || host === 'witness') return this.#crash(host, true);
    if (host !== 'master') return 'unknown';
    this.#site.cutPower();
    return () => void this.#site.pressPower();
  }

  #human(edit: HumanEdit): undefined | 'unknown' {
    const done = editByHand(this.#site, edit);
    if (edit === 'powerOffDouble' && done !== 'unknown') this.#poweredOffByHand = true;
    return done;
  }

  #command(command: OperatorCommand): void {
    const { scenario } = this.#site;
    const asked = commandOf(command, this.#site, this.state().path);
    const commandId = `sim-${(this.#commands += 1)}`;
    this.#ask({ scenarioId: scenario.scenarioId, commandId, command: asked })
      .then(({ accepted }) => {
        if (!accepted) return;
        const t = this.#nowMs();
        this.#ears.observe({ t, kind: 'commandAccepted', commandId });
        if (command === 'assertMasterOff') this.#ears.observe({ t, kind: 'asserted', epoch: this.state().epoch });
      })
      .catch(() => {});
  }
  #nowMs(): number {
    return Number(this.clock.monotonicNs()) / 1e6;
  }

  /** As control asks, without moving time. */
  async #ask(params: Requests['scenario.command']['params']): Promise<CommandAnswer> {
    const connection = await this.#site.network.host('control').connect({ host: 'appliance', port: 25_000 });
    const session = await openSession(connection, { clock: this.clock, node: 'control', purpose: 'control' });
    try {
      return await session.request('scenario.command', params);
    } finally {
      session.close();
    }
  }
}

const hostOf: Record<ProcessName, HostName> = {
  masterEngine: 'master',
  guard: 'master',
  appliance: 'appliance',
  witness: 'witness',
};

const buildWholeSite: BuildSite = async (run, ears) => {
  const { driftPpm, watchdog, switchover, speculation, fenceDevice, witness, blocks } = run.site;
  const nowMs = (): number => (whole ? Number(whole.clock.monotonicNs()) / 1e6 : 0);
  let whole: WholeSite | undefined;
  tapLeaseVoters({ ears, nowMs }, () => whole?.takesOverByItself() ?? true);
  tapRequests({ ears, nowMs });
  tapParties({ ears, nowMs });
  const site = await SimulatedSite.start({
    seed: run.seed,
    watchdog,
    data: blocks ? 'blocks' : 'writeIds',
    onLease: ({ voter, sentNs, validUntilNs }) =>
      ears.observe({
        t: nowMs(),
        kind: 'lease',
        voter: voter.host === 'witness' ? 'witness' : 'appliance',
        sentMonotonicMs: Number(sentNs) / 1e6,
        validUntilMonotonicMs: Number(validUntilNs) / 1e6,
      }),
    drift: { master: driftPpm.master ?? 0, appliance: driftPpm.appliance ?? 0, witness: driftPpm.witness ?? 0 },
  });
  await site.createScenario({
    switchover,
    speculation,
    ...scheduleOf(run.site),
    assuredRecovery: { checks: guestChecks, testMsMax: 1_200_000 },
    fence: fenceDevice ? 'device' : witness ? 'lease' : 'none',
    ...(run.site.times === 'short' ? { times: { isAlive: shortIsAlive, timing: shortTiming } } : {}),
  });
  whole = new WholeSite(site, run, ears);
  await site.command({ command: 'run' });
  const { settled } = whole;
  await site.clock.runUntil(() => settled.call(whole).settled && whole?.state().path !== 'stopped', 3_600_000);
  return whole;
};

export const buildSite: BuildSite = (run, ears) =>
  run.profile === 'fence' ? buildFenceSite(run, ears) : buildWholeSite(run, ears);

/** Every fault kind in every leaf state of the scenario's chart: what a release's simulation should have seen. */
export function faultStateCells(): readonly string[] {
  const kinds = [
    ...processes.flatMap((process) => [`crash:${process}`, `freezeProcess:${process}`]),
    ...(['cut', 'jam', 'slow', 'flap', 'reset', 'changesLost', 'operator', 'notice', 'burst'] as const),
    kindOf({ kind: 'powerOff', host: 'master' }),
    kindOf({ kind: 'freezeHost', host: 'master' }),
  ];
  return leavesOf(scenarioChart).flatMap((leaf) => kinds.map((kind) => `${kind}@${leaf}`));
}
