import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { Wish } from '#machines/parties/wishes.ts';
import { nextStep, statePath } from './step.ts';
import type { Fact } from './step.ts';

export type RehearsedWish = {
  /** Where the chart would stand when it voices the wish. */
  readonly state: string;
  readonly name: string;
  readonly args: unknown;
  readonly epoch: number;
};

export type Rehearsal = {
  readonly wishes: readonly RehearsedWish[];
  /** Codes of the events that would be told, in order. */
  readonly events: readonly string[];
  /** Where the chart would end. */
  readonly endsIn: string;
};

const stepsMax = 200;

/**
 * The third host, beside the real and the simulated one: it lets the chart decide and performs nothing. Every wish is
 * recorded and answered by assumption, as if each step succeeded; the snapshot that it starts from stays as it is.
 */
export function rehearse(
  chart: AnyStateMachine,
  from: AnyMachineSnapshot,
  command: Fact,
  assume: (wish: Wish) => unknown,
  atMs: number,
): Rehearsal {
  const wishes: RehearsedWish[] = [];
  const events: string[] = [];
  const queue: Fact[] = [command];
  let snapshot = from;
  for (let steps = 0; queue.length > 0; steps++) {
    if (steps > stepsMax) throw new Error(`the rehearsal does not end; it stands at ${statePath(snapshot.value)}`);
    const fact = queue.shift() as Fact;
    const step = nextStep(chart, snapshot, { ...fact, atMs });
    snapshot = step.snapshot;
    events.push(...step.announcements.map(({ code }) => code));
    for (const wish of step.wishes) {
      wishes.push({ state: statePath(snapshot.value), name: wish.name, args: wish.args, epoch: wish.epoch });
      queue.push({ type: `${wish.name}.done`, result: assume(wish as Wish) });
    }
  }
  return { wishes, events, endsIn: statePath(snapshot.value) };
}
