import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runOfSeed } from '#simulators/harness/batch.ts';
import { profileNames } from '#simulators/harness/drawPlan.ts';
import { buildFenceSite, fenceSiteWith } from '#simulators/harness/fenceSite.ts';
import { parseRun } from '#simulators/harness/plan.ts';
import type { Run } from '#simulators/harness/plan.ts';
import { runPlan } from '#simulators/harness/runPlan.ts';
import { shrink } from '#simulators/harness/shrink.ts';
import { buildSite } from '#simulators/harness/siteUnderTest.ts';
import { singleFaults, scripts } from '#simulators/harness/systematic.ts';

const kept = new URL('kept/', import.meta.url);
/** `KAGEMUSHA_SEEDS=5000 npx vitest run test/simulation/harness.test.ts` runs more. */
const seeds = Number(process.env['KAGEMUSHA_SEEDS'] ?? 200);

const broken = async (run: Run, build = buildSite): Promise<readonly string[]> =>
  (await runPlan({ build, run })).violations.map(({ invariant, what }) => `${invariant}: ${what}`);

describe('seeds', () => {
  it.each(['fence', 'standard', 'brutal'] as const)(
    '%s: no invariant is broken',
    async (profile) => {
      const failing: string[] = [];
      for (let seed = 1; seed <= seeds; seed++)
        for (const what of await broken(runOfSeed(`ci-${seed}`, { profile }))) failing.push(`seed ci-${seed}: ${what}`);
      expect(failing).toEqual([]);
    },
    300_000,
  );

  it.each(profileNames)('%s: the same seed gives the same run', async (profile) => {
    const run = runOfSeed('twice', { profile, hours: 0.2 });
    const [once, again] = [
      await runPlan({ build: buildSite, run, transcript: true }),
      await runPlan({ build: buildSite, run, transcript: true }),
    ];
    expect(again.transcript).toEqual(once.transcript);
    expect(again.digest).toBe(once.digest);
    expect(once.transcript.length).toBeGreaterThan(10);
  });
});

describe('kept plans', () => {
  it.each(readdirSync(kept).filter((name) => name.endsWith('.json')))('%s', async (name) => {
    expect(await broken(parseRun(readFileSync(new URL(name, kept), 'utf8'), name))).toEqual([]);
  });

  it.each([
    ['{', /not a plan/],
    [
      '{"seed": "1", "profile": "standard", "hours": 1, "site": {}, "plan": [{"action": {"kind": "meteor"}}]}',
      /entry 0/,
    ],
    ['{"seed": "1", "profile": "standard", "hours": 0, "site": {}, "plan": []}', /hours/],
  ])('%s is refused', (text, why) => {
    expect(() => parseRun(text, 'x.json')).toThrow(why);
  });
});

describe('a failing run', () => {
  it('shrinks to what breaks the invariant', async () => {
    const drawn = runOfSeed('shrink-1', { profile: 'fence' });
    const powerOff = { when: { atMs: 301_234 }, action: { kind: 'powerOff', host: 'master' } } as const;
    const run = {
      ...drawn,
      site: { ...drawn.site, switchover: 'automatic' as const },
      plan: [...drawn.plan, powerOff],
    };
    const small = await shrink(run, async (candidate) => {
      const found = await broken(candidate, fenceSiteWith('noProbe'));
      return found.some((what) => what.startsWith('S8'));
    });
    expect(small.plan.length).toBe(1);
    expect(small.hours).toBeLessThan(run.hours);
  }, 60_000);
});

describe('single faults', () => {
  it('strike every effect boundary with every process and way to fail', async () => {
    const [script] = scripts;
    if (!script) throw new Error('there is no script');
    const drawn = runOfSeed('systematic', { profile: 'fence' });
    const base = { ...drawn, site: { ...drawn.site, switchover: 'automatic' as const }, plan: [], hours: script.hours };
    const { boundaries } = await runPlan({ build: buildFenceSite, run: { ...base, plan: script.plan } });
    const runs = [...singleFaults(script, base, boundaries)];
    expect(boundaries).toBeGreaterThan(5);
    expect(runs).toHaveLength(boundaries * 8);
  });
});
