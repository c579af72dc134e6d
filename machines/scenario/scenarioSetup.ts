import { assign, setup } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import type { Wish, WishArgs, WishName } from '#machines/parties/wishes.ts';
import { timeOf } from '#machines/assuredRecovery/facts.ts';
import type { IntegrityTest } from '#machines/assuredRecovery/facts.ts';
import { contextGuards } from './conditions.ts';
import { currentCheckMs } from './context.ts';
import type { Double, FenceProof, ScenarioContext, ScenarioInput, StopReason, Takeover } from './context.ts';
import type { ScenarioEvent } from './facts.ts';

export type Announcement = { readonly code: string; readonly params: Readonly<Record<string, string | number>> };

export const scenarioSetup = setup({
  types: {
    context: {} as ScenarioContext,
    events: {} as ScenarioEvent,
    input: {} as ScenarioInput,
    meta: {} as { guide?: string; ja: string; en: string },
  },
  guards: contextGuards,
  actions: {
    /** The host writes it to the outbox and performs it after the commit. */
    wish: (_scope, _wish: Wish) => {},
    /** The host writes it to the report, from which control mirrors it. */
    announce: (_scope, _announcement: Announcement) => {},
    endRun: assign({ stopReason: (_scope, { stopReason }: { stopReason: StopReason }) => stopReason }),
    rememberFault: assign({ lastFault: (_scope, fault: Fault) => fault }),
    firstDisk: assign({ diskIndex: 0 }),
    nextDisk: assign({ diskIndex: ({ context }) => context.diskIndex + 1 }),
    beginTakeover: assign({ takeover: (_scope, takeover: Takeover) => takeover }),
    beginDouble: assign({
      double: (_scope, { role, onChildren }: Pick<Double, 'role' | 'onChildren'>) => ({
        role,
        onChildren,
        vmAsked: false,
      }),
      diskIndex: 0,
    }),
    rememberFenceFault: assign({
      fence: ({ context }, fault: Fault) => ({ ...context.fence, faults: [...context.fence.faults, fault] }),
    }),
    beginTest: assign({ test: (_scope, test: IntegrityTest) => test }),
    amendTest: assign({
      test: ({ context }, change: Partial<IntegrityTest>) => context.test && { ...context.test, ...change },
    }),
    suspendBySchedule: assign({ suspendedBySchedule: (_scope, { scheduled }: { scheduled: boolean }) => scheduled }),
    noteSilence: assign({ silentForMs: (_scope, { silentForMs }: { silentForMs: number }) => silentForMs }),
    giveUpUnwell: assign({ unwellGivenUp: true }),
    amendTakeover: assign({
      takeover: ({ context }, change: Partial<Takeover>) => context.takeover && { ...context.takeover, ...change },
    }),
  },
  delays: {
    /** A wish is answered within its own deadline; a little later the chart stops waiting (law L2). */
    shortAnswer: 75_000,
    longAnswer: 660_000,
    /** What is left of the Is-Alive timeout once silence is noticed (guide product 5). */
    isAliveRemaining: ({ context }) => Math.max(0, context.definition.isAlive.timeoutMs - context.silentForMs),
    /** Half of the Is-Alive timeout: enough to doubt, too little to decide. */
    suspicion: ({ context }) => Math.max(0, context.definition.isAlive.timeoutMs / 2 - context.silentForMs),
    restOfSuspicion: ({ context }) =>
      Math.max(
        0,
        context.definition.isAlive.timeoutMs - Math.max(context.silentForMs, context.definition.isAlive.timeoutMs / 2),
      ),
    isAliveTimeout: ({ context }) => context.definition.isAlive.timeoutMs,
    heartbeat: ({ context }) => context.definition.isAlive.heartbeatMs,
    /** Until every lease the master can hold has lapsed, and it has certainly left its network. */
    safeWaitRemaining: ({ context }) =>
      Math.max(0, safeWaitMs(context.definition.fence.timing) - (context.takeover?.sinceLastGrantMs ?? 0)),
    maintenance: ({ context }) => context.maintenanceMs,
    /** An integrity test ends by then, whoever has forgotten it. */
    testDeadline: ({ context }) => context.definition.assuredRecovery?.testMsMax ?? testMsMaxDefault,
    checkAnswer: ({ context }) => currentCheckMs(context) + 15_000,
    nextScheduled: ({ context, event }) =>
      Math.min(lookAtScheduleMs, Math.max(0, (context.scheduledForMs ?? Infinity) - timeOf(event))),
    suspensionEnd: ({ context }) => context.definition.schedule?.durationMs ?? 0,
    retryIn: 5_000,
    slowRetryIn: 60_000,
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
  suspicion: 'restart',
  restOfSuspicion: 'restart',
  isAliveTimeout: 'restart',
  heartbeat: 'restart',
  safeWaitRemaining: 'restart',
  // The master counts its maintenance by its own clock, whether we are there or not.
  maintenance: 'fire',
  // A test VM must not outlive its time because nobody was there.
  testDeadline: 'fire',
  checkAnswer: 'restart',
  // The chart itself judges how late is too late, and tells it: a skipped one would be told to nobody.
  nextScheduled: 'fire',
  suspensionEnd: 'fire',
  retryIn: 'fire',
  slowRetryIn: 'fire',
} as const;

const testMsMaxDefault = 4 * 3_600_000;
/** The wall clock may be set: the schedule is looked at anew from time to time. */
const lookAtScheduleMs = 24 * 3_600_000;

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

/** The same for a wish that is worth something only now: its time runs from this decision, not from its performance. */
export function wishSoon<N extends WishName>(
  name: N,
  timeoutMs: number,
  args: (context: ScenarioContext) => WishArgs<N>,
) {
  const { type, params } = wish(name, timeoutMs, args);
  return { type, params: (scope: Scope) => ({ ...params(scope), soon: true }) as Wish };
}

export function announce(code: string, params: (context: ScenarioContext) => Announcement['params'] = () => ({})) {
  return { type: 'announce' as const, params: ({ context }: Scope) => ({ code, params: params(context) }) };
}

/** Remembers why the run ends. */
export const endRun = (stopReason: StopReason) => ({ type: 'endRun' as const, params: { stopReason } });

/** What is known more of the attempt under way. */
export const amendTakeover = (change: Partial<Takeover>) => ({ type: 'amendTakeover' as const, params: change });

export const proveFence = (proof: FenceProof) => amendTakeover({ proof });

/** Keeps the fault of the answer at hand, for the status and the event log. */
export const rememberFault = {
  type: 'rememberFault' as const,
  params: ({ event }: { readonly event: { readonly fault: Fault } }) => event.fault,
};

/** Parameters of the fault at hand, for the event log. */
export function faultParams({ lastFault }: ScenarioContext): Record<string, string | number> {
  return lastFault ? { ...lastFault.params, faultCode: lastFault.code } : {};
}
