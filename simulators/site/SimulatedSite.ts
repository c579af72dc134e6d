import { eventText } from '#control/eventLog/eventText.ts';
import { Engine } from '#engine/Engine.ts';
import { ReplicationSources } from '#engine/master/ReplicationSources.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
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
import type { ScenarioDefinition, SwitchoverMode } from '#machines/vocabulary.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { registerAppliance } from '#simulators/hypervisor/model/appliance.ts';
import { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedApplianceHost } from './SimulatedAppliance.ts';
import type { Site, WriteTally } from './site.ts';
import { NumberedWrites } from './numberedWrites.ts';

const MiB = 2 ** 20;
const awaitedMs = 3_600_000;
const stepMs = 1_000;
const diskId = '/dev/sda';
const password = 'simulated';

export type SimulatedSiteOptions = {
  readonly seed: string;
  readonly diskBytes?: number;
  readonly writesPerSecond?: number;
  readonly spoolBytesMax?: number;
  readonly datastoreBytes?: number;
  /** What the operator types as the hypervisor's password; the right one when not given. */
  readonly typedPassword?: string;
  /** Another version than the appliance's. */
  readonly masterEngineVersion?: string;
  readonly traceNotPermitted?: boolean;
};

/**
 * A whole site in one process and in virtual time: the product's own engines, charts and data plane on simulated
 * parties. The same seed gives the same transcript.
 */
export class SimulatedSite implements Site {
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly master: SimulatedMaster;
  readonly appliance: SimulatedApplianceHost;
  readonly model: HypervisorModel;
  readonly workload: NumberedWrites;
  /** One line a chart event: time, event, state. */
  readonly transcript: string[] = [];
  readonly #random: SimulatedRandom;
  readonly #options: SimulatedSiteOptions;
  /** The master's machine; its engine is one process on it. */
  readonly #machineClock: ProcessClock;
  #engineClock: ProcessClock;
  #definition: ScenarioDefinition | undefined;
  #commands = 0;
  #engineStarts = 0;

  private constructor(options: SimulatedSiteOptions) {
    this.#options = options;
    this.#random = new SimulatedRandom(options.seed);
    const { clock } = this;
    this.network = new SimulatedNetwork({ clock, random: this.#random.fork('network') });
    this.#machineClock = clock.process();
    this.#engineClock = clock.process();
    this.master = new SimulatedMaster({
      disks: [{ diskId, bytes: options.diskBytes ?? 4 * MiB, system: true }],
      clock,
    });
    this.master.traceNotPermitted = options.traceNotPermitted ?? false;
    this.model = new HypervisorModel({
      clock,
      random: this.#random.fork('esxi'),
      credentials: { user: 'root', password },
      datastores: [{ name: 'datastore1', capacityBytes: options.datastoreBytes ?? 1024 * MiB }],
      networks: ['VM Network'],
      resourcePools: ['Resources'],
      guestUpAfterMs: 20_000,
      isGuestModelled: () => true,
    });
    this.workload = new NumberedWrites({
      master: this.master,
      diskId,
      clock: this.#machineClock,
      random: this.#random.fork('workload'),
      writesPerSecond: options.writesPerSecond ?? 5,
    });
    const startedMs = clock.nowMs();
    this.appliance = new SimulatedApplianceHost({
      clock,
      random: this.#random.fork('appliance'),
      network: this.network,
      model: this.model,
      onCommit: ({ event, snapshot, taken }) => {
        this.transcript.push(
          `${String(clock.nowMs() - startedMs).padStart(9)} ms ${taken === 'stale' ? '(stale) ' : ''}${event.type} → ${statePath(snapshot.value)}`,
        );
      },
    });
  }

  static async start(options: SimulatedSiteOptions): Promise<SimulatedSite> {
    const site = new SimulatedSite(options);
    registerAppliance(site.model, 'appliance');
    await site.#settle(site.#startMasterEngine(options.masterEngineVersion));
    await site.startAppliance();
    await site.putPassword(options.typedPassword ?? password);
    site.workload.start();
    return site;
  }

  get scenario(): ScenarioDefinition {
    if (!this.#definition) throw new Error('no scenario was created yet');
    return this.#definition;
  }

  async createScenario({ switchover }: { readonly switchover: SwitchoverMode }): Promise<void> {
    const { disks } = await this.master.describe();
    this.#definition = {
      scenarioId: scenarioId(this.#random.digits(10)),
      name: 'web-server',
      master: { host: 'master', port: 25_000, disks },
      appliance: { host: 'appliance', port: 25_000, vmName: 'appliance' },
      hypervisor: {
        host: 'esxi',
        port: 443,
        user: 'root',
        secretName: 'esxi',
        certificateSha256: '0'.repeat(64),
        datastore: 'datastore1',
      },
      substituteVm: {
        name: 'web-double',
        cpus: 2,
        memoryMiB: 512,
        nicMapping: { highAvailability: [{ network: 'VM Network' }] },
      },
      isAlive: { heartbeatMs: 30_000, timeoutMs: 300_000 },
      switchover,
      syncMethod: 'volumeLevel',
      spool: { spoolBytesMax: this.#options.spoolBytesMax ?? 64 * MiB },
    };
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
    this.#machineClock.kill();
    this.#engineClock.kill();
    this.network.powerOff('master');
    this.master.powerOff();
    return Promise.resolve();
  }

  /** The engine's process on the master is started again, maybe updated; the machine and its workload go on. */
  async restartMasterEngine(version?: string): Promise<void> {
    this.#engineClock.kill();
    this.network.kill('master');
    this.#engineClock = this.clock.process();
    await this.#settle(this.#startMasterEngine(version));
  }

  /** After `appliance.kill()`: its engine starts again on what it left. */
  startAppliance(): Promise<void> {
    return this.#settle(this.appliance.start());
  }

  shrinkMasterDisk(): Promise<void> {
    this.workload.stop();
    this.master.shrinkDisk(diskId, 2 * MiB);
    return Promise.resolve();
  }

  isMasterIsolated(): Promise<boolean> {
    return Promise.resolve(this.master.isIsolated());
  }

  substituteVm(): Promise<{ readonly power: string } | undefined> {
    const vm = this.model.vms().find(({ name }) => name === this.scenario.substituteVm.name);
    return Promise.resolve(vm && { power: vm.power === 'poweredOn' ? 'on' : 'off' });
  }

  replicaDisks(): Promise<number> {
    return Promise.resolve(this.model.disks.all().length);
  }

  /** The replica is read byte by byte: it must be the disk as it was after one of the writes. */
  async writes(): Promise<WriteTally> {
    const { consistentPoint } = await this.status();
    const contents = this.model.disks.all().map(({ path }) => this.appliance.contentsOf(path))[0];
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
    return this.#settle(
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

  async #startMasterEngine(version?: string): Promise<void> {
    const network = this.network.host('master');
    const clock = this.#engineClock;
    const digest = (bytes: Uint8Array) =>
      new Uint8Array(new Uint32Array([crc32(bytes), crc32(bytes, 1), bytes.length, 0]).buffer);
    const sources = new ReplicationSources({
      master: this.master,
      files: new SimulatedFiles(),
      clock,
      random: this.#random.fork(`streams-${(this.#engineStarts += 1)}`),
      folder: '/spool',
      digest,
    });
    const engine = new Engine({
      node: 'master',
      listen: { host: 'master', port: 25_000 },
      clock,
      network,
      master: this.master,
      handlers: [sources.handlers],
      ...(version === undefined ? {} : { version }),
    });
    await engine.start();
  }

  /** Moves virtual time just as far as an answer needs. */
  async #settle<T>(work: Promise<T>): Promise<T> {
    let outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;
    work.then(
      (value) => (outcome = { value }),
      (thrown: unknown) => (outcome = { thrown }),
    );
    await this.clock.runUntil(() => outcome !== undefined, 60_000);
    if (outcome && 'thrown' in outcome) throw outcome.thrown;
    return (outcome as unknown as { value: T }).value;
  }
}
