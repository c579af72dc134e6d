import { assign } from 'xstate';
import { childPath, scenarioDisks } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import {
  announce,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { substituteVmOf } from './switchback.ts';
import { volumeChanges, volumesRefusal } from './target.ts';

/** The disks an operator agreed to are the scenario's from now on. */
function refreshed({ definition, volumeRefresh }: ScenarioContext) {
  const disks = (volumeRefresh?.master.disks ?? []).filter(({ diskId }) => volumeRefresh?.confirmed.includes(diskId));
  const renewed = { ...definition, master: { ...definition.master, disks } };
  return { definition: renewed, disks: scenarioDisks(renewed), diskIndex: 0 };
}

/** Guide 11.2-3: the roles are as they were. The scenario has stopped, and its volumes are refreshed before it runs. */
export const switchedBack = scenarioSetup.createStateConfig({
  description:
    'The restored master is the active side. Its disks are new: Run waits until they are refreshed (guide 11.2-4).',
  meta: { guide: '11.2-3', ja: 'スイッチバック済み (ボリュームの更新待ち)', en: 'Switched back (refresh the volumes)' },
  entry: [
    endRun('switchedBack'),
    assign({ synchronized: false, armed: false, diskIndex: 0 }),
    announce('switchbackCompleted'),
    announce('scenarioStopped', () => ({ reason: 'switchedBack' })),
  ],
  on: { 'operator.refreshVolumes': '#scenario.refreshingVolumes' },
});

/** Guide 11.2-4 … 11.2-7: the disks of the restored master are read, shown against the old ones, and agreed to. */
export const refreshingVolumes = scenarioSetup.createStateConfig({
  description: 'The disks of the restored master take the place of those the scenario was made with.',
  meta: { guide: '11.2-4', ja: 'ボリューム設定の更新中', en: 'Refreshing the volumes' },
  initial: 'describing',
  states: {
    describing: {
      meta: { guide: '11.2-5', ja: 'マスタのボリュームの確認中', en: 'Reading the volumes of the master' },
      entry: wish('master.describe', shortWishMs, ({ definition: { master } }) => ({
        host: master.host,
        port: master.port,
      })),
      on: {
        'master.describe.done': {
          target: 'awaitingConfirmation',
          actions: assign(({ context, event }) => ({
            volumeRefresh: {
              master: event.result,
              changes: volumeChanges(context.definition.master.disks, event.result.disks),
              confirmed: [],
            },
          })),
        },
        'master.describe.failed': {
          target: 'unread',
          actions: [rememberFault, announce('volumeRefreshFailed', faultParams)],
        },
      },
      after: {
        shortAnswer: {
          target: 'unread',
          actions: announce('volumeRefreshFailed', () => ({ faultCode: 'timedOut', what: 'master.describe' })),
        },
      },
    },
    unread: {
      description: 'The master cannot be asked: the scenario stays as it is until somebody asks again.',
      meta: {
        guide: '11.2-5',
        ja: 'マスタのボリュームを確認できません',
        en: 'The volumes of the master cannot be read',
      },
      on: { 'operator.refreshVolumes': 'describing' },
    },
    awaitingConfirmation: {
      description: 'The operator sees what changed and agrees to the disks that are protected from now on.',
      meta: { guide: '11.2-6', ja: '保護するボリュームの確認待ち', en: 'Waiting for the volumes to be confirmed' },
      entry: announce('volumesProposed', (c) => ({
        changes: (c.volumeRefresh?.changes ?? []).map(({ diskId, change }) => `${diskId}: ${change}`).join(', '),
      })),
      on: {
        'operator.refreshVolumes': 'describing',
        'operator.confirmVolumes': [
          {
            guard: ({ context, event }) =>
              volumesRefusal(context.volumeRefresh?.master, event.diskIds ?? []) === undefined,
            target: 'removingVm',
            actions: assign(({ context, event }) => ({
              diskIndex: 0,
              volumeRefresh: context.volumeRefresh && { ...context.volumeRefresh, confirmed: event.diskIds },
            })),
          },
          {
            actions: {
              type: 'announce',
              params: ({ context, event }) => ({
                code: 'volumesRefused',
                params: { disk: volumesRefusal(context.volumeRefresh?.master, event.diskIds ?? []) ?? '?' },
              }),
            },
          },
        ],
      },
    },
    removingVm: {
      description: 'Only now the substitute VM is given up; its disks stay and become the replica again.',
      meta: { guide: '11.2-7', ja: '代替仮想マシンの登録解除中', en: 'Removing the substitute VM' },
      entry: wish('hypervisor.unregisterVm', longWishMs, substituteVmOf),
      on: {
        'hypervisor.unregisterVm.done': 'nextChild',
        'hypervisor.unregisterVm.failed': {
          target: 'awaitingConfirmation',
          actions: [rememberFault, announce('volumeRefreshFailed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'removingVm', reenter: true } },
    },
    nextChild: {
      description: 'A double that was raised early has left child disks; what they hold is on the master now.',
      meta: { guide: '11.2-7', ja: '子ディスクの整理中', en: 'Tidying child disks' },
      always: [
        {
          guard: ({ context }) => context.double?.onChildren === true && context.diskIndex < context.disks.length,
          target: 'deletingChild',
        },
        { target: 'saved' },
      ],
    },
    deletingChild: {
      description: 'A child that cannot be deleted costs space and nothing else.',
      meta: { guide: '11.2-7', ja: '子ディスクの削除中', en: 'Deleting a child disk' },
      entry: wish('hypervisor.deleteChildDisk', longWishMs, (c) => ({
        path: childPath(c, 'substituteVm', c.diskIndex),
      })),
      on: {
        'hypervisor.deleteChildDisk.done': { target: 'nextChild', actions: 'nextDisk' },
        'hypervisor.deleteChildDisk.failed': {
          target: 'nextChild',
          actions: ['nextDisk', rememberFault, announce('fault', faultParams)],
        },
      },
      after: { longAnswer: { target: 'nextChild', actions: 'nextDisk' } },
    },
    saved: {
      meta: { guide: '11.2-7', ja: 'ボリューム設定の保存', en: 'Volumes refreshed' },
      always: {
        target: '#scenario.stopped',
        actions: [
          assign(({ context }) => ({
            ...refreshed(context),
            reverse: undefined,
            volumeRefresh: undefined,
            takeover: undefined,
            double: undefined,
            substituteVmId: undefined,
            presentedPoint: undefined,
          })),
          announce('volumesRefreshed', (c) => ({ disks: c.disks.map(({ diskId }) => diskId).join(', ') })),
        ],
      },
    },
  },
});
