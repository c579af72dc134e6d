import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { invariants } from '#simulators/checkers/invariants.ts';
import { Counter, runOfSeed, runSeeds, shrunk } from './batch.ts';
import type { Failure, Tally } from './batch.ts';
import { profileNames } from './drawPlan.ts';
import type { ProfileName } from './drawPlan.ts';
import { parseRun, PlanError } from './plan.ts';
import type { Run } from './plan.ts';
import { runPlan } from './runPlan.ts';
import { buildSite, chartsUnderTest, faultStateCells } from './siteUnderTest.ts';
import { edgesOf } from './coverage.ts';
import { scripts, singleFaults, spread } from './systematic.ts';

type Seeds = { readonly from: number; readonly to: number };
type Flags = {
  readonly seeds: Seeds;
  readonly hours?: number;
  readonly profile: ProfileName;
  readonly json?: true;
  readonly plan?: readonly string[];
  readonly kept?: true;
  readonly systematic?: true;
  readonly exhaustive?: true;
  readonly jobs: number;
  readonly shrink?: true;
  readonly list?: true;
  readonly missing?: true;
  readonly child?: true;
};

const self = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('../../', import.meta.url));
const reportFolder = `${root}reports/simulation`;
const keptFolder = `${root}test/simulation/kept`;
const systematicRunsInCi = 300;
/** Each failure is shrunk and told in full only so often: more of the same help nobody. */
const toldMax = 3;

const seeds = (text: string): Seeds => {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first === undefined) throw new InvalidArgumentError('give one seed, or a range such as 1-1000');
  const range = { from: Number(first), to: Number(last ?? first) };
  if (range.to < range.from) throw new InvalidArgumentError('the range ends before it begins');
  return range;
};
const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('give a number above 0');
  return value;
};

const program = new Command('simulate')
  .description('The product on simulated parties in virtual time: faults, operators, checkers.')
  .option('--seeds <A-B>', 'seeds to run', seeds, { from: 1, to: 100 })
  .option('--hours <H>', 'simulated hours a seed, before everything heals', positive)
  .addOption(new Option('--profile <NAME>', 'what is drawn').choices(profileNames).default('standard'))
  .option('--json', 'one JSON object instead of text')
  .option('--plan <FILE...>', 'run kept plans instead of seeds')
  .option('--kept', 'run all plans of test/simulation/kept')
  .option('--systematic', 'single faults at every effect boundary, a bounded number')
  .option('--exhaustive', 'single faults at every effect boundary, all of them')
  .option('--jobs <N>', 'child processes', positive, Math.max(1, availableParallelism() - 1))
  .option('--shrink', 'shrink every failure, not only the first')
  .option('--list', 'print the invariants')
  .option('--missing', 'print the transitions and cells that no run has reached')
  .addOption(new Option('--child').hideHelp());

async function main(flags: Flags): Promise<number> {
  if (flags.list) {
    for (const { id, statement } of invariants) console.log(`${id.padEnd(4)} ${statement}`);
    return 0;
  }
  const startedMs = performance.now();
  try {
    const tally = await tallyOf(flags);
    if (flags.child) {
      process.stdout.write(`${JSON.stringify(tally)}\n`);
      return 0;
    }
    await tell(flags, tally, (performance.now() - startedMs) / 1000);
    return tally.violations > 0 ? 1 : 0;
  } catch (thrown) {
    if (!(thrown instanceof PlanError)) throw thrown;
    console.error(thrown.message);
    return 2;
  }
}

async function tallyOf(flags: Flags): Promise<Tally> {
  const files = flags.kept ? keptPlans() : flags.plan;
  if (files) return runAll(files.map((file) => parseRun(readFileSync(file, 'utf8'), file)));
  if (flags.systematic || flags.exhaustive) return runAll(await systematicRuns(flags));
  if (flags.jobs > 1 && flags.seeds.to > flags.seeds.from) return inChildren(flags);
  return runSeeds(names(flags.seeds), { build: buildSite, profile: flags.profile, ...hoursOf(flags) });
}

const hoursOf = ({ hours }: Flags): { readonly hours?: number } => (hours === undefined ? {} : { hours });

function* names({ from, to }: Seeds): Generator<string> {
  for (let seed = from; seed <= to; seed++) yield String(seed);
}

function keptPlans(): string[] {
  return readdirSync(keptFolder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => `${keptFolder}/${name}`);
}

async function runAll(runs: Iterable<Run>): Promise<Tally> {
  const counter = new Counter();
  for (const run of runs) counter.add(await runPlan({ build: buildSite, run }));
  return counter.tally();
}

async function systematicRuns(flags: Flags): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (const script of scripts) {
    const drawn = runOfSeed('systematic', flags);
    const base: Run = { ...drawn, site: { ...drawn.site, switchover: 'automatic' }, hours: script.hours };
    const { boundaries } = await runPlan({ build: buildSite, run: { ...base, plan: script.plan } });
    const all = [...singleFaults(script, base, boundaries)];
    runs.push(...(flags.exhaustive ? all : spread(all, systematicRunsInCi)));
  }
  return runs;
}

/** Children take interleaved slices one after the other, so that a slow one holds nobody up. */
async function inChildren(flags: Flags): Promise<Tally> {
  const { from, to } = flags.seeds;
  const slice = Math.max(1, Math.min(500, Math.ceil((to - from + 1) / flags.jobs)));
  const counter = new Counter();
  let next = from;
  const worker = async (): Promise<void> => {
    while (next <= to) {
      const first = next;
      next += slice;
      counter.merge(await child(flags, { from: first, to: Math.min(to, first + slice - 1) }));
    }
  };
  await Promise.all(Array.from({ length: flags.jobs }, worker));
  return counter.tally();
}

function child(flags: Flags, part: Seeds): Promise<Tally> {
  const hours = flags.hours === undefined ? [] : ['--hours', String(flags.hours)];
  const options = [
    '--child',
    '--jobs',
    '1',
    '--profile',
    flags.profile,
    '--seeds',
    `${part.from}-${part.to}`,
    ...hours,
  ];
  const running = spawn(process.execPath, [...process.execArgv, self, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pieces: Buffer[] = [];
  running.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve, reject) => {
    running.on('error', reject);
    running.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Tally);
      else reject(new Error(`the seeds ${part.from}-${part.to} ended with exit code ${code}`));
    });
  });
}

async function tell(flags: Flags, tally: Tally, realSeconds: number): Promise<void> {
  const edges = chartsUnderTest.flatMap((chart) => edgesOf(chart).map(({ key }) => key));
  const declared = new Set(edges);
  const walked = tally.transitions.filter((key) => declared.has(key));
  const result = {
    seeds: tally.seeds,
    simulatedHours: round(tally.simulatedMs / 3_600_000),
    realSeconds: round(realSeconds),
    switchovers: tally.switchovers,
    decisionsUnderFault: tally.decisionsUnderFault,
    violations: tally.violations,
    transitionsCovered: walked.length,
    transitionsTotal: declared.size,
    faultStateCells: tally.cells.length,
    faultStateCellsReachable: faultStateCells().length,
  };
  if (flags.json) console.log(JSON.stringify(result));
  else {
    for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(26)} ${value}`);
    for (const [state, times] of Object.entries(tally.endedIn)) console.log(`ended in ${state}: ${times}`);
  }
  if (flags.missing) {
    for (const key of [...declared].filter((key) => !walked.includes(key))) console.error(`not walked: ${key}`);
    for (const cell of faultStateCells()) if (!tally.cells.includes(cell)) console.error(`not struck: ${cell}`);
  }
  for (const [at, failure] of tally.failures.entries()) {
    if (at < toldMax) await tellFailure(failure, at === 0 || flags.shrink === true);
    else if (at === toldMax) console.error(`… and ${tally.failures.length - toldMax} more failing runs`);
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;

async function tellFailure(failure: Failure, small: boolean): Promise<void> {
  const run = small ? await shrunk(failure, buildSite) : failure.run;
  const { transcript } = await runPlan({ build: buildSite, run, transcript: true });
  mkdirSync(reportFolder, { recursive: true });
  const name = `${run.profile}-${run.seed.replaceAll(/[^\w-]+/g, '_')}`;
  const planPath = `${reportFolder}/${name}.plan.json`;
  const transcriptPath = `${reportFolder}/${name}.transcript.txt`;
  writeFileSync(planPath, `${JSON.stringify(run, undefined, 2)}\n`);
  writeFileSync(transcriptPath, `${transcript.join('\n')}\n`);
  const [first] = failure.violations;
  console.error(`\n${first?.invariant}: ${first?.what}`);
  console.error(`  seed ${failure.run.seed}, profile ${failure.run.profile}, commit ${commit()}`);
  console.error(`  plan ${planPath} (${run.plan.length} of ${failure.run.plan.length} entries)`);
  console.error(`  transcript ${transcriptPath}`);
  console.error(`  again: npm run simulate -- --plan ${planPath}`);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

program.parse();
process.exitCode = await main(program.opts<Flags>());
