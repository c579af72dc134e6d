import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { PartyFault } from '#machines/faults.ts';
import type { ChartStore, StoredInstance } from '#machines/parties/chartStore.ts';
import { restore } from './step.ts';

/**
 * What an earlier run left of one chart, live again. Nothing is guessed at: where the fence is concerned, a guess could
 * make two active sides. Faults: `chartVersionUnknown`, `chartStateDamaged`.
 */
export function takeUp(
  chart: AnyStateMachine,
  version: string,
  store: ChartStore,
  stored: StoredInstance,
): AnyMachineSnapshot {
  const { instance } = stored;
  if (stored.machine !== chart.id || stored.version !== version)
    throw new PartyFault('chartVersionUnknown', {
      scenario: instance,
      theirs: `${stored.machine} ${stored.version}`,
      ours: `${chart.id} ${version}`,
    });
  try {
    checkLog(store, stored);
    for (const { event } of store.timers().filter((timer) => timer.instance === instance)) JSON.parse(event);
    for (const { args } of store.outbox(instance)) JSON.parse(args);
    return restore(chart, stored.snapshot);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new PartyFault('chartStateDamaged', { scenario: instance, reason });
  }
}

/** One entry an event, without a gap, up to the state that is stored beside it. */
function checkLog(store: ChartStore, { instance, seq }: StoredInstance): void {
  let last = 0;
  for (const entry of store.history(instance)) {
    if (entry.seq !== last + 1) throw new Error(`log entry ${entry.seq} follows ${last}`);
    JSON.parse(entry.event);
    last = entry.seq;
  }
  if (last !== seq) throw new Error(`the log ends at ${last}, the state is of ${seq}`);
}
