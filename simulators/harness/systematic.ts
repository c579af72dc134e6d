import type { Action, PlanEntry, Run } from './plan.ts';
import { processes } from './plan.ts';

/** A scripted run whose every effect boundary is struck once. */
export type Script = { readonly name: string; readonly hours: number; readonly plan: readonly PlanEntry[] };

const minuteMs = 60_000;

export const scripts: readonly Script[] = [
  {
    name: 'the master dies',
    hours: 0.5,
    plan: [{ when: { atMs: 5 * minuteMs }, action: { kind: 'powerOff', host: 'master' } }],
  },
  {
    name: 'a false alarm',
    hours: 0.5,
    plan: [
      { when: { atMs: 5 * minuteMs }, action: { kind: 'cut', from: 'master', to: 'appliance' }, forMs: 4 * minuteMs },
      { when: { atMs: 5 * minuteMs }, action: { kind: 'cut', from: 'appliance', to: 'master' }, forMs: 4 * minuteMs },
    ],
  },
];

const strikes: readonly { readonly action: Action; readonly forMs: number }[] = processes.flatMap((process) => [
  { action: { kind: 'crash', process, disk: 'kept' } as const, forMs: 3_000 },
  { action: { kind: 'freezeProcess', process } as const, forMs: 40_000 },
]);

/**
 * Single faults, completely: for each effect boundary of the script, each process and each way to fail, one run.
 * `boundaries`: how many the script has when nothing strikes.
 */
export function* singleFaults(script: Script, base: Run, boundaries: number): Generator<Run> {
  for (let boundary = 1; boundary <= boundaries; boundary++)
    for (const { action, forMs } of strikes)
      yield {
        ...base,
        seed: `${base.seed}/${script.name}/${boundary}`,
        profile: 'systematic',
        hours: script.hours,
        plan: [...script.plan, { when: { boundary }, action, forMs }],
      };
}

/** Every `n`-th of them, so that a bounded number covers the whole length of the script. */
export function spread<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, at) => items[Math.floor((at * items.length) / most)]).filter(
    (item) => item !== undefined,
  );
}
