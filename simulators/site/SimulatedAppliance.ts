import { Appliance } from '#engine/appliance/Appliance.ts';
import type { ApplianceOptions } from '#engine/appliance/Appliance.ts';
import { Engine } from '#engine/Engine.ts';
import { ReplicaReceiver } from '#engine/replica/ReplicaReceiver.ts';
import type { AddressProbe } from '#machines/parties/addressProbe.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Hypervisor } from '#machines/parties/hypervisor.ts';
import type { Fact } from '#machines/host/step.ts';
import type { ScenarioParties } from '#machines/parties/wishes.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import type { ProcessClock, SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import type { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import type { PlannedFailure } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedBlocks } from '#simulators/replicaDisk/simulatedBlocks.ts';
import { SimulatedReplicaDisks } from '#simulators/replicaDisk/SimulatedReplicaDisks.ts';

/** The receiving end that outlives no process; what is durable of it does. */
export type ReplicaHost = {
  open(
    around: { readonly clock: ProcessClock; readonly isAttached: (wwn: string) => boolean },
    onFact: Parameters<ApplianceOptions['replica']>[0],
  ): ReturnType<ApplianceOptions['replica']>;
  /** The process died: what was not durable is lost. */
  killed(): void;
};

type Surroundings = {
  readonly clock: SimulatedClock;
  readonly driftPpm?: number;
  readonly random: SimulatedRandom;
  readonly network: SimulatedNetwork;
  readonly model: HypervisorModel;
  /** Instead of the one that receives blocks. */
  readonly replica?: ReplicaHost | undefined;
  readonly fenceDevice: FenceDevice;
  readonly addresses: (clock: ProcessClock) => AddressProbe;
  /** Parties of capabilities that not every engine has, in the time of the process that asks them. */
  readonly further: (clock: ProcessClock, onFact: (fact: Fact) => void) => Partial<ScenarioParties>;
  /** The replica's disks are being let go of. */
  readonly onDetached: () => void;
  /** The process died, and with it what ran in it. */
  readonly onKilled: () => void;
  readonly onCommit: NonNullable<ApplianceOptions['onCommit']>;
};

/** The appliance's host: what outlives its engine's process, and the process that may be killed and started again. */
export class SimulatedApplianceHost {
  readonly #around: Surroundings;
  /** Contents of the virtual disks, by their UUID: they belong to the datastore, not to whoever has them open. */
  readonly #contents = new Map<string, SimulatedBlocks>();
  readonly #replicaDisks = new SimulatedReplicaDisks();
  #store = new SimulatedChartStore();
  #files = new SimulatedFiles();
  #process: { readonly clock: ProcessClock; readonly appliance: Appliance } | undefined;
  /** The host's hypervisor of the latest connection, for planned failures and counts. */
  hypervisor: SimulatedHypervisor | undefined;
  /** False while the way to the hypervisor's host is cut. */
  hypervisorReachable = true;
  #planned: PlannedFailure[] = [];

  readonly #machine: ProcessClock;
  #cuts = 0;
  /** UUIDs of the disks that the appliance's guest sees. */
  readonly #attached = new Set<string>();

  constructor(around: Surroundings) {
    this.#around = around;
    const { clock, driftPpm } = around;
    this.#machine = clock.process(driftPpm === undefined ? undefined : { driftPpm });
  }

  /** Starts the engine on what an earlier process left. */
  async start(): Promise<void> {
    const { network, random, replica } = this.#around;
    const clock = this.#machine.process();
    const view = network.host('appliance');
    const files = this.#files;
    const appliance = new Appliance({
      node: 'appliance',
      folder: '/appliance',
      clock,
      network: view,
      random: random.fork('appliance'),
      files,
      store: this.#store,
      fenceDevice: () => this.#around.fenceDevice,
      addresses: this.#around.addresses(clock),
      capabilities: ['speculation', 'assuredRecovery', 'reverseReplication', 'dataRecovery', 'offline', 'guestChecks'],
      replica: (onFact) =>
        replica?.open({ clock, isAttached: (wwn) => this.#attached.has(wwn) }, onFact) ??
        new ReplicaReceiver({
          network: view,
          replicaDisks: this.#replicaDisks,
          files,
          clock,
          stateFolder: '/appliance/replica',
          node: 'appliance',
          onFact,
        }),
      further: (_scenario, onFact) => this.#around.further(clock, onFact),
      hypervisor: (_place, password) => this.#connectHypervisor(clock, password),
      onCommit: this.#around.onCommit,
    });
    await appliance.start();
    const engine = new Engine({
      node: 'appliance',
      listen: { host: 'appliance', port: 25_000 },
      clock,
      network: view,
      handlers: [appliance.handlers()],
    });
    await engine.start();
    this.#process = { clock, appliance };
  }

  get store(): SimulatedChartStore {
    return this.#store;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  freeze(): void {
    this.#machine.freeze();
    this.#around.network.freeze('appliance');
  }

  thaw(): void {
    this.#machine.thaw();
    this.#around.network.thaw('appliance');
  }

  /** An administrator or NTP sets its wall clock. */
  jumpClock(byMs: number): void {
    this.#machine.stepWallClock(byMs);
  }

  /** Plans a failure of the hypervisor, now or once somebody connects to it. */
  failHypervisor(failure: PlannedFailure): void {
    if (this.hypervisor) this.hypervisor.fail(failure);
    else this.#planned.push(failure);
  }

  /**
   * `kill -9`: timers, sockets and open disks are gone; what was durable stays. With `powerLost` the caches are gone too,
   * and of what was not flushed an end of chance.
   */
  kill({ powerLost = false }: { readonly powerLost?: boolean } = {}): void {
    this.#process?.appliance.halt();
    this.#process?.clock.kill();
    this.#around.network.kill('appliance');
    this.#replicaDisks.killOpeners();
    this.#around.replica?.killed();
    this.#around.onKilled();
    this.#store = this.#store.reopen();
    this.#files = this.#files.restart(powerLost ? this.#around.random.fork(`power-${(this.#cuts += 1)}`) : undefined);
    this.#process = undefined;
  }

  /** What the disk at this path of the datastore holds; a child starts out as its parent stands still. */
  contentsOf(path: string): SimulatedBlocks | undefined {
    const disk = this.#around.model.disks.find(path);
    if (!disk) return undefined;
    const known = this.#contents.get(disk.uuid);
    if (known || disk.parent === undefined) return known;
    const child = this.contentsOf(disk.parent)?.clone();
    if (child) this.#contents.set(disk.uuid, child);
    return child;
  }

  /** The site's hypervisor, which also moves the disks in and out of the appliance's guest. */
  #connectHypervisor(clock: ProcessClock, password: string): Hypervisor {
    const { model, random } = this.#around;
    const hypervisor = new SimulatedHypervisor({
      model,
      clock,
      random: random.fork('hypervisor'),
      credentials: { user: 'root', password },
      reachable: () => this.hypervisorReachable,
    });
    for (const failure of this.#planned.splice(0)) hypervisor.fail(failure);
    this.hypervisor = hypervisor;
    const attach = hypervisor.attachDisk.bind(hypervisor);
    const detach = hypervisor.detachDisk.bind(hypervisor);
    hypervisor.attachDisk = async (place, intent) => {
      const locator = await attach(place, intent);
      this.#attached.add(locator.wwn);
      const contents = this.contentsOf(place.path) ?? new SimulatedBlocks(locator.expectBytes);
      if (!this.#contents.has(locator.wwn)) this.#contents.set(locator.wwn, contents);
      if (!this.#replicaDisks.isOpen(locator.wwn)) this.#replicaDisks.attach(locator.wwn, contents);
      return locator;
    };
    hypervisor.detachDisk = async (place, intent) => {
      this.#around.onDetached();
      await detach(place, intent);
      const disk = model.disks.find(place.path);
      if (!disk) return;
      this.#attached.delete(disk.uuid);
      this.#replicaDisks.detach(disk.uuid);
    };
    return hypervisor;
  }
}
