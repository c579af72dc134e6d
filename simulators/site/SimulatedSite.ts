import { eventText } from '#control/eventLog/eventText.ts';
import type {
  CommandAnswer,
  Report,
  RequestName,
  Requests,
  ScenarioCommand,
  ScenarioStatus,
} from '#engine/protocol/messages.ts';
import { openSession } from '#engine/protocol/session.ts';
import { statePath } from '#machines/host/step.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { SimulatedAddressProbe } from '#simulators/addressProbe/SimulatedAddressProbe.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFenceDevice } from '#simulators/fenceDevice/SimulatedFenceDevice.ts';
import { registerAppliance } from '#simulators/hypervisor/model/appliance.ts';
import { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedApplianceHost } from './SimulatedAppliance.ts';
import { definitionOf, productionAddress, testNetwork } from './definition.ts';
import { SimulatedGuests } from './SimulatedGuests.ts';
import { SimulatedMasterHost } from './SimulatedMasterHost.ts';
import { SimulatedPast } from './SimulatedPast.ts';
import { SimulatedWayBack, hardwareId } from './SimulatedWayBack.ts';
import { SimulatedWitnessHost } from './SimulatedWitnessHost.ts';
import type { ScenarioChoice, Site, WriteTally } from './site.ts';
import type { SimulatedSiteOptions } from './siteOptions.ts';
import { NumberedWrites } from './numberedWrites.ts';
import { WriteIds } from './WriteIds.ts';

const MiB = 2 ** 20;
const awaitedMs = 3_600_000;
const stepMs = 1_000;
/** The one disk of its master. */
export const diskId = '/dev/sda';
const password = 'simulated';

/**
 * A whole site in one process and in virtual time: the product's own engines, charts and data plane on simulated
 * parties. The same seed gives the same transcript.
 */
export class SimulatedSite implements Site {
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly master: SimulatedMaster;
  readonly masterHost: SimulatedMasterHost;
  readonly witness: SimulatedWitnessHost;
  readonly fenceDevice: SimulatedFenceDevice;
  readonly appliance: SimulatedApplianceHost;
  readonly model: HypervisorModel;
  readonly workload: NumberedWrites;
  /** Present when this site's data are numbers. */
  readonly writeIds: WriteIds | undefined;
  /** One line a chart event: time, event, state. */
  readonly transcript: string[] = [];
  readonly #random: SimulatedRandom;
  readonly #options: SimulatedSiteOptions;
  /** The machine that is restored, and the engine in the substitute VM. */
  readonly wayBack: SimulatedWayBack;
  /** The recovery points, and the hosts that files go to. */
  readonly past = new SimulatedPast();
  readonly guests: SimulatedGuests;
  /** Somebody else on the production network answers for these addresses. */
  readonly strangers = new Map<string, string>();
  /** The fence device can be reached. */
  fenceReachable = true;
  readonly #startedMs: number;
  #definition: ScenarioDefinition | undefined;
  #commands = 0;

  private constructor(options: SimulatedSiteOptions) {
    this.#options = options;
    this.#random = new SimulatedRandom(options.seed);
    const { clock } = this;
    this.network = new SimulatedNetwork({
      clock,
      random: this.#random.fork('network'),
      stutter: options.stutter ?? true,
    });
    this.master = new SimulatedMaster({
      disks: [{ diskId, bytes: options.diskBytes ?? 4 * MiB, system: true }],
      clock,
    });
    this.master.traceNotPermitted = options.traceNotPermitted ?? false;
    const { drift } = options;
    if (options.data === 'writeIds')
      this.writeIds = new WriteIds({
        clock,
        network: this.network,
        writesPerSecond: options.writesPerSecond ?? 5,
      });
    this.masterHost = new SimulatedMasterHost({
      clock,
      random: this.#random,
      network: this.network,
      master: this.master,
      source: this.writeIds?.source,
      onChange: () => this.#keepWriting(),
      engineVersion: options.masterEngineVersion,
      ...(options.watchdog === undefined ? {} : { watchdog: options.watchdog }),
      ...(drift === undefined ? {} : { driftPpm: drift.master }),
      onLease: options.onLease,
      onGuardCommit: ({ event, snapshot, taken }) =>
        this.#note('guard', event.type, statePath(snapshot.value), taken === 'stale'),
    });
    this.witness = new SimulatedWitnessHost({
      clock,
      random: this.#random.fork('witness'),
      network: this.network,
      ...(drift === undefined ? {} : { driftPpm: drift.witness }),
    });
    this.fenceDevice = new SimulatedFenceDevice({
      clock,
      machine: {
        power: () => (this.masterHost.poweredOn || this.wayBack.holdsMachine ? 'on' : 'off'),
        cutPower: () => this.cutPower(),
      },
      identity: hardwareId,
      reachable: () => this.fenceReachable,
    });
    this.model = new HypervisorModel({
      clock,
      random: this.#random.fork('esxi'),
      credentials: { user: 'root', password },
      datastores: [{ name: 'datastore1', capacityBytes: options.datastoreBytes ?? 1024 * MiB }],
      networks: ['VM Network', testNetwork],
      resourcePools: ['Resources'],
      guestUpAfterMs: 20_000,
      isGuestModelled: () => true,
    });
    this.workload = new NumberedWrites({
      master: this.master,
      diskId,
      clock: this.masterHost.machineClock,
      random: this.#random.fork('workload'),
      writesPerSecond: options.writesPerSecond ?? 5,
    });
    this.guests = new SimulatedGuests(this.model);
    this.wayBack = new SimulatedWayBack({
      clock,
      network: this.network,
      model: this.model,
      master: this.master,
      masterHost: this.masterHost,
      diskId,
      vmName: () => this.#definition?.substituteVm.name,
      contentsOf: (path) => this.appliance.contentsOf(path),
      onRestored: () => {
        if (!this.writeIds) this.workload.restored(this.master.disk(diskId), this.masterHost.machineClock);
      },
    });
    this.#startedMs = clock.nowMs();
    this.appliance = new SimulatedApplianceHost({
      clock,
      random: this.#random.fork('appliance'),
      network: this.network,
      model: this.model,
      fenceDevice: this.fenceDevice,
      replica: this.writeIds,
      ...(drift === undefined ? {} : { driftPpm: drift.appliance }),
      further: (process, onFact) => ({
        bareMetal: this.wayBack.party(onFact),
        recoveryPoints: this.past.party(process, onFact),
        guest: this.guests.party(process),
      }),
      onDetached: () => this.past.letGo('the disks are needed'),
      onKilled: () => {
        this.past.crash();
        this.wayBack.forgetAppliance();
      },
      addresses: (processClock) =>
        new SimulatedAddressProbe({ clock: processClock, whoAnswers: (address) => this.#whoAnswers(address) }),
      onCommit: ({ event, snapshot, taken }) =>
        this.#note('', event.type, statePath(snapshot.value), taken === 'stale'),
    });
  }

  static async start(options: SimulatedSiteOptions): Promise<SimulatedSite> {
    const site = new SimulatedSite(options);
    registerAppliance(site.model, 'appliance');
    await site.settle(site.masterHost.start());
    await site.settle(site.witness.start());
    await site.startAppliance();
    await site.putPassword(options.typedPassword ?? password);
    await site.request('secret.put', { name: 'bmc', value: 'simulated' });
    if (site.writeIds) site.#keepWriting();
    else site.workload.start();
    return site;
  }

  get scenario(): ScenarioDefinition {
    if (!this.#definition) throw new Error('no scenario was created yet');
    return this.#definition;
  }

  async createScenario(choice: ScenarioChoice): Promise<void> {
    const { disks } = await this.master.describe();
    this.#definition = definitionOf(choice, {
      scenarioId: scenarioId(this.#random.digits(10)),
      disks,
      spoolBytesMax: this.#options.spoolBytesMax ?? 64 * MiB,
    });
    await this.request('scenario.define', { definition: this.#definition });
  }

  /** The operator types the hypervisor's password; the right one when not given. */
  async putPassword(value: string = password): Promise<void> {
    await this.request('secret.put', { name: 'esxi', value });
  }

  command(command: ScenarioCommand): Promise<CommandAnswer> {
    this.#commands += 1;
    return this.request('scenario.command', {
      scenarioId: this.scenario.scenarioId,
      commandId: `${this.#commands}`,
      command,
    });
  }

  status(): Promise<ScenarioStatus> {
    return this.request('scenario.status', { scenarioId: this.scenario.scenarioId });
  }

  rehearse(): Promise<SwitchoverRehearsal> {
    return this.request('scenario.rehearse', { scenarioId: this.scenario.scenarioId, waitForJournals: true });
  }

  explain(): Promise<Explanation> {
    return this.request('scenario.explain', { scenarioId: this.scenario.scenarioId });
  }

  async reports(): Promise<readonly Report[]> {
    const all: Report[] = [];
    for (;;) {
      const { reports } = await this.request('reports.after', { seq: all.at(-1)?.seq ?? 0, waitMs: 0 });
      if (reports.length === 0) return all;
      all.push(...reports);
    }
  }

  async events(): Promise<readonly string[]> {
    return (await this.reports()).map(({ code, params }) => eventText(code, params, 'ja'));
  }

  killMaster(): Promise<void> {
    this.cutPower();
    return Promise.resolve();
  }

  /** Whatever runs on the master's hardware ends: its own system, or the boot kit. */
  cutPower(): void {
    this.wayBack.losePower();
    this.masterHost.powerOff();
  }

  /** The engine's process on the master is started again, maybe updated; the machine and its workload go on. */
  async restartMasterEngine(version?: string): Promise<void> {
    this.masterHost.killEngine();
    await this.settle(this.masterHost.startEngine(version));
  }

  /** The machine has power again; what ran on it runs again. */
  async bootMaster(): Promise<void> {
    await this.settle(this.pressPower());
  }

  /** The same without moving time. A machine that runs the boot kit has power, one that is half restored cannot boot. */
  async pressPower(): Promise<void> {
    if (this.masterHost.poweredOn || this.wayBack.holdsMachine || !this.wayBack.bootable) return;
    await this.masterHost.boot();
    if (!this.writeIds) this.workload.moveTo(this.masterHost.machineClock);
  }

  /** After `appliance.kill()`: its engine starts again on what it left. */
  startAppliance(): Promise<void> {
    return this.settle(this.appliance.start());
  }

  shrinkMasterDisk(): Promise<void> {
    this.workload.stop();
    this.master.shrinkDisk(diskId, 2 * MiB);
    return Promise.resolve();
  }

  isMasterIsolated(): Promise<boolean> {
    return Promise.resolve(this.masterHost.hostNetwork.blocked);
  }

  substituteVm(): Promise<{ readonly power: string } | undefined> {
    const vm = this.model.vms().find(({ name }) => name === this.scenario.substituteVm.name);
    return Promise.resolve(vm && { power: vm.power === 'poweredOn' ? 'on' : 'off' });
  }

  replicaDisks(): Promise<number> {
    return Promise.resolve(this.model.disks.all().filter(({ parent }) => parent === undefined).length);
  }

  /** The replica is read byte by byte: it must be the disk as it was after one of the writes. */
  async writes(): Promise<WriteTally> {
    const { consistentPoint } = await this.status();
    if (this.writeIds) {
      const byNumber = consistentPoint ? this.writeIds.workload.writesBy(BigInt(consistentPoint.atNs)) : 0;
      const prefix = this.writeIds.prefix(this.scenario.scenarioId);
      if (prefix === undefined) throw new Error('the replica disks are a mixture');
      return { acknowledged: byNumber, found: prefix, lost: Math.max(0, byNumber - prefix) };
    }
    const contents = this.model.disks
      .all()
      .filter(({ parent }) => parent === undefined)
      .map(({ path }) => this.appliance.contentsOf(path))[0];
    if (!contents) throw new Error('there is no replica disk');
    const acknowledged = consistentPoint ? this.workload.completedBy(BigInt(consistentPoint.atNs)) : 0;
    const found = this.workload.prefixOf(contents);
    return { acknowledged, found, lost: Math.max(0, acknowledged - found) };
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (let passedMs = 0; passedMs <= awaitedMs; passedMs += stepMs) {
      if (await holds()) return;
      await this.clock.advance(stepMs);
    }
    throw new Error(
      `within ${awaitedMs / 1000} s of virtual time it did not happen that ${what}; the scenario stands at ${(await this.status()).state}`,
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** As control asks: over the network, from a host of its own. */
  request<Name extends RequestName>(name: Name, params: Requests[Name]['params']): Promise<Requests[Name]['result']> {
    return this.settle(
      (async () => {
        const connection = await this.network.host('control').connect({ host: 'appliance', port: 25_000 });
        const session = await openSession(connection, { clock: this.clock, node: 'control', purpose: 'control' });
        try {
          return await session.request(name, params);
        } finally {
          session.close();
        }
      })(),
    );
  }

  /** Moves virtual time just as far as an answer needs. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;
    work.then(
      (value) => (outcome = { value }),
      (thrown: unknown) => (outcome = { thrown }),
    );
    await this.clock.runUntil(() => outcome !== undefined, 60_000);
    if (outcome && 'thrown' in outcome) throw outcome.thrown;
    return (outcome as unknown as { value: T }).value;
  }

  /** Numbered writes go on as long as the machine does, whoever can reach it. */
  #keepWriting(): void {
    const isWriting = (this.writeIds?.workload.writesPerSecond ?? 0) > 0;
    const runs = this.masterHost.poweredOn && !this.masterHost.frozen;
    if (runs && !isWriting) this.writeIds?.workload.start();
    else if (!runs && isWriting) this.writeIds?.workload.stop();
  }

  #whoAnswers(address: string): string | undefined {
    if (address === productionAddress && this.masterHost.serving) return 'master';
    return this.strangers.get(address);
  }

  #note(who: string, event: string, state: string, stale: boolean): void {
    const atMs = String(this.clock.nowMs() - this.#startedMs).padStart(9);
    this.transcript.push(`${atMs} ms ${who ? `[${who}] ` : ''}${stale ? '(stale) ' : ''}${event} → ${state}`);
  }
}
