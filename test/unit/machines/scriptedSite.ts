import { PartyFault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import { performer } from '#machines/host/performer.ts';
import { statePath } from '#machines/host/step.ts';
import { wishNames } from '#machines/parties/wishes.ts';
import type { ScenarioParties, WishName } from '#machines/parties/wishes.ts';
import { leaseTimingDefaults } from '#machines/masterGuard/leaseTiming.ts';
import type { Capability } from '#machines/scenario/context.ts';
import { stateLabel } from '#machines/scenario/stateWords.ts';
import { scenarioChart, scenarioChartVersion } from '#machines/scenario/scenario.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';

const GiB = 2 ** 30;

export const definition: ScenarioDefinition = {
  scenarioId: scenarioId('4009412486'),
  name: 'web server',
  master: {
    host: 'master',
    port: 25_000,
    guardPort: 25_001,
    disks: [{ diskId: '/dev/sda', bytes: GiB, system: true }],
  },
  appliance: { host: 'appliance', port: 25_000, vmName: 'appliance' },
  hypervisor: {
    host: 'esxi',
    port: 443,
    user: 'root',
    secretName: 'esxi',
    certificateSha256: 'ab',
    datastore: 'datastore1',
  },
  substituteVm: {
    name: 'web-double',
    cpus: 2,
    memoryMiB: 512,
    nicMapping: { highAvailability: [{ network: 'VM Network' }], assuredRecovery: [] },
  },
  isAlive: { heartbeatMs: 30_000, timeoutMs: 300_000 },
  switchover: 'automatic',
  speculation: true,
  fence: {
    witness: { host: 'witness', port: 25_000 },
    device: {
      kind: 'redfish',
      host: 'bmc',
      port: 443,
      user: 'root',
      secretName: 'bmc',
      certificateSha256: 'cd',
      systemId: '1',
    },
    timing: leaseTimingDefaults,
    productionAddresses: ['192.0.2.10'],
  },
  runAfterReboot: true,
  syncMethod: 'volumeLevel',
  spool: { spoolBytesMax: GiB },
};

const allCapabilities: readonly Capability[] = [
  'speculation',
  'assuredRecovery',
  'reverseReplication',
  'dataRecovery',
  'offline',
  'fileLevel',
  'isAliveChecks',
  'guestChecks',
];

type Script = Partial<Record<WishName, unknown>>;

const answers: Script = {
  'master.describe': {
    hostName: 'master',
    engineVersion: '1',
    firmware: 'bios',
    cpus: 2,
    memoryMiB: 512,
    changeSource: 'trace',
    disks: definition.master.disks,
  },
  'master.look': { alive: false, evidence: 'silent' },
  'hypervisor.inspect': {
    product: 'ESXi',
    version: '6.7.1',
    writable: true,
    networks: [{ name: 'VM Network' }],
    resourcePools: [],
    datastores: [{ name: 'datastore1', capacityBytes: 10 * GiB, freeBytes: 10 * GiB, accessible: true }],
    vms: [{ vmId: '1', name: 'appliance', power: 'on', diskPaths: [], nics: [], snapshots: 0 }],
  },
  'hypervisor.attachDisk': { wwn: '6000c29', expectBytes: GiB },
  'hypervisor.createVm': { vmId: '2', name: 'web-double', power: 'off', diskPaths: [], nics: [], snapshots: 0 },
  'hypervisor.waitForGuest': { tools: 'running', hostName: 'web' },
  'replica.freeze': { point: { sequence: 7, atNs: '7' } },
  'replica.finish': { point: { sequence: 7, atNs: '7' } },
  'guard.describe': {
    node: 'master',
    epoch: 0,
    armed: false,
    isolated: false,
    isolation: 'firewall',
    watchdog: { periodMs: 15_000 },
  },
  'lease.claim': { sinceLastGrantMs: 200_000 },
  'witness.read': { node: 'witness', generation: 'g', epoch: 0, sinceLastGrantMs: 0 },
  'witness.claim': { sinceLastGrantMs: 200_000 },
  'fence.describe': { power: 'on', identity: 'bmc' },
  'hypervisor.deleteChildDisk': { discardedBytes: 4096 },
  'hypervisor.describeVm': {
    vmId: '2',
    name: 'web-double',
    power: 'on',
    diskPaths: [],
    nics: [{ network: 'VM Network', connected: true }],
    snapshots: 0,
  },
  'addresses.probe': { answers: [], askedAtMs: Number.MAX_SAFE_INTEGER },
  'guest.check': { outcome: 'passed', evidence: 'ok' },
  'offline.stageSeed': { folder: '/var/lib/kagemusha/vm/4009412486/sda' },
};

/** The chart on its real host, with parties that answer from a script. */
export class ScriptedSite {
  readonly clock: SimulatedClock;
  store: SimulatedChartStore;
  readonly script: Record<string, unknown>;
  readonly wishes: string[] = [];
  readonly asked: { readonly name: string; readonly args: unknown }[] = [];
  readonly states: string[] = [];
  host: DurableHost;
  readonly id = definition.scenarioId as string;

  constructor(
    overrides: Partial<Record<WishName, unknown>> = {},
    changes: Partial<ScenarioDefinition> = {},
    capabilities: readonly Capability[] = allCapabilities,
  ) {
    this.clock = new SimulatedClock();
    this.store = new SimulatedChartStore();
    this.script = { ...answers, ...overrides };
    this.host = this.#newHost();
    this.host.create(this.id, {
      definition: { ...definition, ...changes },
      applianceVersion: '1',
      applianceNode: 'appliance',
      capabilities,
    });
  }

  get state(): string {
    return statePath(this.host.snapshot(this.id).value);
  }

  get codes(): string[] {
    return this.store
      .reports(0, 1000)
      .map(({ code }) => code)
      .filter((code) => code !== 'state');
  }

  async tell(type: string, details: Record<string, unknown> = {}): Promise<boolean> {
    const taken = this.host.dispatch(this.id, { type, ...details });
    await this.clock.advance(0);
    return taken;
  }

  /** From nothing to the steady state. */
  async runToReplicating(): Promise<void> {
    await this.tell('operator.run');
    await this.tell('replica.synchronized', { bytes: GiB });
    await this.tell('replica.caughtUp', { point: { sequence: 1, atNs: '1' } });
  }

  /** The engine's process ends and another takes up the same store. */
  restart(): void {
    this.host.stop();
    this.host = this.#newHost();
    this.host.start();
  }

  #newHost(): DurableHost {
    return new DurableHost({
      chart: scenarioChart,
      version: scenarioChartVersion,
      lateness: scenarioLateness,
      stateWords: stateLabel,
      store: this.store,
      clock: this.clock,
      perform: performer(() => this.#parties(), this.clock),
      onCommit: ({ snapshot }) => this.states.push(statePath(snapshot.value)),
    });
  }

  #parties(): ScenarioParties {
    const parties: Record<string, Record<string, unknown>> = {};
    for (const name of wishNames) {
      const [party, method] = name.split('.') as [string, string];
      (parties[party] ??= {})[method] = (args: unknown) => this.#answer(name, args);
    }
    return parties as unknown as ScenarioParties;
  }

  #answer(name: WishName, args: unknown): Promise<unknown> {
    this.wishes.push(name);
    this.asked.push({ name, args });
    const answer = this.script[name];
    if (answer === 'never') return new Promise(() => {});
    if (typeof answer === 'string') return Promise.reject(new PartyFault(answer as FaultCode, { host: 'scripted' }));
    return Promise.resolve(answer);
  }
}
