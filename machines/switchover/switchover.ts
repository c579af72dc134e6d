import { assign } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import {
  announce,
  currentDisk,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import type { ScenarioContext } from '#machines/scenario/scenarioSetup.ts';

/** A living master answers at once; a dead one never does, and the double waits for no answer that cannot come. */
const isolationMs = 3_000;

const vmSpec = ({ definition, disks, master }: ScenarioContext) => ({
  name: definition.substituteVm.name,
  role: 'substituteVm' as const,
  cpus: definition.substituteVm.cpus,
  memoryMiB: definition.substituteVm.memoryMiB,
  firmware: master?.firmware ?? ('bios' as const),
  datastore: definition.hypervisor.datastore,
  ...(definition.hypervisor.resourcePool === undefined ? {} : { resourcePool: definition.hypervisor.resourcePool }),
  diskPaths: disks.map(({ replicaPath }) => replicaPath),
  nics: definition.substituteVm.nicMapping.highAvailability.map(({ network }) => ({ network, connected: true })),
});

const substituteVm = (context: ScenarioContext) => {
  if (context.substituteVmId === undefined) throw new RangeError('there is no substitute VM yet');
  return { vmId: context.substituteVmId };
};

/** A master that cannot be reached cannot confirm its isolation; any other refusal is a reason to halt. */
const unreachable = ({ event }: { event: { fault: Fault } }): boolean =>
  ['unreachable', 'timedOut', 'effectUnknown'].includes(event.fault.code);

/** Guide 10: isolate the master, bring the replica to its last consistent point, boot the substitute VM from it. */
export const switchingOver = scenarioSetup.createStateConfig({
  description: 'The double takes the place of its master.',
  meta: { guide: '10-3', ja: 'スイッチオーバー中', en: 'Switching over' },
  initial: 'endingHeartbeat',
  entry: [
    assign({ epoch: ({ context }) => context.epoch + 1, diskIndex: 0 }),
    announce('switchoverStarted', (c) => ({ cause: c.switchover?.cause ?? '' })),
  ],
  states: {
    endingHeartbeat: {
      meta: { guide: '10-3', ja: 'スイッチオーバー中', en: 'Switching over' },
      entry: wish('master.unwatch', shortWishMs, () => undefined),
      on: { 'master.unwatch.done': 'isolatingMaster', 'master.unwatch.failed': 'isolatingMaster' },
      after: { shortAnswer: 'isolatingMaster' },
    },
    isolatingMaster: {
      description: 'The master leaves its network (guide 10-2). A dead one cannot confirm it; that is told.',
      meta: { guide: '10-2', ja: 'マスタの切り離し中', en: 'Isolating the master' },
      entry: wish('master.isolate', isolationMs, (c) => ({
        host: c.definition.master.host,
        port: c.definition.master.port,
      })),
      on: {
        'master.isolate.done': {
          target: 'finishingReplica',
          actions: announce('masterIsolated'),
        },
        'master.isolate.failed': [
          {
            guard: unreachable,
            target: 'finishingReplica',
            actions: [rememberFault, announce('masterIsolationUnproven', faultParams)],
          },
          { target: 'halted', actions: [rememberFault, announce('switchoverFailed', faultParams)] },
        ],
      },
      after: { shortAnswer: { target: 'finishingReplica', actions: announce('masterIsolationUnproven') } },
    },
    finishingReplica: {
      description: 'What was acknowledged is applied up to the last consistent point; the rest is discarded.',
      meta: { guide: '10-3', ja: 'ジャーナルの適用中', en: 'Applying the journals' },
      entry: wish('replica.finish', longWishMs, (c) => ({ waitForJournals: c.switchover?.waitForJournals ?? false })),
      on: {
        'replica.finish.done': [
          {
            guard: ({ event }) => event.result.point === null,
            target: 'halted',
            actions: announce('switchoverFailed', () => ({ faultCode: 'noConsistentPoint' })),
          },
          {
            target: 'detachingDisk',
            actions: assign(({ event }) => (event.result.point ? { presentedPoint: event.result.point } : {})),
          },
        ],
        'replica.finish.failed': {
          target: 'halted',
          actions: [rememberFault, announce('switchoverFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'finishingReplica', reenter: true } },
    },
    detachingDisk: {
      description: 'The appliance lets go of the replica disks: one writer an image.',
      meta: { guide: '10-3', ja: '仮想ディスクの切り離し中', en: 'Detaching a virtual disk' },
      entry: wish('hypervisor.detachDisk', longWishMs, (c) => ({
        vmName: c.definition.appliance.vmName,
        path: currentDisk(c).replicaPath,
      })),
      on: {
        'hypervisor.detachDisk.done': {
          target: 'nextDisk',
          actions: assign({ diskIndex: ({ context }) => context.diskIndex + 1 }),
        },
        'hypervisor.detachDisk.failed': {
          target: 'halted',
          actions: [rememberFault, announce('switchoverFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'detachingDisk', reenter: true } },
    },
    nextDisk: {
      meta: { guide: '10-3', ja: '仮想ディスクの切り離し中', en: 'Detaching virtual disks' },
      always: [
        { guard: ({ context }) => context.diskIndex < context.disks.length, target: 'detachingDisk' },
        { target: 'creatingVm' },
      ],
    },
    creatingVm: {
      description: 'The substitute VM is made from the replica disks, or adopted by its tag.',
      meta: { guide: '10-3', ja: '代替仮想マシンの作成中', en: 'Creating the substitute VM' },
      entry: wish('hypervisor.createVm', longWishMs, vmSpec),
      on: {
        'hypervisor.createVm.done': {
          target: 'poweringOn',
          actions: [
            assign({ substituteVmId: ({ event }) => event.result.vmId }),
            announce('substituteVmCreated', (c) => ({ vm: c.definition.substituteVm.name })),
          ],
        },
        'hypervisor.createVm.failed': {
          target: 'halted',
          actions: [rememberFault, announce('switchoverFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'creatingVm', reenter: true } },
    },
    poweringOn: {
      description: 'The point of no return. The adapter refuses while another VM of this scenario is on.',
      meta: { guide: '10-3', ja: '代替仮想マシンの起動中', en: 'Powering on the substitute VM' },
      entry: wish('hypervisor.powerOnVm', longWishMs, substituteVm),
      on: {
        'hypervisor.powerOnVm.done': {
          target: 'waitingForGuest',
          actions: announce('substituteVmPoweredOn', (c) => ({ vm: c.definition.substituteVm.name })),
        },
        'hypervisor.powerOnVm.failed': {
          target: 'halted',
          actions: [rememberFault, announce('switchoverFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'poweringOn', reenter: true } },
    },
    waitingForGuest: {
      description: 'Powered on is not up: the guest itself says when it runs.',
      meta: { guide: '10-5', ja: 'ゲスト OS の起動待ち', en: 'Waiting for the guest' },
      entry: wish('hypervisor.waitForGuest', longWishMs, substituteVm),
      on: {
        'hypervisor.waitForGuest.done': {
          target: '#scenario.switchedOver',
          actions: {
            type: 'announce',
            params: ({ event }) => ({ code: 'guestUp', params: { host: event.result.hostName ?? '?' } }),
          },
        },
        'hypervisor.waitForGuest.failed': {
          target: 'halted',
          actions: [rememberFault, announce('switchoverFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'waitingForGuest', reenter: true } },
    },
    halted: {
      description:
        'A step was refused. Nothing is undone; the operator mends the cause and performs the switchover again.',
      meta: {
        guide: '10',
        ja: 'スイッチオーバー中断 (対処後に再実行)',
        en: 'Switchover halted (mend the cause, then perform it again)',
      },
      on: {
        // Once there is a substitute VM, giving up could leave two copies of one server.
        'operator.stop': {
          guard: ({ context }) => context.substituteVmId === undefined,
          target: '#scenario.stopping',
          actions: endRun('byUser'),
        },
        'operator.switchover': {
          target: 'isolatingMaster',
          actions: assign({
            diskIndex: 0,
            switchover: ({ event }) => ({
              cause: 'operator' as const,
              waitForJournals: event.waitForJournals,
              startedAtMs: event.atMs,
            }),
          }),
        },
      },
    },
  },
});

/** Guide 10-4, 10-5: the substitute VM is the active side until switchback; properties are frozen (R1). */
export const switchedOver = scenarioSetup.createStateConfig({
  description:
    'The substitute VM is the active side. Root directories and properties stay as they are until switchback (guide 10).',
  meta: { guide: '10-4', ja: 'スイッチオーバー済み', en: 'Switched over' },
  entry: [announce('switchoverCompleted'), announce('scenarioStopped', () => ({ reason: 'switchedOver' }))],
});
