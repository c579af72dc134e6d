import { Counter, runOfSeed } from '#simulators/harness/batch.ts';
import { runPlan } from '#simulators/harness/runPlan.ts';
import { buildSite } from '#simulators/harness/siteUnderTest.ts';

/** Simulated time per real time on one core, with faults on: how sharp the simulation can be in a night. */
const json = process.argv.includes('--json');
const targetRatio = 10_000;
const seconds = 20;

Error.stackTraceLimit = 0;
for (let seed = 0; seed < 10; seed++) await one(`warm-${seed}`);
const counter = new Counter();
const startedMs = performance.now();
for (let seed = 1; performance.now() - startedMs < seconds * 1000; seed++) counter.add(await one(`bench-${seed}`));
const realMs = performance.now() - startedMs;
const { seeds, simulatedMs, decisionsUnderFault } = counter.tally();
const result = {
  bench: 'simulate',
  profile: 'standard',
  seeds,
  simulatedHours: Math.round(simulatedMs / 36_000) / 100,
  simulatedHoursPerSecond: Math.round((simulatedMs / 3_600_000 / (realMs / 1000)) * 10) / 10,
  ratio: Math.round(simulatedMs / realMs),
  decisionsPerSecond: Math.round((decisionsUnderFault / (realMs / 1000)) * 10) / 10,
  targetRatio,
};
if (json) console.log(JSON.stringify(result));
else for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(26)} ${value}`);
process.exitCode = result.ratio >= targetRatio ? 0 : 1;

function one(seed: string) {
  return runPlan({ build: buildSite, run: runOfSeed(seed, { profile: 'standard' }) });
}
