import { wishCalls } from '#machines/parties/wishes.ts';
import { fromMasterToAppliance, fromMasterToWitness } from './mutant.ts';
import { minuteMs, only } from './mutant.ts';
import type { Mutant } from './mutant.ts';
import type { PlanEntry, SiteShape } from './plan.ts';
import { buildSite } from './siteUnderTest.ts';

const shape: SiteShape = {
  switchover: 'automatic',
  speculation: true,
  witness: true,
  fenceDevice: false,
  watchdog: true,
  times: 'short',
  blocks: false,
  driftPpm: {},
};

/** A bug on the whole site, with the plan in which it shows. */
export const mutant = (
  name: string,
  catches: string,
  apply: () => void,
  plan: readonly PlanEntry[],
  site: Partial<SiteShape> = {},
): Mutant => ({
  name,
  catches,
  apply,
  build: buildSite,
  run: (seed) => ({ seed, profile: 'standard', site: { ...shape, ...site }, hours: 0.5, plan }),
  isPlanned: true,
});

export const calls = wishCalls as { -readonly [Name in keyof typeof wishCalls]: (typeof wishCalls)[Name] };
export const longAgoMs = 1e9;
export const manual = { switchover: 'manual' } as const;
export const manualOf = (
  command: 'switchoverWithoutJournals' | 'assertMasterOff',
  atMs: number,
): readonly PlanEntry[] => only({ kind: 'operator', command, times: 1 }, 0, atMs);
export const crashAppliance = (forMs: number, atMs: number): readonly PlanEntry[] =>
  only({ kind: 'crash', process: 'appliance', disk: 'kept' }, forMs, atMs);
export const engineDead = only({ kind: 'crash', process: 'masterEngine', disk: 'kept' }, 3 * minuteMs);
/** The master is heard again just when both voters have promised, and the safe wait runs. */
export const heardInTime: readonly PlanEntry[] = [
  ...fromMasterToAppliance(10 * minuteMs),
  ...fromMasterToWitness(10 * minuteMs, 5 * minuteMs + 22_000),
  { when: { wish: 'witness.claim', afterMs: 500 }, action: { kind: 'healAll' } },
];
