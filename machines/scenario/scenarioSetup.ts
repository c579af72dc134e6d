import { assign, setup } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import type { Wish, WishArgs, WishName, WishResult } from '#machines/parties/wishes.ts';
import type {
  ConsistentPoint,
  Epoch,
  MasterDescription,
  ScenarioDefinition,
  ScenarioDisk,
  Verification,
} from '#machines/vocabulary.ts';

/** Why a scenario is stopped, in words an administrator can act on. */
export type StopReason = 'neverRun' | 'byUser' | 'verificationFailed' | 'fault';

export type SwitchoverCause = 'operator' | 'masterDown';

export type ScenarioContext = {
  readonly definition: ScenarioDefinition;
  /** Version of the engine this chart runs on; the master's must be the same (R16). */
  readonly applianceVersion: string;
  readonly epoch: Epoch;
  readonly disks: readonly (ScenarioDisk & { readonly locator?: GuestDiskLocator })[];
  /** Disk being prepared or detached. */
  readonly diskIndex: number;
  readonly stopReason: StopReason;
  readonly verification: Verification;
  /** A whole synchronization has completed since the last start (law L9). */
  readonly synchronized: boolean;
  readonly silentForMs: number;
  readonly master?: MasterDescription;
  readonly inventory?: HypervisorInventory;
  readonly switchover?: {
    readonly cause: SwitchoverCause;
    readonly waitForJournals: boolean;
    readonly startedAtMs: number;
  };
  readonly presentedPoint?: ConsistentPoint;
  readonly substituteVmId?: string;
  readonly lastFault?: Fault | undefined;
};

/** Answers to wishes, as facts. */
type Answers = {
  [N in WishName]:
    | { type: `${N}.done`; atMs: number; result: WishResult<N> }
    | { type: `${N}.failed`; atMs: number; fault: Fault };
}[WishName];

export type ScenarioEvent =
  | Answers
  | { type: 'operator.run'; atMs: number; definition?: ScenarioDefinition }
  | { type: 'operator.stop'; atMs: number }
  | { type: 'operator.switchover'; atMs: number; waitForJournals: boolean }
  | { type: 'replica.synchronized'; atMs: number; bytes: number }
  | { type: 'replica.caughtUp'; atMs: number; point: ConsistentPoint }
  | { type: 'replica.disconnected'; atMs: number; reason: string }
  | { type: 'replica.reconnected'; atMs: number }
  | { type: 'replica.resynchronizing'; atMs: number; reason: string }
  | { type: 'replica.spoolFull'; atMs: number }
  | { type: 'replica.comparing'; atMs: number; fault: Fault }
  | { type: 'replica.failed'; atMs: number; fault: Fault }
  | { type: 'master.silent'; atMs: number; silentForMs: number }
  | { type: 'master.heard'; atMs: number }
  | { type: 'appliance.restarted'; atMs: number };

export type Announcement = { readonly code: string; readonly params: Readonly<Record<string, string | number>> };

export const scenarioSetup = setup({
  types: {
    context: {} as ScenarioContext,
    events: {} as ScenarioEvent,
    input: {} as { definition: ScenarioDefinition; applianceVersion: string },
    meta: {} as { guide?: string; ja: string; en: string },
  },
  actions: {
    /** The host writes it to the outbox and performs it after the commit. */
    wish: (_scope, _wish: Wish) => {},
    /** The host writes it to the report, from which control mirrors it. */
    announce: (_scope, _announcement: Announcement) => {},
    endRun: assign({ stopReason: (_scope, { stopReason }: { stopReason: StopReason }) => stopReason }),
    rememberFault: assign({ lastFault: (_scope, fault: Fault) => fault }),
  },
  delays: {
    /** A wish is answered within its own deadline; a little later the chart stops waiting (law L2). */
    shortAnswer: 75_000,
    longAnswer: 660_000,
    /** What is left of the Is-Alive timeout once silence is noticed (guide product 5). */
    isAliveRemaining: ({ context }) => Math.max(0, context.definition.isAlive.timeoutMs - context.silentForMs),
    heartbeat: ({ context }) => context.definition.isAlive.heartbeatMs,
    retryIn: 5_000,
  },
});

/**
 * What being late means for each delay after the watcher itself was down: the time of its absence never counts as a
 * missed heartbeat, and a wish that is performed again gets its whole time again.
 */
export const scenarioLateness = {
  shortAnswer: 'restart',
  longAnswer: 'restart',
  isAliveRemaining: 'restart',
  heartbeat: 'restart',
  retryIn: 'fire',
} as const;

export const shortWishMs = 60_000;
export const longWishMs = 600_000;

type Scope = { readonly context: ScenarioContext };

/** A wish as an action, its arguments taken from the context. */
export function wish<N extends WishName>(name: N, timeoutMs: number, args: (context: ScenarioContext) => WishArgs<N>) {
  return {
    type: 'wish' as const,
    // The union over all names cannot be followed through a generic; name and args belong together by this signature.
    params: ({ context }: Scope) => ({ name, args: args(context), epoch: context.epoch, timeoutMs }) as Wish,
  };
}

export function announce(code: string, params: (context: ScenarioContext) => Announcement['params'] = () => ({})) {
  return { type: 'announce' as const, params: ({ context }: Scope) => ({ code, params: params(context) }) };
}

/** Remembers why the run ends. */
export const endRun = (stopReason: StopReason) => ({ type: 'endRun' as const, params: { stopReason } });

/** Keeps the fault of the answer at hand, for the status and the event log. */
export const rememberFault = {
  type: 'rememberFault' as const,
  params: ({ event }: { readonly event: { readonly fault: Fault } }) => event.fault,
};

/** Parameters of the fault at hand, for the event log. */
export function faultParams({ lastFault }: ScenarioContext): Record<string, string | number> {
  return lastFault ? { ...lastFault.params, faultCode: lastFault.code } : {};
}

export function initialContext(definition: ScenarioDefinition, applianceVersion: string): ScenarioContext {
  return {
    definition,
    applianceVersion,
    epoch: 1,
    disks: scenarioDisks(definition),
    diskIndex: 0,
    stopReason: 'neverRun',
    verification: { errors: [], warnings: [] },
    synchronized: false,
    silentForMs: 0,
  };
}

export function scenarioDisks(definition: ScenarioDefinition): readonly ScenarioDisk[] {
  return definition.master.disks.map((disk, index) => ({
    ...disk,
    replicaPath: `[${definition.hypervisor.datastore}] ${definition.substituteVm.name}-${definition.scenarioId}/disk${index}.vmdk`,
  }));
}

/** The disk at hand; asking without one is a programmer's error. */
export function currentDisk(context: ScenarioContext): ScenarioContext['disks'][number] {
  const disk = context.disks[context.diskIndex];
  if (!disk) throw new RangeError(`no disk ${context.diskIndex} in scenario ${context.definition.scenarioId}`);
  return disk;
}
