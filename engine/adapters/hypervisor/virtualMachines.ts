import { PartyFault } from '#machines/faults.ts';
import type { GuestState, VmSpec, VmState } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { MoRef } from '#engine/protocol/vim25/values.ts';
import { VimFault } from './faults.ts';
import { readVm, readVmDisks, readVms, refuseBases, resourcePoolNamed, theDatacenter } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { readOne, waitForProperties } from './properties.ts';
import { creationsEnded, runTask } from './tasks.ts';
import { configSpecOf } from './vmSpec.ts';
import { placeChildren } from './childDisks.ts';

/** What a guest is given to shut down by itself before it is switched off. */
const guestShutdownMs = 120_000;

export const vmRef = (vmId: string): MoRef => new MoRef('VirtualMachine', vmId);

/**
 * One VM for a scenario and role. Found by its tag it is adopted as it is; a VM of the same name without the tag is
 * somebody else's. Faults: `exists`, `notFound`, `locked`, `invalidSpec`, `effectUnknown`.
 */
export async function createVirtualMachine(session: EsxiSession, spec: VmSpec, intent: Intent): Promise<VmState> {
  const { client, clock, host } = session;
  const { vmFolder } = await theDatacenter(session);
  await creationsEnded(session, intent.deadlineAtMs);
  const vms = await readVms(session);
  const ours = vms.find(({ tag }) => tag?.scenarioId === intent.scenarioId && tag.role === spec.role);
  if (ours !== undefined) return ours;
  if (vms.some(({ name }) => name === spec.name)) throw new PartyFault('exists', { object: spec.name });
  const baseBytes = await placeChildren(session, spec, intent.deadlineAtMs);
  const made = await runTask(
    client,
    vmFolder,
    'CreateVM_Task',
    { config: configSpecOf(spec, intent, baseBytes), pool: await resourcePoolNamed(session, spec.resourcePool) },
    { clock, host, deadlineAtMs: intent.deadlineAtMs },
  );
  if (!(made instanceof MoRef)) throw new PartyFault('effectUnknown', { host });
  return readVm(session, made);
}

/**
 * Switches a VM on. Looks first whether the scenario's other double runs: two of them would write to one disk and
 * answer to one name. Faults: `invalidState`, `notFound`, `locked`, `effectUnknown`.
 */
export async function powerOnVirtualMachine(session: EsxiSession, vmId: string, intent: Intent): Promise<void> {
  const all = await readVmDisks(session);
  const vms = all.map(({ vm }) => vm);
  const vm = vms.find((candidate) => candidate.vmId === vmId);
  if (vm === undefined) throw new PartyFault('notFound', { object: vmId });
  if (vm.power === 'on') return;
  const rival = vms.find(
    ({ vmId: otherId, power, tag }) =>
      otherId !== vmId && power === 'on' && tag?.scenarioId === intent.scenarioId && tag.role !== 'appliance',
  );
  if (rival !== undefined) {
    throw new PartyFault('invalidState', { object: vm.name, reason: `${rival.name} of the same scenario is on` });
  }
  refuseBases(vm.diskPaths, all);
  try {
    await runTask(session.client, vmRef(vmId), 'PowerOnVM_Task', {}, { ...session, deadlineAtMs: intent.deadlineAtMs });
  } catch (error) {
    if (!isAlready(error, 'poweredOn')) throw error;
  }
}

/** Switches a VM off; a guest that does not shut down in time is switched off hard. */
export async function powerOffVirtualMachine(
  session: EsxiSession,
  { vmId, how }: { readonly vmId: string; readonly how: 'guest' | 'hard' },
  intent: Intent,
): Promise<void> {
  const { client } = session;
  const ref = vmRef(vmId);
  if ((await readOne(client, ref, ['runtime.powerState'])).get('runtime.powerState') === 'poweredOff') return;
  if (how === 'guest' && (await shutDownGuest(session, ref, intent))) return;
  try {
    await runTask(client, ref, 'PowerOffVM_Task', {}, { ...session, deadlineAtMs: intent.deadlineAtMs });
  } catch (error) {
    if (!isAlready(error, 'poweredOff')) throw error;
  }
}

/** Whether the guest is down. It gets two minutes, or half of the time that is left when that is less. */
async function shutDownGuest({ client, clock }: EsxiSession, ref: MoRef, intent: Intent): Promise<boolean> {
  const patienceMs = Math.min(guestShutdownMs, (intent.deadlineAtMs - clock.nowMs()) / 2);
  try {
    await client.call(ref, 'ShutdownGuest');
    await waitForProperties(client, clock, {
      ref,
      paths: ['runtime.powerState'],
      isDone: (seen) => seen.get('runtime.powerState') === 'poweredOff',
      deadlineAtMs: clock.nowMs() + patienceMs,
      what: 'ShutdownGuest',
    });
    return true;
  } catch (error) {
    if (isAlready(error, 'poweredOff')) return true;
    const gaveUp = error instanceof PartyFault && error.fault.code === 'timedOut';
    if (gaveUp || (error instanceof VimFault && error.is('ToolsUnavailable'))) return false;
    throw error;
  }
}

/** Resolves when the tools inside the guest run. Faults: `timedOut` at the intent's deadline, `notFound`. */
export async function waitForGuestTools(session: EsxiSession, vmId: string, intent: Intent): Promise<GuestState> {
  const seen = await waitForProperties(session.client, session.clock, {
    ref: vmRef(vmId),
    paths: ['guest.toolsRunningStatus', 'guest.hostName', 'guest.ipAddress'],
    isDone: (properties) => properties.get('guest.toolsRunningStatus') === 'guestToolsRunning',
    deadlineAtMs: intent.deadlineAtMs,
    what: `the guest of ${vmId}`,
  });
  const hostName = seen.get('guest.hostName');
  const ipAddress = seen.get('guest.ipAddress');
  return {
    tools: 'running',
    ...(typeof hostName === 'string' ? { hostName } : {}),
    ...(typeof ipAddress === 'string' ? { ipAddress } : {}),
  };
}

/** Takes a VM out of the inventory: its files stay. `Destroy_Task` would delete the replica with it. */
export async function unregisterVirtualMachine({ client }: EsxiSession, vmId: string): Promise<void> {
  try {
    await client.call(vmRef(vmId), 'UnregisterVM');
  } catch (error) {
    if (!(error instanceof VimFault) || !error.is('ManagedObjectNotFound')) throw error;
  }
}

const isAlready = (error: unknown, state: 'poweredOn' | 'poweredOff'): boolean =>
  error instanceof VimFault && error.is('InvalidPowerState') && error.detail['existingState'] === state;
