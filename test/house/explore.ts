import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { getNextTransitions } from 'xstate';
import { fault } from '#machines/faults.ts';
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
        vms: [{ vmId: '1', name: 'appliance', power: 'on', diskPaths: [], snapshots: 0 }],
      },
    },
  ],
  'hypervisor.attachDisk.done': [{ result: { wwn: '6', expectBytes: 1 } }],
  'hypervisor.createVm.done': [{ result: { vmId: '2', name: 'd', power: 'off', diskPaths: [], snapshots: 0 } }],
  'hypervisor.waitForGuest.done': [{ result: { tools: 'running', hostName: 'h' } }],
  'replica.finish.done': [{ result: { point: null } }, { result: { point: { sequence: 1, atNs: '1' } } }],
  'replica.caughtUp': [{ point: { sequence: 1, atNs: '1' } }],
  'master.look.done': [{ result: { alive: true, evidence: 'e' } }, { result: { alive: false, evidence: 'e' } }],
  'master.silent': [{ silentForMs: 1000 }],
  'replica.comparing': [{ fault: fault('traceNotPermitted', { reason: 'r' }) }],
  'replica.failed': [{ fault: fault('diskFull', { path: 'p' }) }],
  'operator.switchover': [{ waitForJournals: true }, { waitForJournals: false }],
};

const eventsFor = (type: string): readonly Record<string, unknown>[] => {
  if (type.endsWith('.failed'))
    return [
      { fault: fault('unreachable', { host: 'h', reason: 'r' }) },
      { fault: fault('hypervisorRefused', { host: 'h', reason: 'r' }) },
    ];
  return payloads[type] ?? [{}];
};

/** Everything a guard reads must be in here, or states are merged silently. Epochs only grow: later ones are alike. */
const epochsAlike = 3;
const keyOf = (snapshot: AnyMachineSnapshot): string => {
  const { epoch, diskIndex, synchronized, stopReason, substituteVmId, verification } = snapshot.context;
  return JSON.stringify([
    snapshot.value,
    Math.min(epoch, epochsAlike),
    diskIndex,
    synchronized,
    stopReason,
    substituteVmId,
    verification.errors.length,
  ]);
};

const statesMax = 5_000;

/** Walks every state that any order of facts can reach, and every edge taken on the way. */
export function explore(
  chart: AnyStateMachine,
  input: unknown,
): { readonly snapshots: readonly AnyMachineSnapshot[]; readonly edges: ReadonlySet<string> } {
  const first = firstStep(chart, input).snapshot;
  const seen = new Map<string, AnyMachineSnapshot>([[keyOf(first), first]]);
  const edges = new Set<string>();
  for (const snapshot of seen.values()) {
    for (const type of new Set(
      getNextTransitions(snapshot)
        .map(({ eventType }) => eventType)
        .filter(Boolean),
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
