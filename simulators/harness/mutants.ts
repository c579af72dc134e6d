import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutantList.ts';
import { runPlan } from './runPlan.ts';

/** Runs each deliberate bug until its invariant notices it. Each in a process of its own: it breaks the product. */
const program = new Command('mutants')
  .option('--only <TEXT>', 'mutants whose name holds this text')
  .option('--planned', 'only those whose plan is written down: they die with the first seed')
  .option('--seconds <S>', 'for each mutant', Number, 60)
  .option('--processes <N>', 'at once', Number, 2)
  .option('--json', 'one JSON object instead of text')
  .option('--child <NAME>', 'used by the program itself');
program.parse();
const flags = program.opts<{
  only?: string;
  planned?: true;
  seconds: number;
  processes: number;
  json?: true;
  child?: string;
}>();

type Outcome = {
  readonly name: string;
  readonly catches: string;
  readonly killedBySeed?: number;
  readonly seconds: number;
  /** Invariants that noticed something else. */
  readonly others: readonly string[];
};

if (flags.child === undefined) process.exitCode = await all();
else console.log(JSON.stringify(await hunt(mutants.find(({ name }) => name === flags.child)!)));

/** Seeds until the named invariant fails; other invariants may notice it too. */
async function hunt({ name, catches, apply, build, run }: Mutant): Promise<Outcome> {
  Error.stackTraceLimit = 0;
  apply?.();
  const others = new Set<string>();
  const startedMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedMs) / 100) / 10;
  for (let seed = 1; seconds() < flags.seconds; seed++) {
    const { violations } = await runPlan({ build, run: run(`mutant-${seed}`) });
    for (const { invariant } of violations) if (invariant !== catches) others.add(invariant);
    if (violations.some(({ invariant }) => invariant === catches))
      return { name, catches, killedBySeed: seed, seconds: seconds(), others: [...others] };
  }
  return { name, catches, seconds: seconds(), others: [...others] };
}

async function all(): Promise<number> {
  const waiting = mutants.filter(
    ({ name, isPlanned }) =>
      (flags.only === undefined || name.includes(flags.only)) && (flags.planned === undefined || isPlanned === true),
  );
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const outcome = await inChild(mutant);
      outcomes.push(outcome);
      if (!flags.json) console.log(line(outcome));
    }
  };
  await Promise.all(Array.from({ length: flags.processes }, work));
  const survived = outcomes.filter(({ killedBySeed }) => killedBySeed === undefined).length;
  const killed = outcomes.length - survived;
  if (flags.json) console.log(JSON.stringify({ mutants: outcomes.length, killed, outcomes }));
  else console.log(`${killed} of ${outcomes.length} killed`);
  return survived > 0 || outcomes.length === 0 ? 1 : 0;
}

function line({ name, catches, killedBySeed, seconds, others }: Outcome): string {
  const end = killedBySeed === undefined ? 'SURVIVED' : `killed by seed ${killedBySeed}`;
  const elsewhere = killedBySeed === undefined && others.length > 0 ? ` (noticed only by ${others.join(', ')})` : '';
  return `${catches.padEnd(4)} ${end.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s  ${name}${elsewhere}`;
}

function inChild({ name, catches }: Mutant): Promise<Outcome> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [self, '--child', name, '--seconds', String(flags.seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  return new Promise((resolve) => {
    child.on('close', (code) =>
      resolve(
        code === 0
          ? (JSON.parse(text) as Outcome)
          : { name, catches, seconds: 0, others: ['a crash before it could even run'] },
      ),
    );
  });
}
