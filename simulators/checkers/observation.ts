import type { LeaseTiming, SwitchoverMode } from '#machines/vocabulary.ts';

/** The two that may promise the appliance to grant the master no lease. */
export type Voter = 'appliance' | 'witness';
export type VmKind = 'substituteVm' | 'testVm' | 'other';

type Facts = {
  // who serves
  /** The master's machine, whenever one of these changes. `by`: who took its network away. */
  host: {
    readonly powered: boolean;
    readonly frozen: boolean;
    readonly blocked: boolean;
    readonly by?: 'lease' | 'command' | 'boot';
  };
  /** The master's machine starts. Its guard was armed for an automatic scenario, or not. */
  booted: { readonly armed: boolean };
  /** A VM of the hypervisor, whenever one of these changes. `production`: the network that clients use. */
  vm: {
    readonly vmId: string;
    readonly name: string;
    readonly role: VmKind;
    readonly scenario: string;
    readonly powered: boolean;
    readonly connected: boolean;
    readonly production: boolean;
    readonly disks: readonly string[];
    readonly guestUp: boolean;
  };
  vmGone: { readonly vmId: string };
  // the vote
  /** The guard asks a voter; times on the guard's monotonic clock. */
  renewal: { readonly voter: Voter; readonly sentMonotonicMs: number };
  /** A voter has granted, durably. */
  grant: { readonly voter: Voter; readonly epoch: number };
  /** What the guard believes after a grant, on its own monotonic clock. */
  lease: { readonly voter: Voter; readonly sentMonotonicMs: number; readonly validUntilMonotonicMs: number };
  /** A voter has promised, durably. `automatic`: nobody commanded the takeover. */
  claim: { readonly voter: Voter; readonly epoch: number; readonly automatic: boolean };
  release: { readonly voter: Voter; readonly epoch: number };
  voterStarted: { readonly voter: Voter; readonly forgetful: boolean };
  durableEpoch: { readonly node: string; readonly epoch: number };
  /** An actuator did what a command of this epoch asked for, or refused it. */
  actuated: { readonly actuator: string; readonly name: string; readonly epoch: number; readonly ticket: string };
  look: { readonly alive: boolean; readonly evidence: string };
  provenOff: { readonly epoch: number };
  /** The guard has answered that the host is off its network. */
  isolationConfirmed: { readonly epoch: number };
  /** The operator typed that the master is off. */
  asserted: { readonly epoch: number };
  notice: { readonly forMs: number };
  probe: { readonly addresses: readonly string[]; readonly answered: boolean };
  /** What the guard was told; `none` while it is not armed. */
  policy: { readonly switchover: SwitchoverMode | 'none' };
  /** A second has passed: for what is wrong by lasting. */
  tick: object;
  // the data, by the numbers of the master's writes
  write: { readonly id: number };
  acknowledged: { readonly upTo: number };
  applied: { readonly id: number };
  /** What the appliance found after a restart. */
  recovered: { readonly upTo: number };
  synchronizing: { readonly image: string };
  synchronized: { readonly image: string };
  /** An image is given to a VM: which prefix of the writes it holds, undefined when none; the same for all volumes. */
  presented: { readonly role: VmKind; readonly prefix: number | undefined };
  lossReported: { readonly writes: number; readonly completed: number; readonly prefix: number };
  opened: { readonly image: string; readonly by: string };
  closed: { readonly image: string; readonly by: string };
  /** A disk of the machine to be restored is written to. */
  targetWritten: object;
  /** That machine boots from its own disks. `equal`: they hold what the substitute VM's hold. */
  targetRestarted: { readonly equal: boolean };
  // assured recovery
  testStarted: { readonly image: string; readonly prefix: number };
  testEnded: {
    readonly outcome: 'passed' | 'failed' | 'inconclusive';
    readonly guestUp: boolean;
    readonly checked: boolean;
  };
  spool: { readonly bytes: number; readonly bytesMax: number; readonly held: boolean };
  litter: { readonly what: string };
  // conduct of the chart
  chart: {
    readonly chart: string;
    readonly node: string;
    readonly event: string;
    readonly from: string;
    readonly state: string;
    readonly taken: 'taken' | 'stale';
    readonly recorded: boolean;
    readonly deadlines: number;
    readonly wishes: number;
  };
  wish: { readonly name: string; readonly ticket: string; readonly epoch: number };
  told: { readonly code: string };
  commandAccepted: { readonly commandId: string };
  /** The commands that the durable history holds, after a restart. */
  historyRead: { readonly commandIds: readonly string[] };
  /** The answer to a wish that nobody awaits any more was obeyed all the same. */
  lateAnswer: { readonly name: string; readonly ticket: string };
  /** A deadline of a living process is past, and nothing has happened. */
  overdue: { readonly id: string; readonly lateMs: number };
  timerFired: { readonly id: string; readonly dueMs: number; readonly startedMs: number; readonly ticket: string };
  session: { readonly sessionId: string };
  hypervisorCall: { readonly name: string; readonly mutates: boolean; readonly sessionId: string };
  message: { readonly name: string; readonly to: string };
  replayed: { readonly chart: string; readonly difference?: string };
  // the run
  strike: { readonly what: string };
  healed: { readonly what: string };
  /** Every fault is over; from now on only what is left of them may be seen. */
  allHealed: { readonly masterAlive: boolean };
  /** At the end of the settle time. `reason`: why an operator is needed. */
  ended: {
    readonly state: string;
    readonly settled: boolean;
    readonly reason?: string;
    /** The faults of the run, none of which may cause a switchover: L8. */
    readonly onlyHarmless: boolean;
    readonly serving: readonly string[];
  };
};

export type ObservationKind = keyof Facts;

/** Something that a checker may hear: at a time (true virtual milliseconds since the run began), of one kind. */
export type Observation = {
  [Kind in ObservationKind]: { readonly t: number; readonly kind: Kind } & Facts[Kind];
}[ObservationKind];
export type ObservationOf<Kind extends ObservationKind> = Extract<Observation, { readonly kind: Kind }>;

/** What a run is about, as far as the invariants need it. */
export type Terms = {
  readonly timing: LeaseTiming;
  readonly isAlive: { readonly heartbeatMs: number; readonly timeoutMs: number };
  readonly switchover: SwitchoverMode;
  readonly hasFenceDevice: boolean;
  readonly hasWitness: boolean;
  readonly productionAddresses: readonly string[];
  /** From power to the guest's report, at most. */
  readonly bootMs: number;
};

type Ears = { readonly [Kind in ObservationKind]?: (seen: ObservationOf<Kind>) => string | undefined };

/** One invariant, watching one run. Not to be used for a second one. */
export type Checker = {
  readonly id: string;
  readonly statement: string;
  readonly hears: readonly ObservationKind[];
  /** What is wrong, in words; undefined when the invariant holds. */
  check(seen: Observation): string | undefined;
};

/** An invariant as written down: `watch` makes the monitor of one run. */
export type Invariant = {
  readonly id: string;
  readonly statement: string;
  watch(terms: Terms): Checker;
};

export function invariant(id: string, statement: string, ears: (terms: Terms) => Ears): Invariant {
  return {
    id,
    statement,
    watch: (terms) => {
      const own = ears(terms) as Record<string, ((seen: Observation) => string | undefined) | undefined>;
      return {
        id,
        statement,
        hears: Object.keys(own) as ObservationKind[],
        check: (seen) => own[seen.kind]?.(seen),
      };
    },
  };
}
