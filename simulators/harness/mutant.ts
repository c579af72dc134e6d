import { Guard } from '#engine/guard/Guard.ts';
import type { ArmedTerms } from '#machines/masterGuard/guardSetup.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import type { Action, PlanEntry, Run } from './plan.ts';
import type { BuildSite } from './site.ts';

/** A deliberate bug, and the invariant that must notice it. */
export type Mutant = {
  readonly name: string;
  readonly catches: string;
  /** Breaks the product for this process; a run that follows is of the broken one. */
  readonly apply?: () => void;
  readonly build: BuildSite;
  readonly run: (seed: string) => Run;
  /** Its plan is written down, not drawn: it dies with the first seed. */
  readonly isPlanned?: true;
};

export const minuteMs = 60_000;

/** The master's links to appliance and witness, both ways. */
export const isolation = (forMs: number, atMs = 5 * minuteMs): readonly PlanEntry[] =>
  (
    [
      ['master', 'appliance'],
      ['appliance', 'master'],
      ['master', 'witness'],
      ['witness', 'master'],
    ] as const
  ).map(([from, to]) => ({ when: { atMs }, action: { kind: 'cut', from, to }, forMs }));

export const only = (action: Action, forMs = 0, atMs = 5 * minuteMs): readonly PlanEntry[] => [
  { when: { atMs }, action, ...(forMs > 0 ? { forMs } : {}) },
];
export const fromMasterToAppliance = (forMs: number, atMs?: number): readonly PlanEntry[] =>
  isolation(forMs, atMs).slice(0, 2);
export const fromMasterToWitness = (forMs: number, atMs?: number): readonly PlanEntry[] =>
  isolation(forMs, atMs).slice(2);
export const masterDies = (forMs = 0): readonly PlanEntry[] => only({ kind: 'powerOff', host: 'master' }, forMs);

type Named = Record<string, (...scope: never[]) => unknown>;

/** Guards and delays of a chart as it runs: the chart itself stays as it is written. */
export const guardsOf = (chart: AnyStateMachine): Named => chart.implementations.guards as unknown as Named;
export const delaysOf = (chart: AnyStateMachine): Named => chart.implementations.delays as unknown as Named;

export const stateOf = (chart: AnyStateMachine, path: string): AnyStateNode =>
  chart.getStateNodeById(`${chart.id}.${path}`);

/** One way out of a state is not taken any more. */
export function forbid(chart: AnyStateMachine, path: string, event: string, index: number): void {
  const transition = stateOf(chart, path).transitions.get(event)?.[index];
  if (!transition) throw new RangeError(`${path} has no way ${index} out on ${event}`);
  (transition as { guard?: unknown }).guard = () => false;
}

/** The guard is armed with other terms than the appliance gave. */
export const armedWith = (change: (terms: ArmedTerms) => ArmedTerms) => (): void => {
  const { handlers } = Guard.prototype;
  Guard.prototype.handlers = function () {
    const all = handlers.call(this);
    return {
      ...all,
      'guard.arm': (params, caller) => all['guard.arm']!({ ...params, terms: change(params.terms) }, caller),
    };
  };
};

/** The guard never hears that it was started. */
export const guardKnowsNoBoot = (): void => {
  const { dispatch } = DurableHost.prototype;
  DurableHost.prototype.dispatch = function (instance, event, ...rest) {
    return event.type === 'guard.started' ? true : dispatch.call(this, instance, event, ...rest);
  };
};
