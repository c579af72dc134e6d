import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { getNextTransitions } from 'xstate';
import { fault } from '#machines/faults.ts';
import { conditions } from '#machines/scenario/conditions.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { firstStep, nextStep, statePath } from '#machines/host/step.ts';
import { definition } from '#test/unit/machines/scriptedSite.ts';

/** What a fact may carry: every shape that a guard tells apart. */
const payloads: Record<string, readonly Record<string, unknown>[]> = {
  'master.describe.done': [
    {
      result: {
        hostName: 'm',
        engineVersion: '1',
        firmware: 'bios',
        cpus: 1,
        memoryMiB: 1,
        changeSource: 'trace',
        disks: definition.master.disks,
      },
    },
    {
      result: {
        hostName: 'm',
        engineVersion: '0',
        firmware: 'bios',
        cpus: 1,
        memoryMiB: 1,
        changeSource: 'trace',
        disks: [],
      },
    },
  ],
  'hypervisor.inspect.done': [
    {
      result: {
        product: 'ESXi',
        version: '1',
        writable: true,
        resourcePools: [],
        networks: [{ name: 'VM Network' }],
        datastores: [{ name: 'datastore1', capacityBytes: 2 ** 40, freeBytes: 2 ** 40, accessible: true }],
        vms: [{ vmId: '1', name: 'appliance', power: 'on', diskPaths: [], nics: [], snapshots: 0 }],
      },
    },
  ],
  'hypervisor.attachDisk.done': [{ result: { wwn: '6', expectBytes: 1 } }],
  'hypervisor.createVm.done': [
    { result: { vmId: '2', name: 'd', power: 'off', diskPaths: [], nics: [], snapshots: 0 } },
  ],
  'hypervisor.describeVm.done': [
    {
      result: {
        vmId: '2',
        name: 'd',
        power: 'on',
        diskPaths: [],
        nics: [{ network: 'n', connected: true }],
        snapshots: 0,
      },
    },
    {
      result: {
        vmId: '2',
        name: 'd',
        power: 'on',
        diskPaths: [],
        nics: [{ network: 'n', connected: false }],
        snapshots: 0,
      },
    },
    { result: { vmId: '2', name: 'd', power: 'off', diskPaths: [], nics: [], snapshots: 0 } },
  ],
  'hypervisor.deleteChildDisk.done': [{ result: { discardedBytes: 0 } }],
  'guard.describe.done': [
    {
      result: {
        node: 'master',
        epoch: 0,
        armed: false,
        isolated: false,
        isolation: 'firewall',
        watchdog: { periodMs: 15_000 },
      },
    },
  ],
  'witness.read.done': [{ result: { node: 'witness', generation: 'g', epoch: 0, sinceLastGrantMs: 0 } }],
  'fence.describe.done': [{ result: { power: 'on', identity: 'bmc' } }],
  'lease.claim.done': [{ result: { sinceLastGrantMs: 0 } }],
  'witness.claim.done': [{ result: { sinceLastGrantMs: 0 } }],
  'addresses.probe.done': [{ result: { answers: [] } }, { result: { answers: [{ address: 'a', by: 'b' }] } }],
  'replica.freeze.done': [{ result: { point: null } }, { result: { point: { sequence: 1, atNs: '1' } } }],
  'master.notice': [{ forMs: 1000, reason: 'r' }],
  'operator.announceMaintenance': [{ forMs: 1000 }],
  'operator.startTest': [{ mode: 'manual' }, { mode: 'automatic' }],
  'master.unwell': [{ check: 'script', evidence: 'e' }],
  'schedule.due': [],
  'hypervisor.waitForGuest.done': [{ result: { tools: 'running', hostName: 'h' } }],
  'replica.finish.done': [{ result: { point: null } }, { result: { point: { sequence: 1, atNs: '1' } } }],
  'replica.caughtUp': [{ point: { sequence: 1, atNs: '1' } }],
  'master.look.done': [{ result: { alive: true, evidence: 'e' } }, { result: { alive: false, evidence: 'e' } }],
  'master.silent': [{ silentForMs: 1000 }],
  'replica.comparing': [{ fault: fault('traceNotPermitted', { reason: 'r' }) }],
  'replica.failed': [{ fault: fault('diskFull', { path: 'p' }) }],
  'operator.switchover': [{ waitForJournals: true }, { waitForJournals: false }],
  'guest.check.done': [
    { result: { outcome: 'passed', evidence: 'e' } },
    { result: { outcome: 'failed', evidence: 'e' } },
  ],
  'offline.stageSeed.done': [{ result: { folder: '/seed' } }],
};

export const eventsFor = (type: string): readonly Record<string, unknown>[] => {
  if (type.endsWith('.failed'))
    return [
      { fault: fault('unreachable', { host: 'h', reason: 'r' }) },
      { fault: fault('hypervisorRefused', { host: 'h', reason: 'r' }) },
    ];
  return payloads[type] ?? [{}];
};

/**
 * What guards read of the context: all named conditions, and what the few unnamed guards look at. Snapshots that agree on
 * these go the same ways; anything left out here would be merged silently.
 */
const keyOf = (snapshot: AnyMachineSnapshot): string => {
  const context = snapshot.context as ScenarioContext;
  const { takeover, double, substituteVmId } = context;
  return JSON.stringify([
    snapshot.value,
    Object.values(conditions).map(({ holds }) => (holds(context) ? 1 : 0)),
    takeover && [takeover.cause, takeover.proof],
    double && [double.role, double.vmAsked, double.point !== undefined],
    substituteVmId !== undefined,
  ]);
};

/** What the chart tells itself is never heard from outside. */
export const raisedByItself = (type: string): boolean => type.startsWith('xstate.done.') || type === 'fence.proven';

/** Regions of the steady state, and where each is when nothing is the matter with it. */
const home = new Set(['connected', 'alive', 'armed', 'unscheduled', 'scheduled', 'idle']);
const awayMax = 1;

/**
 * The regions of `replicating` are independent but for what they leave in the context. Each is walked with the others at
 * home or just entered, not in all products; the simulations meet the rest.
 */
export function isTooFar(value: unknown): boolean {
  const regions = (value as { replicating?: Record<string, unknown> }).replicating;
  if (regions === undefined) return false;
  return Object.values(regions).filter((state) => !home.has(String(state))).length > awayMax;
}

const statesMax = 60_000;

/**
 * Walks every state that any order of facts can reach, and every edge taken on the way. The way back and data recovery
 * have walks of their own (test/unit/machines), with the world beside them: an input without those capabilities keeps
 * them out.
 */
export function explore(
  chart: AnyStateMachine,
  input: unknown,
): { readonly snapshots: readonly AnyMachineSnapshot[]; readonly edges: ReadonlySet<string> } {
  const first = firstStep(chart, input).snapshot;
  const seen = new Map<string, AnyMachineSnapshot>([[keyOf(first), first]]);
  const edges = new Set<string>();
  for (const snapshot of seen.values()) {
    // What is entered from outside may begin with every region on its way: it is looked at, and gone on from.
    if (isTooFar(snapshot.value) && !isFresh(snapshot.value)) continue;
    for (const type of new Set(
      getNextTransitions(snapshot)
        .map(({ eventType }) => eventType)
        .filter((type) => type !== '' && !raisedByItself(type)),
    ))
      for (const details of eventsFor(type)) {
        const event = { type, atMs: 0, ...details };
        if (!snapshot.can(event)) continue;
        const next = nextStep(chart, snapshot, event).snapshot;
        edges.add(`${statePath(snapshot.value)} --${type}--> ${statePath(next.value)}`);
        if (!seen.has(keyOf(next))) seen.set(keyOf(next), next);
      }
    if (seen.size > statesMax) throw new Error(`more than ${statesMax} states: some context grows without bound`);
  }
  return { snapshots: [...seen.values()], edges };
}

export const isFresh = (value: unknown): boolean => {
  const { isAlive } = (value as { replicating: { isAlive: string } }).replicating;
  return ['starting', 'maintenance', 'waitingToStart'].includes(isAlive);
};
