import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { invariants } from '#simulators/checkers/invariants.ts';
import { mutants } from '#simulators/harness/mutantList.ts';
import { siteMutants } from '#simulators/harness/siteMutants.ts';
import { runPlan } from '#simulators/harness/runPlan.ts';

const program = fileURLToPath(new URL('../../simulators/harness/mutants.ts', import.meta.url));

/** Ends with 1 when a mutant survives: what it says counts, not how it ends. */
const hunted = (): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, '--planned', '--seconds', '10', '--json'], (_, stdout) => resolve(stdout));
  });

describe('deliberate bugs', () => {
  it('have names of their own, and each is meant for an invariant that there is', () => {
    expect(new Set(mutants.map(({ name, catches }) => `${name} ${catches}`)).size).toBe(mutants.length);
    const known = invariants.map(({ id }) => id);
    expect(mutants.map(({ catches }) => catches).filter((id) => !known.includes(id))).toEqual([]);
  });

  it.each(siteMutants.map(({ name, run, build }) => ({ name, run, build })))(
    'without it nothing is wrong: $name',
    async ({ run, build }) => {
      const { violations } = await runPlan({ build, run: run('mutant-1') });
      expect(violations).toEqual([]);
    },
  );

  it('on the whole site are all caught, each by its invariant', async () => {
    const { outcomes } = JSON.parse(await hunted()) as {
      readonly outcomes: readonly { readonly name: string; readonly killedBySeed?: number }[];
    };
    expect(outcomes.filter(({ killedBySeed }) => killedBySeed === undefined)).toEqual([]);
    expect(outcomes).toHaveLength(siteMutants.length);
  }, 120_000);
});
