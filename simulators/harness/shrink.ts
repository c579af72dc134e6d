import type { PlanEntry, Run } from './plan.ts';

/** Whether this run still breaks what the first one broke. */
export type StillFails = (run: Run) => Promise<boolean>;

const triesMax = 400;

/**
 * The smallest plan found that breaks the same invariant: delta debugging over the entries, then shorter durations,
 * rounder times and fewer hours. A step is taken only when the same invariant still fails.
 */
export async function shrink(run: Run, stillFails: StillFails): Promise<Run> {
  let tries = 0;
  const fails = async (candidate: Run): Promise<boolean> => (tries++ < triesMax ? stillFails(candidate) : false);
  let best = await withoutEntries(run, fails);
  best = await simplerEntries(best, fails);
  for (const hours of [best.hours / 4, best.hours / 2]) {
    const shorter = { ...best, hours };
    if (await fails(shorter)) {
      best = shorter;
      break;
    }
  }
  return best;
}

/** Zeller's ddmin: drop ever smaller parts of the plan. */
async function withoutEntries(run: Run, fails: StillFails): Promise<Run> {
  let plan = run.plan;
  for (let parts = 2; plan.length > 0 && parts <= 2 * plan.length;) {
    const size = Math.ceil(plan.length / parts);
    let dropped = false;
    for (let at = 0; at < plan.length; at += size) {
      const rest = [...plan.slice(0, at), ...plan.slice(at + size)];
      if (!(await fails({ ...run, plan: rest }))) continue;
      plan = rest;
      dropped = true;
      break;
    }
    if (dropped) parts = Math.max(2, parts - 1);
    else if (size <= 1) break;
    else parts = Math.min(plan.length, parts * 2);
  }
  return { ...run, plan };
}

async function simplerEntries(run: Run, fails: StillFails): Promise<Run> {
  let best = run;
  for (let at = 0; at < run.plan.length; at++) {
    for (;;) {
      const entry = best.plan[at];
      const simpler = entry && simplerEntry(entry);
      if (!simpler) break;
      const candidate = { ...best, plan: best.plan.with(at, simpler) };
      if (!(await fails(candidate))) break;
      best = candidate;
    }
  }
  return best;
}

/** Half as long, on a whole second; undefined when it cannot be simpler. */
function simplerEntry(entry: PlanEntry): PlanEntry | undefined {
  const { forMs, when } = entry;
  if (forMs !== undefined && forMs > 1_000)
    return { ...entry, forMs: Math.max(1_000, Math.round(forMs / 2_000) * 1_000) };
  if ('atMs' in when && when.atMs % 1_000 !== 0)
    return { ...entry, when: { atMs: Math.round(when.atMs / 1_000) * 1_000 } };
  return undefined;
}
