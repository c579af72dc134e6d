import { createActor, getNextTransitions, initialTransition, transition } from 'xstate';
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { Epoch } from '#machines/vocabulary.ts';

/** Something that happened, before the host gives it its time. */
export type Fact = { readonly type: string; readonly [detail: string]: unknown };
export type ChartEvent = Fact & { readonly atMs: number };

/** What any chart voices: a method of a party, by name. */
export type VoicedWish = {
  readonly name: string;
  readonly args: unknown;
  readonly epoch: Epoch;
  readonly timeoutMs: number;
  readonly soon?: boolean;
};
export type VoicedAnnouncement = { readonly code: string; readonly params: Readonly<Record<string, string | number>> };

/** What one event does besides changing the state, as data. */
export type Step = {
  readonly snapshot: AnyMachineSnapshot;
  readonly wishes: readonly VoicedWish[];
  readonly announcements: readonly VoicedAnnouncement[];
  readonly timersSet: readonly {
    readonly id: string;
    readonly delayName: string;
    readonly delayMs: number;
    readonly event: { readonly type: string };
  }[];
  readonly timersDeleted: readonly string[];
};

type Effect = { readonly type: string; readonly params?: unknown };

/** The pure door to a chart: no clock, no I/O, nothing is started. */
export function firstStep(chart: AnyStateMachine, input: unknown): Step {
  const [snapshot, effects] = initialTransition(chart, input);
  return toStep(snapshot, effects);
}

export function nextStep(chart: AnyStateMachine, snapshot: AnyMachineSnapshot, event: ChartEvent): Step {
  const [next, effects] = transition(chart, snapshot, event);
  if (next.status === 'error')
    throw new Error(`chart ${chart.id} failed on ${event.type}: ${String(next.error)}`, { cause: next.error });
  return toStep(next, effects);
}

/** A snapshot that came back from the store, live again. Refuses one that this chart does not know. */
export function restore(chart: AnyStateMachine, persisted: string): AnyMachineSnapshot {
  const actor = createActor(chart, { snapshot: JSON.parse(persisted), input: undefined as never });
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
  if (snapshot.status === 'error')
    throw new Error(`a stored state does not fit chart ${chart.id}: ${String(snapshot.error)}`, {
      cause: snapshot.error,
    });
  return snapshot;
}

export const persist = (chart: AnyStateMachine, snapshot: AnyMachineSnapshot): string =>
  JSON.stringify(chart.getPersistedSnapshot(snapshot));

/** Whether any active state has a transition for this event type, whatever its guards say. */
export const listensTo = (snapshot: AnyMachineSnapshot, type: string): boolean =>
  getNextTransitions(snapshot).some(({ eventType }) => eventType === type);

/** Active states as a path: `replicating.flow.connected + replicating.isAlive.alive`. */
export function statePath(value: unknown, prefix = ''): string {
  if (typeof value === 'string') return prefix + value;
  return Object.entries(value as Record<string, unknown>)
    .map(([key, child]) => statePath(child, `${prefix}${key}.`))
    .join(' + ');
}

function toStep(snapshot: AnyMachineSnapshot, effects: readonly Effect[]): Step {
  const step = {
    snapshot,
    wishes: [] as VoicedWish[],
    announcements: [] as VoicedAnnouncement[],
    timersSet: [] as Step['timersSet'][number][],
    timersDeleted: [] as string[],
  };
  for (const { type, params } of effects) {
    if (type === 'wish') step.wishes.push(params as VoicedWish);
    else if (type === 'announce') step.announcements.push(params as VoicedAnnouncement);
    else if (type === 'xstate.cancel') cancelTimer(step, (params as { sendId: string }).sendId);
    else if (type === 'xstate.raise') setTimer(step, params as RaiseParams);
    else if (type.startsWith('xstate.'))
      throw new Error(
        `law L1: a chart on the durable host must not use ${type}; use a wish, a delay or a guard instead`,
      );
  }
  return step;
}

type RaiseParams = { readonly id?: string; readonly delay?: number; readonly event: { readonly type: string } };

function setTimer(step: { timersSet: Step['timersSet'][number][] }, { id, delay, event }: RaiseParams): void {
  // An immediate raise is listed although the macrostep has taken it already.
  if (delay === undefined) return;
  step.timersSet.push({ id: id ?? event.type, delayName: delayNameOf(event.type), delayMs: delay, event });
}

/** A state left and entered again within one macrostep arms its timer anew: the cancellation takes only what came before. */
function cancelTimer(step: { timersSet: Step['timersSet'][number][]; timersDeleted: string[] }, id: string): void {
  step.timersSet = step.timersSet.filter((timer) => timer.id !== id);
  step.timersDeleted.push(id);
}

/** `xstate.after.<delay>.<state id>` → the delay's name. */
function delayNameOf(eventType: string): string {
  return /^xstate\.after\.([^.]+)\./.exec(eventType)?.[1] ?? eventType;
}
