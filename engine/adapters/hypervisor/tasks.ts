import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { MoRef, moRefAt } from '#engine/protocol/vim25/values.ts';
import type { VimData, VimValue } from '#engine/protocol/vim25/values.ts';
import { VimFault, vimFaultOf } from './faults.ts';
import type { EsxiSession } from './inventory.ts';
import { readOne, waitForProperties } from './properties.ts';
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

/**
 * Waits for VMs that are being made: one whose answer was lost is in no list yet, and without this look a second one
 * would be made beside it.
 */
export async function creationsEnded({ client, clock }: EsxiSession, deadlineAtMs: number): Promise<void> {
  const taskManager = moRefAt(await client.serviceContent(), 'taskManager');
  if (taskManager === undefined) return;
  const recent = (await readOne(client, taskManager, ['recentTask'])).get('recentTask');
  for (const task of Array.isArray(recent) ? recent : []) {
    if (task instanceof MoRef) await creationEnded({ client, clock }, task, deadlineAtMs);
  }
}

async function creationEnded(
  { client, clock }: Pick<EsxiSession, 'client' | 'clock'>,
  task: MoRef,
  deadlineAtMs: number,
): Promise<void> {
  const ended = (state: unknown): boolean => state === 'success' || state === 'error';
  try {
    const seen = await readOne(client, task, ['info.name', 'info.state']);
    if (seen.get('info.name') !== 'CreateVM_Task' || ended(seen.get('info.state'))) return;
    await waitForProperties(client, clock, {
      ref: task,
      paths: ['info.state'],
      isDone: (properties) => ended(properties.get('info.state')),
      deadlineAtMs,
      what: 'CreateVM_Task',
    });
  } catch (error) {
    // Old tasks vanish while they are looked at.
    if (!(error instanceof VimFault) || !error.is('ManagedObjectNotFound')) throw error;
  }
}
