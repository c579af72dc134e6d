import type { Violation } from '#simulators/checkers/invariants.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { drawRun } from './drawPlan.ts';
import type { ProfileName } from './drawPlan.ts';
import type { Run } from './plan.ts';
import { runPlan } from './runPlan.ts';
import type { RunResult } from './runPlan.ts';
import { shrink } from './shrink.ts';
import type { BuildSite } from './site.ts';

export type Failure = { readonly run: Run; readonly violations: readonly Violation[] };

/** What many runs together have shown. Plain data: child processes hand it over as JSON. */
export type Tally = {
  readonly seeds: number;
  readonly simulatedMs: number;
  readonly switchovers: number;
  readonly decisionsUnderFault: number;
  readonly violations: number;
  readonly transitions: readonly string[];
  readonly cells: readonly string[];
  readonly failures: readonly Failure[];
  /** How many runs ended in which state: shows at a glance when a profile does nothing. */
  readonly endedIn: Readonly<Record<string, number>>;
};

export const nothingYet: Tally = {
  seeds: 0,
  simulatedMs: 0,
  switchovers: 0,
  decisionsUnderFault: 0,
  violations: 0,
  transitions: [],
  cells: [],
  failures: [],
  endedIn: {},
};

/** Adds up runs without copying what was counted before. */
export class Counter {
  #seeds = 0;
  #simulatedMs = 0;
  #switchovers = 0;
  #decisions = 0;
  #violations = 0;
  readonly #transitions = new Set<string>();
  readonly #cells = new Set<string>();
  readonly #failures: Failure[] = [];
  readonly #endedIn: Record<string, number> = {};

  add(result: RunResult): void {
    this.#seeds += 1;
    this.#simulatedMs += result.simulatedMs;
    this.#switchovers += result.switchovers;
    this.#decisions += result.decisionsUnderFault;
    this.#violations += result.violations.length;
    for (const transition of result.transitions) this.#transitions.add(transition);
    for (const cell of result.cells) this.#cells.add(cell);
    this.#endedIn[result.endedIn] = (this.#endedIn[result.endedIn] ?? 0) + 1;
    if (result.violations.length > 0)
      this.#failures.push({ run: result.run, violations: result.violations.slice(0, 10) });
  }

  merge(tally: Tally): void {
    this.#seeds += tally.seeds;
    this.#simulatedMs += tally.simulatedMs;
    this.#switchovers += tally.switchovers;
    this.#decisions += tally.decisionsUnderFault;
    this.#violations += tally.violations;
    for (const transition of tally.transitions) this.#transitions.add(transition);
    for (const cell of tally.cells) this.#cells.add(cell);
    for (const [state, times] of Object.entries(tally.endedIn))
      this.#endedIn[state] = (this.#endedIn[state] ?? 0) + times;
    this.#failures.push(...tally.failures);
  }

  tally(): Tally {
    return {
      seeds: this.#seeds,
      simulatedMs: this.#simulatedMs,
      switchovers: this.#switchovers,
      decisionsUnderFault: this.#decisions,
      violations: this.#violations,
      transitions: [...this.#transitions].toSorted(),
      cells: [...this.#cells].toSorted(),
      failures: this.#failures,
      endedIn: this.#endedIn,
    };
  }
}

export type BatchOptions = {
  readonly build: BuildSite;
  readonly profile: ProfileName;
  readonly hours?: number;
  readonly onRun?: (result: RunResult) => void;
};

/** The run that a seed stands for. */
export const runOfSeed = (seed: string, { profile, hours }: Pick<BatchOptions, 'profile' | 'hours'>): Run =>
  drawRun(seed, profile, new SimulatedRandom(seed), hours);

/** All seeds, one after the other. One in a hundred runs twice: the same seed must give the same run. */
export async function runSeeds(seeds: Iterable<string>, options: BatchOptions): Promise<Tally> {
  const counter = new Counter();
  let count = 0;
  for (const seed of seeds) {
    const run = runOfSeed(seed, options);
    let result = await runPlan({ build: options.build, run });
    if (count++ % 100 === 0) {
      const again = await runPlan({ build: options.build, run });
      if (again.digest !== result.digest)
        result = { ...result, violations: [...result.violations, notTheSame(result.digest, again.digest)] };
    }
    counter.add(result);
    options.onRun?.(result);
  }
  return counter.tally();
}

const notTheSame = (once: string, again: string): Violation => ({
  invariant: 'determinism',
  atMs: 0,
  what: `the same seed gave ${once} and ${again}`,
});

/** The smallest run found that breaks the same invariant. */
export function shrunk({ run, violations }: Failure, build: BuildSite): Promise<Run> {
  const broken = violations[0]?.invariant;
  return shrink(run, async (candidate) => {
    const { violations: now } = await runPlan({ build, run: candidate, stopEarly: broken !== 'determinism' });
    return now.some(({ invariant }) => invariant === broken);
  });
}
