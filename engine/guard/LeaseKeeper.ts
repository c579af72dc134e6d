import type { ArmedTerms } from '#machines/masterGuard/guardSetup.ts';
import type { LeaseAnswer, Renewal } from '#machines/masterGuard/leaseVoter.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Network } from '#machines/parties/network.ts';
import type { Epoch, HostAddress, ScenarioId } from '#machines/vocabulary.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Session } from '#engine/protocol/session.ts';

/** What the chart hears; the renewals themselves stay here. */
export type LeaseFact =
  | { readonly type: 'lease.granted' }
  | { readonly type: 'lease.lapsed' }
  | { readonly type: 'lease.replaced'; readonly epoch: Epoch };

export type LeaseKeeperOptions = {
  readonly network: Network;
  readonly clock: Clock;
  /** Name of this guard, for the greeting. */
  readonly node: string;
  readonly onFact: (scenario: ScenarioId, fact: LeaseFact) => void;
  readonly stateOf: (scenario: ScenarioId) => Renewal['state'];
  /** What it believes after a grant of this voter; monotonic nanoseconds of this machine. */
  readonly onLease?: (lease: {
    readonly scenario: ScenarioId;
    readonly voter: HostAddress;
    readonly sentNs: bigint;
    readonly validUntilNs: bigint;
  }) => void;
  /** After each look at the leases: the watchdog is fed from here. */
  readonly onPolled: () => void;
};

/** Also without any lease the loop turns: it feeds the watchdog. */
const idlePollMs = 1_000;

/**
 * Holds the leases of this master: asks both voters, and looks at the deadlines. A lease counts from the moment it was
 * asked for, on the monotonic clock. The deadline is looked at before anything that could extend it is taken: a host
 * that was frozen past it does not go on as if nothing had happened.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #leases = new Map<ScenarioId, Lease>();
  #cancelPoll: () => void = () => {};
  #pollMs = idlePollMs;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#poll();
  }

  stop(): void {
    this.#cancelPoll();
    for (const lease of this.#leases.values()) lease.stop();
    this.#leases.clear();
  }

  /** Asks for leases from now on; new terms leave a lease that is held in place. */
  hold(scenario: ScenarioId, terms: ArmedTerms, epoch: Epoch): void {
    const known = this.#leases.get(scenario);
    if (known) known.change(terms, epoch);
    else this.#leases.set(scenario, new Lease(scenario, terms, epoch, this.#options));
    this.#pollOften();
  }

  /** Asks no more. */
  drop(scenario: ScenarioId): void {
    this.#leases.get(scenario)?.stop();
    this.#leases.delete(scenario);
    this.#pollOften();
  }

  #pollOften(): void {
    const pollMs = Math.min(idlePollMs, ...[...this.#leases.values()].map(({ guardPollMs }) => guardPollMs));
    if (pollMs === this.#pollMs) return;
    this.#pollMs = pollMs;
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelPoll();
    this.#cancelPoll = this.#options.clock.after(this.#pollMs, () => this.#poll());
  }

  #poll(): void {
    this.#schedule();
    for (const lease of this.#leases.values()) lease.look();
    this.#options.onPolled();
  }
}

type Voter = {
  readonly at: HostAddress;
  /** When the newest grant was asked for; undefined without one. */
  sentNs?: bigint;
  session?: Session | undefined;
  cancelAsk: () => void;
  asking: boolean;
};

/** The lease of one scenario: valid as long as either voter's grant is. */
class Lease {
  readonly #scenario: ScenarioId;
  readonly #options: LeaseKeeperOptions;
  #terms: ArmedTerms;
  #epoch: Epoch;
  #voters: readonly Voter[];
  /** What the chart was told last. */
  #held = false;
  #stopped = false;

  constructor(scenario: ScenarioId, terms: ArmedTerms, epoch: Epoch, options: LeaseKeeperOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#terms = terms;
    this.#epoch = epoch;
    this.#voters = votersOf(terms);
    for (const voter of this.#voters) this.#askIn(voter, 0);
  }

  get guardPollMs(): number {
    return this.#terms.timing.guardPollMs;
  }

  change(terms: ArmedTerms, epoch: Epoch): void {
    if (epoch === this.#epoch && sameTerms(terms, this.#terms)) return;
    const before = this.#voters;
    this.#terms = terms;
    this.#epoch = epoch;
    this.#voters = votersOf(terms).map((voter) => before.find(({ at }) => sameAddress(at, voter.at)) ?? voter);
    for (const voter of before) if (!this.#voters.includes(voter)) hangUp(voter);
    for (const voter of this.#voters) if (!voter.asking) this.#askIn(voter, 0);
  }

  stop(): void {
    this.#stopped = true;
    for (const voter of this.#voters) hangUp(voter);
  }

  /** Tells the edge, if there is one. */
  look(): void {
    const nowNs = this.#options.clock.monotonicNs();
    const valid = this.#voters.some(({ sentNs }) => sentNs !== undefined && nowNs <= this.#validUntilNs(sentNs));
    if (valid === this.#held || this.#stopped) return;
    this.#options.onFact(this.#scenario, { type: valid ? 'lease.granted' : 'lease.lapsed' });
    this.#held = valid;
  }

  #validUntilNs(sentNs: bigint): bigint {
    return sentNs + BigInt(Math.round(this.#terms.timing.leaseMs * 1e6));
  }

  #askIn(voter: Voter, delayMs: number): void {
    voter.cancelAsk();
    if (this.#stopped || !this.#voters.includes(voter)) return;
    voter.cancelAsk = this.#options.clock.after(delayMs, () => void this.#ask(voter));
  }

  async #ask(voter: Voter): Promise<void> {
    const { clock, stateOf } = this.#options;
    const startedNs = clock.monotonicNs();
    voter.asking = true;
    try {
      const session = await this.#sessionWith(voter);
      const sentNs = clock.monotonicNs();
      const request = { scenarioId: this.#scenario, epoch: this.#epoch, state: stateOf(this.#scenario) };
      const answer = await session.request('lease.renew', request, { timeoutMs: this.#terms.timing.roundTripMs });
      this.#take(voter, answer, sentNs);
    } catch {
      // Whatever it was, it is no grant; the next request uses a new connection.
      voter.session?.close();
      voter.session = undefined;
    }
    voter.asking = false;
    const tookMs = Number(clock.monotonicNs() - startedNs) / 1e6;
    this.#askIn(voter, Math.max(0, this.#intervalMs() - tookMs));
  }

  /** Without a lease it asks more often: the host waits for it. */
  #intervalMs(): number {
    const { renewMs, roundTripMs } = this.#terms.timing;
    return this.#held ? renewMs : Math.min(renewMs, roundTripMs);
  }

  async #sessionWith(voter: Voter): Promise<Session> {
    if (voter.session?.closed === false) return voter.session;
    const { network, clock, node } = this.#options;
    const connection = await network.connect(voter.at, { timeoutMs: this.#terms.timing.roundTripMs });
    const session = await openSession(connection, { clock, node, purpose: 'engine' });
    if (this.#stopped || !this.#voters.includes(voter)) session.close();
    voter.session = session;
    return session;
  }

  #take(voter: Voter, answer: LeaseAnswer, sentNs: bigint): void {
    if (this.#stopped) return;
    this.look();
    if (answer.granted) {
      voter.sentNs = sentNs;
      const validUntilNs = this.#validUntilNs(sentNs);
      this.#options.onLease?.({ scenario: this.#scenario, voter: voter.at, sentNs, validUntilNs });
      this.look();
    } else if (answer.reason === 'replaced') {
      this.#options.onFact(this.#scenario, { type: 'lease.replaced', epoch: answer.epoch });
    }
  }
}

const votersOf = ({ appliance, witness }: ArmedTerms): readonly Voter[] =>
  [appliance, ...(witness ? [witness] : [])].map((at) => ({ at, cancelAsk: () => {}, asking: false }));

const sameAddress = (a: HostAddress, b: HostAddress): boolean => a.host === b.host && a.port === b.port;
const sameTerms = (a: ArmedTerms, b: ArmedTerms): boolean => JSON.stringify(a) === JSON.stringify(b);

function hangUp(voter: Voter): void {
  voter.cancelAsk();
  voter.session?.close();
}
