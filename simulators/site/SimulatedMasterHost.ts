import { Engine } from '#engine/Engine.ts';
import { Guard } from '#engine/guard/Guard.ts';
import type { GuardOptions } from '#engine/guard/Guard.ts';
import { ReplicationSources } from '#engine/master/ReplicationSources.ts';
import { engineVersion } from '#engine/protocol/messages.ts';
import type { Caller } from '#engine/protocol/session.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Network } from '#machines/parties/network.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import type { ProcessClock, SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedHostNetwork } from '#simulators/hostNetwork/SimulatedHostNetwork.ts';
import type { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { SimulatedSource } from '#simulators/replica/SimulatedSource.ts';
import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedWatchdog } from '#simulators/watchdog/SimulatedWatchdog.ts';

export type MasterHostOptions = {
  readonly clock: SimulatedClock;
  readonly random: SimulatedRandom;
  readonly network: SimulatedNetwork;
  readonly master: SimulatedMaster;
  readonly driftPpm?: number;
  /** Another version than the appliance's. */
  readonly engineVersion?: string | undefined;
  readonly watchdog?: boolean;
  /** What its engine sends instead of blocks. */
  readonly source?: SimulatedSource | undefined;
  readonly onGuardCommit?: GuardOptions['onCommit'];
  readonly onLease?: GuardOptions['onLease'] | undefined;
  /** Power, standstill or network of the machine have changed. */
  readonly onChange?: () => void;
};

type Running = { readonly clock: ProcessClock; readonly view: Network };

const name = 'master';
/** The kit writes its order on the disks: there is no session to speak of. */
const byKit = { node: 'kit', purpose: 'engine' } as Caller;
export const masterPort = 25_000;
export const guardPort = 25_001;
/** The supervisor of the guard starts it again this long after its death. */
const supervisorMs = 1_000;
const bootMs = 60_000;

/** The protected machine: its power, its network, its watchdog, and the two processes on it that may be killed. */
export class SimulatedMasterHost {
  readonly hostNetwork: SimulatedHostNetwork;
  readonly watchdog: SimulatedWatchdog;
  readonly #options: MasterHostOptions;
  readonly #guardStore: { store: SimulatedChartStore } = { store: new SimulatedChartStore() };
  /** The machine while it has power. */
  #machine: ProcessClock;
  #engine: Running | undefined;
  #guard: (Running & { readonly guard: Guard }) | undefined;
  #frozen = false;
  #starts = 0;
  #boots = 1;

  constructor(options: MasterHostOptions) {
    this.#options = options;
    this.#machine = this.#newMachine();
    const { clock } = options;
    this.hostNetwork = new SimulatedHostNetwork({ clock });
    this.watchdog = new SimulatedWatchdog({
      clock,
      onReset: () => {
        this.powerOff();
        clock.after(bootMs, () => void this.boot());
      },
    });
  }

  /** The clock of the machine as it runs now; a workload's, for example. */
  get machineClock(): ProcessClock {
    return this.#machine;
  }

  get poweredOn(): boolean {
    return this.#options.master.poweredOn;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Clients can reach it. */
  get serving(): boolean {
    return this.poweredOn && !this.#frozen && !this.hostNetwork.blocked;
  }

  get guardStore(): SimulatedChartStore {
    return this.#guardStore.store;
  }

  /** Both processes; resolves when they listen. */
  async start(): Promise<void> {
    await this.startGuard();
    await this.startEngine(this.#options.engineVersion);
  }

  /** From one moment to the next, as a power cut. */
  powerOff(): void {
    const { master, network } = this.#options;
    if (!master.poweredOn) return;
    this.thaw();
    this.#machine.kill();
    network.powerOff(name);
    master.powerOff();
    this.watchdog.disarm();
    this.#options.source?.boot();
    this.#engine = undefined;
    this.#guard?.guard.stop();
    this.#guard = undefined;
    this.#options.onChange?.();
  }

  /**
   * Somebody presses the button. Its network comes up as configured, and the guard is the first to run on it.
   * `isolated`: the boot kit has told the guard on these disks to stay away, in the epoch of this intent.
   */
  async boot(isolated?: Intent): Promise<void> {
    const { master, network } = this.#options;
    if (master.poweredOn) return;
    master.powerOn();
    this.#boots += 1;
    network.powerOn(name);
    this.#machine = this.#newMachine();
    this.hostNetwork.restartHost();
    this.#guardStore.store = this.#guardStore.store.reopen();
    await this.startGuard();
    if (isolated) await this.#guard?.guard.handlers()['guard.isolate']?.({ intent: isolated }, byKit);
    this.hostNetwork.comeUp();
    await this.startEngine(this.#options.engineVersion);
    this.#options.onChange?.();
  }

  freeze(): void {
    if (!this.poweredOn) return;
    this.#frozen = true;
    this.#machine.freeze();
    this.#options.network.freeze(name);
    this.#options.onChange?.();
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#machine.thaw();
    this.#options.network.thaw(name);
    this.#options.onChange?.();
  }

  /** An administrator or NTP sets its wall clock. */
  jumpClock(byMs: number): void {
    this.#machine.stepWallClock(byMs);
  }

  async startEngine(version?: string): Promise<void> {
    const { network, master, random, source } = this.#options;
    const [clock, view] = [this.#machine.process(), network.host(name)];
    this.#engine = { clock, view };
    const sources = source
      ? []
      : [
          new ReplicationSources({
            master,
            files: new SimulatedFiles(),
            clock,
            random: random.fork(`streams-${(this.#starts += 1)}`),
            folder: '/spool',
            digest: (bytes) => new Uint8Array(new Uint32Array([crc32(bytes), crc32(bytes, 1), bytes.length, 0]).buffer),
          }).handlers,
        ];
    if (source) source.version = version ?? engineVersion;
    const engine = new Engine({
      node: name,
      listen: { host: name, port: masterPort },
      clock,
      network: view,
      master,
      handlers: sources,
      ...(version === undefined ? {} : { version }),
    });
    await engine.start();
    source?.startEngine();
  }

  killEngine(): void {
    if (!this.#engine) return;
    this.#engine.clock.kill();
    this.#options.network.kill(name, this.#engine.view);
    this.#options.source?.killEngine();
    this.#engine = undefined;
  }

  get engineRuns(): boolean {
    return this.#engine !== undefined;
  }

  async startGuard(): Promise<void> {
    const { network, onGuardCommit, onLease } = this.#options;
    const [clock, view] = [this.#machine.process(), network.host(name)];
    const guard = new Guard({
      node: name,
      host: 'serial-1',
      boot: `boot ${this.#boots}`,
      clock,
      network: view,
      store: this.#guardStore.store,
      hostNetwork: this.hostNetwork,
      ...(this.#options.watchdog === false ? {} : { watchdog: this.watchdog }),
      ...(onLease ? { onLease } : {}),
      onCommit: (commit) => {
        onGuardCommit?.(commit);
        this.#options.onChange?.();
      },
    });
    this.#guard = { clock, view, guard };
    await guard.start();
    const engine = new Engine({
      node: name,
      listen: { host: name, port: guardPort },
      clock,
      network: view,
      handlers: [guard.handlers()],
    });
    await engine.start();
  }

  /** `kill -9` of the guard. Its supervisor starts it again, unless there is none. */
  killGuard({ supervised = true }: { readonly supervised?: boolean } = {}): void {
    if (!this.#guard) return;
    this.#guard.guard.stop();
    this.#guard.clock.kill();
    this.#options.network.kill(name, this.#guard.view);
    this.#guard = undefined;
    this.#guardStore.store = this.#guardStore.store.reopen();
    if (supervised) this.#machine.after(supervisorMs, () => void this.startGuard());
  }

  /** An orderly shutdown says so beforehand. */
  announce(notice: { readonly forMs: number; readonly reason: string }): Promise<unknown> {
    return this.#guard?.guard.announce(notice) ?? Promise.resolve();
  }

  #newMachine(): ProcessClock {
    const { clock, driftPpm } = this.#options;
    return clock.process(driftPpm === undefined ? undefined : { driftPpm });
  }
}
