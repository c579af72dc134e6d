import { acceptSession } from '#engine/protocol/session.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { Witness } from '#engine/witness/Witness.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import type { AnyMachineSnapshot } from 'xstate';
import { statePath } from '#machines/host/step.ts';
import type { Network } from '#machines/parties/network.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { Terms } from '#simulators/checkers/observation.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedHostNetwork } from '#simulators/hostNetwork/SimulatedHostNetwork.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedWatchdog } from '#simulators/watchdog/SimulatedWatchdog.ts';
import { deciding, fenceGuard } from './fenceGuard.ts';
import type { GuardCommit } from './fenceGuard.ts';
import { strikeNetwork } from './networkStrikes.ts';
import { PlainClaimant } from './plainClaimant.ts';
import type { ClaimantError } from './plainClaimant.ts';
import type { Action, HostName, ProcessName, Run } from './plan.ts';
import type { BuildSite, History, SiteEars, SiteUnderTest, Undo } from './site.ts';
import { shortIsAlive, shortTiming } from './shortTimes.ts';
import { tapHandlers, tapVoter } from './taps.ts';

const scenario = scenarioId('4009412486');
const bootMs = 20_000;
const networkUpMs = 2_000;

type Running = { readonly clock: ProcessClock; readonly view: Network };

/**
 * The fence by itself: the product's guard, lease and voters, with a claimant of a hundred lines in place of the scenario's
 * chart. It runs a thousand times faster than a whole site, and what breaks here breaks there.
 */
export class FenceSite implements SiteUnderTest {
  readonly clock = new SimulatedClock();
  readonly terms: Terms;
  readonly network: SimulatedNetwork;
  readonly #ears: SiteEars;
  readonly #random: SimulatedRandom;
  readonly #error: ClaimantError | undefined;
  readonly #machines: Record<HostName, ProcessClock>;
  readonly #running = new Map<ProcessName, Running>();
  readonly #hostNetwork: SimulatedHostNetwork;
  readonly #watchdog: SimulatedWatchdog;
  readonly #applianceFiles: { files: SimulatedFiles };
  readonly #witnessFiles: { files: SimulatedFiles };
  #guardStore = new SimulatedChartStore();
  #guardSnapshot: AnyMachineSnapshot | undefined;
  #claimant: PlainClaimant | undefined;
  #policy: 'automatic' | 'manual' | 'none' = 'none';
  #powered = true;
  #networkUp = true;
  #boots = 1;
  #guardEvent = '';
  #booting: () => void = () => {};
  readonly double = { powered: false, connected: false };

  constructor(run: Run, ears: SiteEars, error?: ClaimantError) {
    this.#ears = ears;
    this.#error = error;
    this.#random = new SimulatedRandom(run.seed);
    this.network = new SimulatedNetwork({
      clock: this.clock,
      random: this.#random.fork('network'),
      jitterMs: 3,
      stutter: false,
    });
    const machine = (host: HostName): ProcessClock => this.clock.process({ driftPpm: run.site.driftPpm[host] ?? 0 });
    this.#machines = {
      master: machine('master'),
      appliance: machine('appliance'),
      witness: machine('witness'),
      esxi: machine('esxi'),
      bmc: machine('bmc'),
    };
    this.#applianceFiles = { files: new SimulatedFiles() };
    this.#witnessFiles = { files: new SimulatedFiles() };
    this.#hostNetwork = new SimulatedHostNetwork({ clock: this.#machines.master });
    this.#watchdog = new SimulatedWatchdog({ clock: this.clock, onReset: () => this.#reset() });
    this.terms = {
      timing: shortTiming,
      isAlive: shortIsAlive,
      switchover: run.site.switchover,
      hasFenceDevice: false,
      hasWitness: true,
      productionAddresses: ['192.0.2.10'],
      bootMs,
    };
  }

  async open(): Promise<this> {
    for (const process of ['witness', 'masterEngine', 'guard', 'appliance'] as const) this.#start(process);
    await this.clock.runUntil(() => this.#claimant !== undefined, 60_000);
    this.#tellHost();
    return this;
  }

  state(): { readonly path: string; readonly epoch: number; readonly running: boolean } {
    const claimant = this.#claimant;
    return { path: claimant?.phase ?? 'down', epoch: claimant?.epoch ?? 0, running: claimant !== undefined };
  }

  columns(): string {
    const guard = this.#guardSnapshot ? statePath(this.#guardSnapshot.value) : '-';
    return `M${this.#serves() ? '*' : '-'} V${this.double.connected ? '*' : this.double.powered ? '+' : '-'} ${guard}`;
  }

  masterAlive(): boolean {
    return this.#powered;
  }

  settled(): { readonly settled: boolean; readonly reason?: string } {
    if (this.double.connected) return { settled: this.#claimant?.phase === 'switchedOver' };
    const replicates = this.#claimant?.phase === 'replicating';
    if (replicates && !this.#powered) {
      if (this.#claimant?.armed === false) return { settled: true, reason: 'the master died before it was armed' };
      if (this.terms.switchover === 'manual') return { settled: true, reason: 'manual' };
    }
    return { settled: replicates && this.#powered && this.#serves() };
  }

  serving(): readonly string[] {
    return [...(this.#serves() ? ['master'] : []), ...(this.double.powered && this.double.connected ? ['double'] : [])];
  }

  litter(): readonly string[] {
    return [];
  }

  histories(): readonly History[] {
    const stored = this.#guardStore.load(scenario);
    if (!stored || !this.#guardSnapshot) return [];
    return [
      {
        chart: masterGuardChart,
        name: 'masterGuard',
        input: JSON.parse(stored.input),
        entries: this.#guardStore.history(scenario),
        snapshot: this.#guardSnapshot,
      },
    ];
  }

  strike(action: Action): Undo | undefined | 'unknown' {
    switch (action.kind) {
      case 'crash':
        return this.#crash(action.process);
      case 'freezeProcess':
        return this.#freezeProcess(action.process);
      case 'freezeHost':
        return this.#freezeHost(action.host);
      case 'powerOff':
        return action.host === 'master' ? this.#powerOffMaster() : 'unknown';
      case 'jumpClock':
        this.#machines[action.host].stepWallClock(action.byMs);
        return undefined;
      default:
        return strikeNetwork(this, action);
    }
  }

  // what happens to processes and machines

  #start(process: ProcessName): void {
    if (this.#running.has(process)) return;
    const host = process === 'masterEngine' || process === 'guard' ? 'master' : process;
    if (host === 'master' && !this.#powered) return;
    const clock = this.#machines[host].process();
    const view = this.network.host(host);
    const running: Running = { clock, view };
    this.#running.set(process, running);
    if (process === 'masterEngine')
      void this.#listen(running, 25_000, { 'host.ping': () => ({ nowMs: clock.nowMs() }) });
    else if (process === 'guard') void this.#startGuard(running);
    else if (process === 'witness') void this.#startWitness(running);
    else void this.#startAppliance(running);
  }

  #kill(process: ProcessName): void {
    const running = this.#running.get(process);
    if (!running) return;
    this.#running.delete(process);
    running.clock.kill();
    const host = process === 'masterEngine' || process === 'guard' ? 'master' : process;
    this.network.kill(host, running.view);
    if (process === 'guard') this.#guardStore = this.#guardStore.reopen();
    if (process === 'witness') this.#witnessFiles.files = this.#witnessFiles.files.restart();
    if (process === 'appliance') {
      this.#applianceFiles.files = this.#applianceFiles.files.restart();
      this.#claimant = undefined;
    }
  }

  async #startGuard(running: Running): Promise<void> {
    const guard = fenceGuard({
      ...running,
      boot: `boot ${this.#boots}`,
      store: this.#guardStore,
      hostNetwork: this.#hostNetwork,
      watchdog: this.#watchdog,
      watchdogMs: shortTiming.watchdogMs,
      onActuated: () => this.#tellHost(),
      onCommit: (commit) => this.#guardCommitted(commit),
    });
    await guard.start();
    await this.#listen(this.#running.get('guard'), 25_001, guard.handlers());
  }

  #guardCommitted({ event, snapshot, taken, instance }: GuardCommit): void {
    const before = this.#guardSnapshot ?? snapshot;
    if (deciding.has(event.type)) this.#guardEvent = event.type;
    this.#guardSnapshot = snapshot;
    const [from, state] = [statePath(before.value), statePath(snapshot.value)];
    const t = this.#nowMs();
    this.#ears.committed({ chart: masterGuardChart, node: 'guard', instance, before, event, after: snapshot, taken });
    const seen = { chart: 'masterGuard', node: 'guard', event: event.type, from, state, taken };
    this.#ears.observe({ t, kind: 'chart', ...seen, recorded: true, deadlines: 0, wishes: 0 });
    this.#ears.boundary(`guard ${state}`);
    const { terms } = snapshot.context as { terms?: { policy: 'automatic' | 'manual' } };
    const policy = terms?.policy ?? 'none';
    if (policy !== this.#policy) this.#ears.observe({ t, kind: 'policy', switchover: policy });
    this.#policy = policy;
  }

  async #startWitness(running: Running): Promise<void> {
    const voter = this.#voter(running, 'witness', this.#witnessFiles.files, () => {});
    await voter.start();
    await this.#listen(running, 25_000, new Witness({ node: 'witness', voter }).handlers());
  }

  async #startAppliance(running: Running): Promise<void> {
    let claimant: PlainClaimant | undefined;
    const voter = this.#voter(running, 'appliance', this.#applianceFiles.files, () => claimant?.heard());
    await voter.start();
    claimant = new PlainClaimant({
      clock: running.clock,
      network: running.view,
      files: this.#applianceFiles.files,
      voter,
      scenario,
      terms: this.terms,
      observe: (seen) => this.#ears.observe(seen),
      boundary: (what) => this.#ears.boundary(what),
      nowMs: () => this.#nowMs(),
      error: this.#error,
      masterAnswersProbe: () => this.#serves() && this.network.passes('master', 'appliance'),
      double: {
        powerOn: () => void this.clock.after(bootMs, () => this.#setDouble({ powered: true })),
        powerOff: () => this.#setDouble({ powered: false, connected: false }),
        connect: () => this.#setDouble({ connected: true }),
      },
    });
    await this.#listen(running, 25_000, { 'lease.renew': (renewal) => voter.renew(renewal) });
    await claimant.start();
    if (this.#running.get('appliance') === running) this.#claimant = claimant;
  }

  #voter(running: Running, who: 'appliance' | 'witness', files: SimulatedFiles, onRenewal: () => void): LeaseVoter {
    const voter = new LeaseVoter({
      files,
      clock: running.clock,
      random: this.#random.fork(who),
      path: '/voter.json',
      voter: who,
      onRenewal,
    });
    return tapVoter(voter, who, { ears: this.#ears, nowMs: () => this.#nowMs() }, () => true);
  }

  async #listen(running: Running | undefined, port: number, handlers: Handlers): Promise<void> {
    if (!running) return;
    const { clock, view } = running;
    const host = (view as unknown as { readonly name: string }).name;
    const tapped = tapHandlers(handlers, host, { ears: this.#ears, nowMs: () => this.#nowMs() });
    await view.listen({ host, port }, (connection) => {
      acceptSession(connection, { clock, node: host, handlers: tapped }).catch(() => {});
    });
  }

  #crash(process: ProcessName): Undo {
    this.#kill(process);
    return () => this.#start(process);
  }

  #freezeProcess(process: ProcessName): Undo | undefined {
    const running = this.#running.get(process);
    if (!running) return undefined;
    running.clock.freeze();
    this.network.freezeProcess(running.view);
    return () => {
      running.clock.thaw();
      this.network.thawProcess(running.view);
    };
  }

  #freezeHost(host: HostName): Undo {
    const machine = this.#machines[host];
    machine.freeze();
    this.network.freeze(host);
    if (host === 'master') this.#tellHost();
    return () => {
      machine.thaw();
      this.network.thaw(host);
      if (host === 'master') this.#tellHost();
    };
  }

  #powerOffMaster(): Undo {
    this.#down();
    this.#booting();
    return () => this.#boot();
  }

  /** The watchdog has its way: the host starts anew by itself. */
  #reset(): void {
    this.#down();
    this.#booting = this.clock.after(10_000, () => this.#boot());
  }

  #down(): void {
    this.#watchdog.disarm();
    for (const process of ['guard', 'masterEngine'] as const) this.#kill(process);
    this.network.powerOff('master');
    this.#powered = false;
    this.#networkUp = false;
    this.#machines.master.thaw();
    this.network.thaw('master');
    this.#tellHost();
  }

  #boot(): void {
    if (this.#powered) return;
    this.#powered = true;
    this.#boots += 1;
    this.#hostNetwork.restartHost();
    this.network.powerOn('master');
    this.#ears.observe({ t: this.#nowMs(), kind: 'booted', armed: this.#mustStayAway() });
    this.#start('guard');
    this.#booting = this.clock.after(networkUpMs, () => {
      this.#networkUp = true;
      this.#hostNetwork.comeUp();
      this.#start('masterEngine');
      this.#tellHost();
    });
  }

  #setDouble(change: Partial<{ powered: boolean; connected: boolean }>): void {
    Object.assign(this.double, change);
    const { powered, connected } = this.double;
    this.#ears.observe({
      t: this.#nowMs(),
      kind: 'vm',
      vmId: '1',
      name: 'double',
      role: 'substituteVm',
      scenario,
      powered,
      connected,
      production: true,
      disks: [],
      guestUp: powered,
    });
  }

  #serves(): boolean {
    return this.#powered && this.#networkUp && !this.#machines.master.frozen && !this.#hostNetwork.blocked;
  }

  #mustStayAway(): boolean {
    const guard = this.#guardSnapshot;
    return this.#policy === 'automatic' && guard?.matches('disarmed') === false && !guard.matches('arming');
  }

  #tellHost(): void {
    this.#ears.observe({
      t: this.#nowMs(),
      kind: 'host',
      powered: this.#powered && this.#networkUp,
      frozen: this.#machines.master.frozen,
      blocked: this.#hostNetwork.blocked,
      by: this.#guardEvent === 'lease.lapsed' ? 'lease' : this.#guardEvent === 'guard.started' ? 'boot' : 'command',
    });
  }

  #nowMs(): number {
    return Number(this.clock.monotonicNs()) / 1e6;
  }
}

export const buildFenceSite: BuildSite = (run, ears) => new FenceSite(run, ears).open();

export const fenceSiteWith =
  (error: ClaimantError): BuildSite =>
  (run, ears) =>
    new FenceSite(run, ears, error).open();
