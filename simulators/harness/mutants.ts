import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { mutants } from './mutantList.ts';
import type { Mutant } from './mutantList.ts';
import { runPlan } from './runPlan.ts';

/** Runs each deliberate bug until its invariant notices it. Each in a process of its own: it breaks the product. */
const program = new Command('mutants')
  .option('--only <TEXT>', 'mutants whose name holds this text')
  .option('--seconds <S>', 'for each mutant', Number, 60)
  .option('--json', 'one JSON object instead of text')
  .option('--child <NAME>', 'used by the program itself');
program.parse();
const flags = program.opts<{ only?: string; seconds: number; json?: true; child?: string }>();

type Outcome = {
  readonly name: string;
  readonly catches: string;
  readonly seedsToKill?: number;
  readonly others: readonly string[];
};

if (flags.child === undefined) process.exitCode = all();
else console.log(JSON.stringify(await hunt(mutants.find(({ name }) => name === flags.child)!)));

/** Seeds until the named invariant fails; other invariants may notice it too. */
async function hunt({ name, catches, apply, build, run }: Mutant): Promise<Outcome> {
  Error.stackTraceLimit = 0;
  apply?.();
  const others = new Set<string>();
  const startedMs = performance.now();
  for (let seed = 1; performance.now() - startedMs < flags.seconds * 1000; seed++) {
    const { violations } = await runPlan({ build, run: run(`mutant-${seed}`) });
    if (violations.some(({ invariant }) => invariant === catches))
      return { name, catches, seedsToKill: seed, others: [...others] };
    for (const { invariant } of violations) others.add(invariant);
  }
  return { name, catches, others: [...others] };
}

function all(): number {
  const chosen = mutants.filter(({ name }) => flags.only === undefined || name.includes(flags.only));
  const outcomes = chosen.map((mutant) => {
    const outcome = inChild(mutant);
    if (!flags.json) {
      const seeds = outcome.seedsToKill === undefined ? 'SURVIVED' : `${outcome.seedsToKill} seeds`;
      console.log(`${outcome.catches.padEnd(4)} ${seeds.padEnd(10)} ${outcome.name}`);
      if (outcome.seedsToKill === undefined && outcome.others.length > 0)
        console.log(`     noticed only by ${outcome.others.join(', ')}`);
    }
    return outcome;
  });
  const survived = outcomes.filter(({ seedsToKill }) => seedsToKill === undefined).length;
  if (flags.json)
    console.log(JSON.stringify({ mutants: outcomes.length, killed: outcomes.length - survived, outcomes }));
  else console.log(`${outcomes.length - survived} of ${outcomes.length} killed`);
  return survived > 0 ? 1 : 0;
}

function inChild(mutant: Mutant): Outcome {
  const self = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, [self, '--child', mutant.name, '--seconds', String(flags.seconds)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) return { name: mutant.name, catches: mutant.catches, others: ['it did not even run'] };
  return JSON.parse(child.stdout) as Outcome;
}
