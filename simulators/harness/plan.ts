import type { HypervisorMethod } from '#simulators/hypervisor/SimulatedHypervisor.ts';

/** Machines of a site, by their names on the network. */
export const hosts = ['master', 'appliance', 'witness', 'esxi', 'bmc'] as const;
export type HostName = (typeof hosts)[number];

/** What can die or stop by itself: programs on the machines. */
export const processes = ['masterEngine', 'guard', 'appliance', 'witness'] as const;
export type ProcessName = (typeof processes)[number];

/** What a durable store looks like after its process died: unflushed writes lost in any subset, or a torn last one. */
export type DiskAfterCrash = 'kept' | 'unflushedLost' | 'tornTail';

export type HypervisorTrouble = 'before' | 'after' | 'busy' | 'sessionExpired' | 'noSpace' | 'slow';
export type HumanEdit =
  | 'snapshot'
  | 'removeSnapshots'
  | 'powerOnDouble'
  | 'powerOffDouble'
  | 'unplugDouble'
  | 'deleteDouble';

/** One thing that happens to a site. Everything in it is plain data. */
export type Action =
  // network, each direction by itself
  | { readonly kind: 'cut' | 'jam'; readonly from: HostName; readonly to: HostName }
  | { readonly kind: 'slow'; readonly from: HostName; readonly to: HostName; readonly extraMs: number }
  | { readonly kind: 'flap'; readonly from: HostName; readonly to: HostName; readonly periodMs: number }
  | { readonly kind: 'reset'; readonly from: HostName; readonly to: HostName }
  // processes and machines
  | { readonly kind: 'crash'; readonly process: ProcessName; readonly disk: DiskAfterCrash }
  | { readonly kind: 'freezeProcess'; readonly process: ProcessName }
  | { readonly kind: 'freezeHost'; readonly host: HostName }
  | { readonly kind: 'powerOff'; readonly host: HostName }
  | { readonly kind: 'jumpClock'; readonly host: HostName; readonly byMs: number }
  | { readonly kind: 'diskFull'; readonly host: HostName }
  | { readonly kind: 'changesLost' }
  // things that the product only talks to
  | {
      readonly kind: 'hypervisor';
      readonly trouble: HypervisorTrouble;
      readonly method: HypervisorMethod;
      readonly nth: number;
    }
  | { readonly kind: 'human'; readonly edit: HumanEdit }
  | { readonly kind: 'fenceDevice'; readonly trouble: 'unreachable' | 'liar' | 'slow' | 'replyLost' }
  | { readonly kind: 'witnessForgets' }
  | { readonly kind: 'kit'; readonly trouble: KitTrouble }
  | { readonly kind: 'guests'; readonly trouble: 'sayNo' | 'neverUp' }
  // people
  | { readonly kind: 'operator'; readonly command: OperatorCommand; readonly times: number }
  | { readonly kind: 'notice'; readonly maintenanceMs: number }
  | { readonly kind: 'burst'; readonly writes: number }
  /** Everything that is broken now is well again. */
  | { readonly kind: 'healAll' };

/** The machine that is restored: booted from the kit, or from its own disks already. */
export type KitTrouble = 'unreachable' | 'losesPower' | 'losesWrites' | 'hangsAtBoot';

export const operatorCommands = [
  ...(['run', 'stop', 'switchover', 'switchoverWithoutJournals', 'assertMasterOff', 'abort'] as const),
  ...(['suspend', 'resume', 'announceMaintenance', 'endMaintenance'] as const),
  ...(['startTest', 'startManualTest', 'endTest'] as const),
  /** Boots the kit first. */
  'reverse',
  ...(['confirmMapping', 'switchback', 'hardSwitchback', 'undoSwitchback'] as const),
  /** Switches the machine off first: he tells the truth. */
  'confirmTargetOff',
  ...(['refreshVolumes', 'confirmVolumes'] as const),
  ...(['recoverData', 'mountRecoveryPoint', 'restoreFiles', 'endRecovery'] as const),
] as const;
export type OperatorCommand = (typeof operatorCommands)[number];
export type ActionKind = Action['kind'];
export const actionKinds: readonly ActionKind[] = [
  ...([
    'cut',
    'jam',
    'slow',
    'flap',
    'reset',
    'crash',
    'freezeProcess',
    'freezeHost',
    'powerOff',
    'jumpClock',
  ] as const),
  ...(['diskFull', 'changesLost', 'hypervisor', 'human', 'fenceDevice', 'witnessForgets', 'kit', 'guests'] as const),
  ...(['operator', 'notice', 'burst', 'healAll'] as const),
];

/** When an entry happens: at a time, or once the run shows something for the `nth` time. */
export type When =
  | { readonly atMs: number }
  | ({ readonly nth?: number; readonly afterMs?: number } & (
      | { readonly state: string }
      | { readonly wish: string }
      | { readonly message: string }
      | { readonly boundary: number }
    ));

export type PlanEntry = {
  readonly when: When;
  readonly action: Action;
  /** Undone after this long; without it only the end of the safety phase undoes it. */
  readonly forMs?: number;
};

/** A run as data: the seed decides fine timing, the plan what happens. It survives a change of the code. */
export type Run = {
  readonly seed: string;
  readonly profile: string;
  readonly site: SiteShape;
  /** The safety phase: how long anything may happen. */
  readonly hours: number;
  readonly plan: readonly PlanEntry[];
};

/** The site that a run needs. */
export type SiteShape = {
  readonly switchover: 'automatic' | 'manual';
  readonly speculation: boolean;
  readonly witness: boolean;
  readonly fenceDevice: boolean;
  readonly watchdog: boolean;
  /** What begins by itself, every hour. */
  readonly schedule?: 'assuredRecovery' | 'suspension';
  /** Short times make more decisions an hour; `guide` are the guide's. */
  readonly times: 'guide' | 'short';
  /** Real bytes through the product's own data plane, or numbered writes only. */
  readonly blocks: boolean;
  readonly driftPpm: { readonly [host in HostName]?: number };
};

export class PlanError extends Error {}

/** A plan that was kept as a file; says what is wrong with one that is not a plan. */
export function parseRun(text: string, name: string): Run {
  const refuse = (why: string): never => {
    throw new PlanError(`${name} is not a plan: ${why}`);
  };
  let value: Partial<Run>;
  try {
    value = JSON.parse(text) as Partial<Run>;
  } catch (thrown) {
    return refuse(String(thrown));
  }
  if (typeof value !== 'object' || value === null) return refuse('it is no object');
  if (typeof value.seed !== 'string' || typeof value.profile !== 'string') return refuse('seed and profile are texts');
  if (typeof value.hours !== 'number' || !(value.hours > 0)) return refuse('hours is a number above 0');
  if (typeof value.site !== 'object' || value.site === null) return refuse('site is missing');
  if (!Array.isArray(value.plan)) return refuse('plan is a list');
  for (const [at, entry] of (value.plan as Partial<PlanEntry>[]).entries()) {
    if (!entry.action || !actionKinds.includes(entry.action.kind)) refuse(`entry ${at} has no known action`);
    const when = entry.when as object | undefined;
    if (!when || !['atMs', 'state', 'wish', 'message', 'boundary'].some((key) => key in when))
      refuse(`entry ${at} does not say when`);
  }
  return value as Run;
}

/** One entry in words, for transcripts. */
export function actionText({ kind, ...rest }: Action): string {
  const details = Object.values(rest).join(' ');
  return details === '' ? kind : `${kind} ${details}`;
}
