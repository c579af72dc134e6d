import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { MoRef } from '#engine/protocol/vim25/values.ts';
import type { VimData, VimValue } from '#engine/protocol/vim25/values.ts';
import { VimFault, vimFaultOf } from './faults.ts';
import { waitForProperties } from './properties.ts';
import type { VimArguments, VimClient } from './VimClient.ts';

/** Where and how long a task is waited for. */
export type TaskWait = { readonly host: string; readonly clock: Clock; readonly deadlineAtMs: number };

/**
 * Starts a task and waits for its result. Once the host has answered the start, the task happens: whatever goes wrong
 * with the waiting leaves the effect unknown.
 *
 * Faults: `VimFault` when the task was refused or failed, `effectUnknown`, `timedOut` (effect unknown).
 */
export async function runTask(
  client: VimClient,
  self: MoRef,
  method: string,
  args: VimArguments,
  wait: TaskWait,
): Promise<VimValue | undefined> {
  const task = await client.call(self, method, args);
  if (!(task instanceof MoRef)) throw new TypeError(`${method} returned no task`);
  const properties = await waitForTask(client, task, method, wait);
  if (properties.get('info.state') === 'error') {
    throw vimFaultOf(properties.get('info.error') as VimData | undefined);
  }
  return properties.get('info.result');
}

async function waitForTask(client: VimClient, task: MoRef, method: string, wait: TaskWait) {
  try {
    return await waitForProperties(client, wait.clock, {
      ref: task,
      paths: ['info.state', 'info.error', 'info.result'],
      isDone: (seen) => seen.get('info.state') === 'success' || seen.get('info.state') === 'error',
      deadlineAtMs: wait.deadlineAtMs,
      what: method,
    });
  } catch (error) {
    if (error instanceof PartyFault) {
      const { code, effect, params } = error.fault;
      if (effect === 'unknown') throw error;
      throw code === 'unreachable'
        ? new PartyFault('effectUnknown', { host: wait.host })
        : new PartyFault(code, params, 'unknown');
    }
    // The task object has vanished: the objects it worked on know what happened.
    if (error instanceof VimFault && error.is('ManagedObjectNotFound')) {
      throw new PartyFault('effectUnknown', { host: wait.host });
    }
    throw error;
  }
}
