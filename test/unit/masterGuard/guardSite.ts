import { Engine } from '#engine/Engine.ts';
import { Guard } from '#engine/guard/Guard.ts';
import { RemoteGuard } from '#engine/appliance/RemoteGuard.ts';
import { RemoteWitness } from '#engine/appliance/RemoteWitness.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { Witness } from '#engine/witness/Witness.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { toFault } from '#machines/faults.ts';
import { statePath } from '#machines/host/step.ts';
import type { GuardTerms } from '#machines/parties/masterGuard.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { LeaseTiming } from '#machines/vocabulary.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedHostNetwork } from '#simulators/hostNetwork/SimulatedHostNetwork.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedWatchdog } from '#simulators/watchdog/SimulatedWatchdog.ts';

export const id = scenarioId('4009412486');
export const otherId = scenarioId('4009412487');
export const timing: LeaseTiming = {
  renewMs: 5_000,
  leaseMs: 20_000,
  guardPollMs: 500,
  guardRestartMs: 5_000,
  watchdogMs: 15_000,
  actuationMs: 2_000,
  roundTripMs: 2_000,
  driftPpm: 5_000,
  marginMs: 500,
};
export const safeMs = safeWaitMs(timing);
const guardAt = { host: 'master', port: 25_001 };
const witnessAt = { host: 'witness', port: 25_000 };
export const terms: GuardTerms = {
  at: guardAt,
  appliance: { host: 'appliance', port: 25_000 },
  witness: witnessAt,
  policy: 'automatic',
  timing,
};

/** A guard on its master between its two voters, in virtual time. */
export class GuardSite {
  readonly clock = new SimulatedClock();
  readonly network = new SimulatedNetwork({ clock: this.clock, random: new SimulatedRandom('guard') });
  readonly machine: ProcessClock = this.clock.process();
  readonly hostNetwork = new SimulatedHostNetwork({ clock: this.machine });
  readonly watchdog = new SimulatedWatchdog({ clock: this.clock, onReset: () => void this.resetHost() });
  store = new SimulatedChartStore();
  guard!: Guard;
  readonly states: string[] = [];
  readonly notices: unknown[] = [];
  readonly voters: Record<'appliance' | 'witness', LeaseVoter>;
  readonly remote = new RemoteGuard(
    { network: this.network.host('appliance'), clock: this.clock, node: 'appliance' },
    id,
  );
  readonly remoteWitness = new RemoteWitness(
    { network: this.network.host('appliance'), clock: this.clock, node: 'appliance' },
    id,
  );
  resets = 0;
  #process!: ProcessClock;
  #tickets = 0;

  private constructor() {
    const voter = (name: string) =>
      new LeaseVoter({
        files: new SimulatedFiles(),
        clock: this.clock,
        random: new SimulatedRandom(name),
        path: '/promises.json',
        voter: name,
      });
    this.voters = { appliance: voter('appliance'), witness: voter('witness') };
  }

  static async start(host = 'metal-1'): Promise<GuardSite> {
    const site = new GuardSite();
    const { appliance, witness } = site.voters;
    await appliance.start();
    await witness.start();
    await site.#listen('appliance', {
      'lease.renew': (renewal) => appliance.renew(renewal),
      'master.notice': (notice) => {
        site.notices.push(notice);
        return {};
      },
    });
    await site.#listen('witness', new Witness({ node: 'witness', voter: witness }).handlers());
    await site.startGuard(host);
    await site.settle(site.remoteWitness.read(witnessAt));
    return site;
  }

  get state(): string {
    return this.stateOf(id);
  }

  stateOf(scenario: string): string {
    const stored = this.store.load(scenario);
    return stored ? statePath(JSON.parse(stored.snapshot).value) : 'unknown';
  }

  /** Whether clients of the master are served: it runs and its network is open. */
  get serving(): boolean {
    return !this.hostNetwork.blocked;
  }

  intent(epoch: number, scenario = id): Intent {
    this.#tickets += 1;
    return { ticket: `t${this.#tickets}`, scenarioId: scenario, epoch, deadlineAtMs: this.clock.nowMs() + 60_000 };
  }

  async startGuard(host = 'metal-1'): Promise<void> {
    this.#process = this.machine.process();
    this.guard = new Guard({
      node: 'master',
      host,
      boot: `boot ${this.resets}`,
      clock: this.#process,
      network: this.network.host('master'),
      store: this.store,
      hostNetwork: this.hostNetwork,
      watchdog: this.watchdog,
      watchdogMs: timing.watchdogMs,
      onCommit: ({ snapshot }) => this.states.push(statePath(snapshot.value)),
    });
    // It is settled only when the network is: time has to pass for that.
    void this.guard.start().then(() => this.hostNetwork.comeUp());
    await this.#listen('master', this.guard.handlers(), guardAt.port, this.#process);
  }

  /** `kill -9`. */
  killGuard(): void {
    this.#process.kill();
    this.network.kill('master');
    this.guard.stop();
    this.store = this.store.reopen();
  }

  /** What a watchdog does; the guard comes back with the host. */
  async resetHost(): Promise<void> {
    this.resets += 1;
    this.killGuard();
    this.machine.thaw();
    this.network.thaw('master');
    this.hostNetwork.restartHost();
    await this.startGuard();
  }

  freeze(): void {
    this.machine.freeze();
    this.network.freeze('master');
  }

  thaw(): void {
    this.machine.thaw();
    this.network.thaw('master');
  }

  /** Nothing passes between the master and both voters. */
  cutOff(): void {
    this.network.cut('master', 'appliance');
    this.network.cut('master', 'witness');
  }

  async arm(change: Partial<GuardTerms> = {}): Promise<void> {
    await this.settle(this.remote.arm({ ...terms, ...change }, this.intent(1)));
  }

  /** Moves virtual time just as far as an answer needs. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const ended = work.finally(() => (done = true));
    ended.catch(() => {});
    await this.clock.runUntil(() => done, 120_000);
    return ended;
  }

  async faultOf(work: Promise<unknown>): Promise<string> {
    return this.settle(
      work.then(
        () => 'none',
        (thrown: unknown) => toFault(thrown).code,
      ),
    );
  }

  async #listen(
    host: string,
    handlers: Handlers,
    port = 25_000,
    clock: SimulatedClock | ProcessClock = this.clock,
  ): Promise<void> {
    const engine = new Engine({
      node: host,
      listen: { host, port },
      clock,
      network: this.network.host(host),
      handlers: [handlers],
    });
    await engine.start();
  }
}
