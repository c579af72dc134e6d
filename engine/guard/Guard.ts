import { PartyFault } from '#machines/faults.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import type { DurableHostOptions } from '#machines/host/durableHost.ts';
import { performerOf } from '#machines/host/performer.ts';
import type { Fact } from '#machines/host/step.ts';
import { guardCalls, masterGuardLateness, peersOf } from '#machines/masterGuard/guardSetup.ts';
import type { ArmedTerms, MasterGuardContext } from '#machines/masterGuard/guardSetup.ts';
import { guardStateLabel, masterGuardChart, masterGuardChartVersion } from '#machines/masterGuard/masterGuard.ts';
import type { ChartStore } from '#machines/parties/chartStore.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { GuardDescription } from '#machines/parties/masterGuard.ts';
import type { Network } from '#machines/parties/network.ts';
import type { OpenWatchdog, Watchdog } from '#machines/parties/watchdog.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { Epoch, HostAddress, ScenarioId } from '#machines/vocabulary.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { HostGate } from './HostGate.ts';
import { LeaseKeeper } from './LeaseKeeper.ts';
import type { LeaseFact, LeaseKeeperOptions } from './LeaseKeeper.ts';

export type GuardOptions = {
  /** Name of this engine, as in its certificate. */
  readonly node: string;
  /** Identity of the hardware it runs on. A double boots from a copy of these disks on other hardware. */
  readonly host: string;
  /** Identity of this start of the host; another one after each boot. */
  readonly boot: string;
  readonly clock: Clock;
  readonly network: Network;
  readonly store: ChartStore;
  readonly hostNetwork: HostNetwork;
  readonly watchdog?: Watchdog;
  /** Period that the watchdog is asked for. */
  readonly watchdogMs?: number;
  readonly onCommit?: DurableHostOptions['onCommit'];
  readonly onLease?: LeaseKeeperOptions['onLease'];
};

const watchdogMsDefault = 15_000;
const noticeMs = 2_000;
/** A caller waits for an actuation no longer than this, whatever its own deadline says. */
const answerMsMax = 60_000;

/** The guard of a master: one chart a scenario on a durable host, its leases, the host's network and the watchdog. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #host: DurableHost;
  readonly #gate: HostGate;
  readonly #keeper: LeaseKeeper;
  readonly #waiters = new Set<() => void>();
  /** Calls that failed are taken up again under the same ticket. */
  readonly #failed = new Map<string, number>();
  #watchdog: OpenWatchdog | undefined;
  #broken = false;

  constructor(options: GuardOptions) {
    const { store, clock, network, node, hostNetwork } = options;
    this.#options = options;
    this.#gate = new HostGate({ hostNetwork, clock, wanted: () => this.#wantedPeers() });
    this.#host = new DurableHost({
      chart: masterGuardChart,
      version: masterGuardChartVersion,
      lateness: masterGuardLateness,
      stateWords: guardStateLabel,
      store,
      clock,
      perform: performerOf(guardCalls, () => ({ hostNetwork: this.#gate }), clock),
      onCommit: (commit) => {
        this.#attend(commit.instance, commit.snapshot);
        options.onCommit?.(commit);
        for (const wake of this.#waiters) wake();
      },
    });
    this.#keeper = new LeaseKeeper({
      network,
      clock,
      node,
      onFact: (scenario, fact) => this.#hear(scenario, fact),
      stateOf: (scenario) => (this.#host.snapshot(scenario).hasTag('isolated') ? 'isolated' : 'serving'),
      onPolled: () => this.#feed(),
      ...(options.onLease ? { onLease: options.onLease } : {}),
    });
  }

  /**
   * Isolated until a lease is granted, where one is needed; what was commanded before stays. Resolves when the network is
   * as decided, or would not follow: the host brings its production network up only after that.
   */
  async start(): Promise<void> {
    const { store, host, boot, watchdog, watchdogMs = watchdogMsDefault } = this.#options;
    for (const instance of store.instances())
      if (this.#context(instance).host === host) this.#host.dispatch(instance, { type: 'guard.started', boot });
      // The double of a guarded master is not guarded by what it inherited.
      else this.#host.remove(instance);
    this.#host.start();
    for (const instance of store.instances()) this.#attend(instance, this.#host.snapshot(instance));
    this.#watchdog = await watchdog?.open(watchdogMs);
    this.#keeper.start();
    await this.#decided();
  }

  /** Nothing is decided any more. The watchdog runs on: only a guard that comes back, or `disarmWatchdog`, stops it. */
  stop(): void {
    this.#keeper.stop();
    this.#host.stop();
    for (const wake of this.#waiters) wake();
  }

  /** For a host that goes down in an orderly way, after its appliance knows of it. */
  async disarmWatchdog(): Promise<void> {
    await this.#watchdog?.close();
    this.#watchdog = undefined;
  }

  /**
   * Tells the appliances that this master will be silent for a while, so that nobody takes its silence for its end.
   * Answers how many of them know. Milliseconds.
   */
  async announce(notice: { readonly forMs: number; readonly reason: string }): Promise<{ told: number; of: number }> {
    const armed = this.#options.store.instances().flatMap((instance) => {
      const { terms } = this.#context(instance);
      return terms ? [{ instance: scenarioId(instance), at: terms.appliance }] : [];
    });
    const told = await Promise.allSettled(armed.map(({ instance, at }) => this.#notify(instance, at, notice)));
    return { told: told.filter(({ status }) => status === 'fulfilled').length, of: armed.length };
  }

  /** What the appliance may ask of this guard on its port. */
  handlers(): Handlers {
    return {
      'guard.describe': ({ scenarioId: scenario }) => this.describe(scenario),
      'guard.arm': async ({ terms, intent }) => {
        await this.#arm(terms, intent);
        return {};
      },
      'guard.disarm': ({ intent }) => this.#obey(intent, { type: 'appliance.disarmed' }, () => true),
      'guard.isolate': ({ intent }) =>
        this.#obey(intent, { type: 'appliance.isolate' }, (context) => context.commandedIn !== undefined),
      'guard.rejoin': ({ commandedIn, intent }) => this.#rejoin(commandedIn, intent),
    };
  }

  describe(scenario: ScenarioId): GuardDescription {
    const snapshot = this.#options.store.load(scenario) ? this.#host.snapshot(scenario) : undefined;
    const context = snapshot?.context as MasterGuardContext | undefined;
    const { actuationMs } = this.#gate;
    return {
      node: this.#options.node,
      epoch: context?.epoch ?? 0,
      armed: context?.terms !== undefined && !snapshot?.matches('arming'),
      isolated: snapshot?.hasTag('isolated') === true && !snapshot.hasTag('pending'),
      isolation: this.#gate.means,
      ...(this.#watchdog === undefined ? {} : { watchdog: { periodMs: this.#watchdog.periodMs } }),
      ...(actuationMs === undefined ? {} : { actuationMs }),
    };
  }

  /** Only the isolation that the caller speaks of is lifted; without any there is nothing to lift. */
  async #rejoin(commandedIn: Epoch, intent: Intent): Promise<Record<string, never>> {
    const known = this.#options.store.load(intent.scenarioId) ? this.#context(intent.scenarioId) : undefined;
    const awayIn = known?.commandedIn ?? known?.replacedBy;
    if (awayIn !== undefined && awayIn !== commandedIn)
      throw new PartyFault('staleEpoch', { theirs: commandedIn, ours: awayIn });
    return this.#obey(
      intent,
      { type: 'appliance.rejoin' },
      (context) => context.commandedIn === undefined && context.replacedBy === undefined,
    );
  }

  async #arm(terms: ArmedTerms, intent: Intent): Promise<void> {
    await this.#obey(intent, { type: 'appliance.armed', terms }, (context) => context.terms !== undefined);
    if (!this.#host.snapshot(intent.scenarioId).matches('disarmed')) return;
    this.#forgive(intent);
    throw new PartyFault('timedOut', { what: 'lease.renew' }, 'none');
  }

  /** Faults: `staleEpoch`; `timedOut` without effect when the caller no longer wants a change that is still to be made. */
  async #obey(
    intent: Intent,
    fact: Fact,
    isSo: (context: MasterGuardContext) => boolean,
  ): Promise<Record<string, never>> {
    const { store, clock, host, boot } = this.#options;
    const instance = scenarioId(intent.scenarioId);
    const known = store.load(instance) ? this.#context(instance) : undefined;
    if (known && intent.epoch < known.epoch)
      throw new PartyFault('staleEpoch', { theirs: intent.epoch, ours: known.epoch });
    if (clock.nowMs() > intent.deadlineAtMs && !(known && isSo(known)))
      throw new PartyFault('timedOut', { what: fact.type }, 'none');
    this.#host.create(instance, { host, boot });
    const { ticket } = intent;
    const attempt = this.#failed.get(ticket) ?? 0;
    this.#host.dispatch(instance, { ...fact, epoch: intent.epoch }, `ticket:${ticket}#${attempt}`);
    await this.#settled(intent);
    return {};
  }

  /** Waits for what was begun: the network follows the charts within moments, or the fault says that it does not. */
  async #settled(intent: Intent): Promise<void> {
    const { clock } = this.#options;
    const waitMs = Math.min(Math.max(0, intent.deadlineAtMs - clock.nowMs()), answerMsMax);
    let late = false;
    const cancel = clock.after(waitMs, () => {
      late = true;
      for (const wake of this.#waiters) wake();
    });
    try {
      for (;;) {
        const snapshot = this.#host.snapshot(intent.scenarioId);
        if (!snapshot.hasTag('pending')) return;
        const { lastFault } = snapshot.context as MasterGuardContext;
        if (snapshot.hasTag('overdue')) {
          const reason = String(lastFault?.params['reason'] ?? 'the network is not blocked in time');
          throw new PartyFault('internal', { reason }, 'unknown');
        }
        if (late) throw new PartyFault('timedOut', { what: 'hostNetwork' });
        await this.#change();
      }
    } catch (thrown) {
      this.#forgive(intent);
      throw thrown;
    } finally {
      cancel();
    }
  }

  /** Until no network is on its way any more, or one does not follow in time. */
  async #decided(): Promise<void> {
    const { store } = this.#options;
    const underWay = (): boolean =>
      store.instances().some((instance) => {
        const snapshot = this.#host.snapshot(instance);
        return snapshot.hasTag('pending') && !snapshot.hasTag('overdue');
      });
    while (underWay()) await this.#change();
  }

  /** Resolves with the next commit of any chart. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }

  #forgive({ ticket }: Intent): void {
    this.#failed.set(ticket, (this.#failed.get(ticket) ?? 0) + 1);
  }

  #hear(scenario: ScenarioId, fact: LeaseFact): void {
    const { replacedBy = 0, servingEpoch } = this.#context(scenario);
    if (fact.type === 'lease.replaced' && fact.epoch <= Math.max(replacedBy, servingEpoch)) return;
    try {
      this.#host.dispatch(scenario, fact);
    } catch {
      // A guard that cannot write what it decides decides for the safe side, and lets the watchdog have the last word.
      this.#broken = true;
      this.#gate.force().catch(() => {});
    }
  }

  #feed(): void {
    const { store } = this.#options;
    if (this.#broken) return;
    const overdue = store.instances().some((instance) => this.#host.snapshot(instance).hasTag('overdue'));
    if (!overdue) this.#watchdog?.feed();
  }

  #attend(instance: string, snapshot: ReturnType<DurableHost['snapshot']>): void {
    const { terms, servingEpoch } = snapshot.context as MasterGuardContext;
    const scenario = scenarioId(instance);
    // Also a manual master asks: that is how it hears that it was replaced.
    if (terms) this.#keeper.hold(scenario, terms, servingEpoch);
    else this.#keeper.drop(scenario);
  }

  #wantedPeers(): readonly HostAddress[] | undefined {
    const isolated = this.#options.store
      .instances()
      .map((instance) => this.#host.snapshot(instance))
      .filter((snapshot) => snapshot.hasTag('isolated'));
    if (isolated.length === 0) return undefined;
    return this.#options.store.instances().flatMap((instance) => peersOf(this.#context(instance)));
  }

  async #notify(
    scenario: ScenarioId,
    at: HostAddress,
    notice: { readonly forMs: number; readonly reason: string },
  ): Promise<void> {
    const { network, clock, node } = this.#options;
    const connection = await network.connect(at, { timeoutMs: noticeMs });
    const session = await openSession(connection, { clock, node, purpose: 'engine' });
    try {
      await session.request('master.notice', { scenarioId: scenario, ...notice }, { timeoutMs: noticeMs });
    } finally {
      session.close();
    }
  }

  #context(instance: string): MasterGuardContext {
    return this.#host.snapshot(instance).context as MasterGuardContext;
  }
}
