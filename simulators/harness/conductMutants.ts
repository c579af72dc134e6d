import { Appliance } from '#engine/appliance/Appliance.ts';
import { Turns } from '#engine/appliance/oneChangeAtATime.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { paceDefault } from '#simulators/replica/replicaFlow.ts';
import { WriteIds } from '#simulators/site/WriteIds.ts';
import { fromMasterToAppliance } from './mutant.ts';
import { masterDies, minuteMs, only } from './mutant.ts';
import type { Mutant } from './mutant.ts';
import type { PlanEntry } from './plan.ts';
import { manual, mutant, calls, longAgoMs, manualOf, crashAppliance } from './plannedMutant.ts';

const heardAgain = fromMasterToAppliance(42_000);
/** The double is not wanted any more before it is there. */
const slowCreation: readonly PlanEntry[] = [
  ...fromMasterToAppliance(27_000),
  {
    when: { state: 'double.clearingChild' },
    action: { kind: 'hypervisor', trouble: 'slow', method: 'createVm', nth: 1 },
  },
];

/** Data, durable charts and what is left over, on the whole site. */
export const conductMutants: readonly Mutant[] = [
  mutant(
    'what the double of a false alarm wrote is left over',
    'C3',
    () => (calls['hypervisor.deleteChildDisk'] = () => Promise.resolve({ discardedBytes: 0 })),
    heardAgain,
  ),
  mutant(
    'the replica is not let go of before a double runs on it',
    'D15',
    () => {
      calls['replica.freeze'] = () => Promise.resolve({ point: { sequence: 1, atNs: '0' } });
    },
    heardAgain,
  ),
  mutant(
    'a speculative double runs on the replica itself',
    'D1',
    () => {
      const create = calls['hypervisor.createVm'];
      calls['hypervisor.createVm'] = (parties, spec, intent) =>
        create(parties, { ...spec, disks: spec.disks.map(({ path, childOf }) => ({ path: childOf ?? path })) }, intent);
    },
    [...heardAgain, ...only({ kind: 'powerOff', host: 'master' }, 0, 15 * minuteMs)],
  ),
  mutant(
    'a replica that is only half there is told as synchronized',
    'D8',
    () => {
      (paceDefault as { bytesPerSecond: number }).bytesPerSecond = 4_000;
      const { dispatch } = DurableHost.prototype;
      DurableHost.prototype.dispatch = function (instance, event, ...rest) {
        const taken = dispatch.call(this, instance, event, ...rest);
        const point = { sequence: 1, atNs: '0' };
        if (event.type !== 'replica.receive.done') return taken;
        dispatch.call(this, instance, { type: 'replica.synchronized', bytes: 1 });
        dispatch.call(this, instance, { type: 'replica.caughtUp', point });
        return taken;
      };
      const freeze = calls['replica.freeze'];
      calls['replica.freeze'] = async (parties, args, intent) => ({
        point: (await freeze(parties, args, intent)).point ?? { sequence: 1, atNs: '0' },
      });
    },
    masterDies(),
  ),
  mutant(
    'what is acknowledged is not flushed',
    'D2',
    () => {
      const { killed } = WriteIds.prototype;
      WriteIds.prototype.killed = function () {
        killed.call(this);
        for (const kept of this.all()) if (kept.pointMs !== undefined) kept.pointMs -= 1_000;
      };
    },
    crashAppliance(2_000, 5 * minuteMs),
  ),
  mutant(
    'a VM is made without looking whether it is there',
    'C2',
    () => {
      const { createVm } = SimulatedHypervisor.prototype;
      SimulatedHypervisor.prototype.createVm = async function (spec, intent) {
        const before = this.model.vms().length;
        const made = await createVm.call(this, spec, intent);
        if (this.model.vms().length > before) return made;
        const ours = this.model.vm(made.vmId);
        const { cpus, memoryMiB, firmware, datastore } = spec;
        this.model.createVm({
          name: `${spec.name} (2)`,
          vmPathName: `[${datastore}]`,
          resourcePool: 'Resources',
          cpus,
          memoryMiB,
          firmware,
          extraConfig: { ...ours.extraConfig },
          deviceChanges: [],
        });
        return made;
      };
    },
    [
      ...masterDies(),
      {
        when: { state: 'double.clearingChild' },
        action: { kind: 'hypervisor', trouble: 'after', method: 'createVm', nth: 1 },
      },
    ],
  ),
  mutant("a scenario's changes do not wait for each other", 'L1', () => (Turns.prototype.take = (change) => change()), [
    ...slowCreation,
    {
      when: { state: 'replicating.flow.adoptingVm' },
      action: { kind: 'hypervisor', trouble: 'slow', method: 'attachDisk', nth: 1 },
    },
  ]),
  mutant(
    'a deadline is lost with its process',
    'C5',
    () => {
      const { reopen, timers } = SimulatedChartStore.prototype;
      SimulatedChartStore.prototype.reopen = function () {
        const lost = new Set(timers.call(this).map(({ id, armedSeq }) => `${id} ${armedSeq}`));
        const next = reopen.call(this);
        next.timers = () => timers.call(next).filter(({ id, armedSeq }) => !lost.has(`${id} ${armedSeq}`));
        return next;
      };
    },
    [...only({ kind: 'notice', maintenanceMs: 2 * minuteMs }), ...crashAppliance(5_000, 5 * minuteMs + 20_000)],
  ),
  mutant(
    'an answer that nobody awaits any more is obeyed',
    'C4',
    () => {
      const { dispatch } = DurableHost.prototype;
      DurableHost.prototype.dispatch = function (instance, event, dedup) {
        return dispatch.call(this, instance, event, dedup);
      };
    },
    slowCreation,
  ),
  mutant(
    'an event that was obeyed is recorded as stale',
    'C4',
    () => {
      const { commit } = SimulatedChartStore.prototype;
      SimulatedChartStore.prototype.commit = function (change) {
        const hidden = change.log?.event.includes('"master.silent"') === true;
        commit.call(this, hidden && change.log ? { ...change, log: { ...change.log, taken: 'stale' } } : change);
      };
    },
    masterDies(),
  ),
  mutant(
    'a command is answered before it is durable',
    'C1',
    () => {
      const { handlers } = Appliance.prototype;
      Appliance.prototype.handlers = function () {
        const all = handlers.call(this);
        return {
          ...all,
          'scenario.command': (params, caller) =>
            params.command.command === 'stop' ? { accepted: true } : all['scenario.command']!(params, caller),
        };
      };
    },
    [...only({ kind: 'operator', command: 'stop', times: 1 }), ...crashAppliance(2_000, 5 * minuteMs + 500)],
  ),
  mutant(
    'a command of an older epoch is obeyed',
    'S6',
    () => {
      for (const name of ['detachDisk', 'attachDisk', 'createVm', 'deleteChildDisk', 'unregisterVm'] as const) {
        const method = SimulatedHypervisor.prototype[name] as (...call: unknown[]) => Promise<unknown>;
        (SimulatedHypervisor.prototype as unknown as Record<string, unknown>)[name] = function (
          this: SimulatedHypervisor,
          what: unknown,
          intent: object,
        ) {
          return method.call(this, what, { ...intent, epoch: longAgoMs });
        };
      }
    },
    [
      ...fromMasterToAppliance(35_000),
      ...fromMasterToAppliance(60_000, 5 * minuteMs + 40_000),
      ...only({ kind: 'cut', from: 'appliance', to: 'esxi' }, 105_000, 5 * minuteMs + 10_000),
    ],
  ),
  mutant(
    'a switchover is told as completed before the guest is up',
    'C7',
    () => (calls['hypervisor.waitForGuest'] = () => Promise.resolve({ tools: 'running' })),
    manualOf('switchoverWithoutJournals', 5 * minuteMs),
    { ...manual, fenceDevice: true },
  ),
  mutant(
    'nobody is told that protection is lost',
    'L5',
    () => {
      const { commit } = SimulatedChartStore.prototype;
      SimulatedChartStore.prototype.commit = function (change) {
        commit.call(this, { ...change, reportsAdded: [] });
      };
    },
    only({ kind: 'operator', command: 'stop', times: 1 }),
  ),
];
