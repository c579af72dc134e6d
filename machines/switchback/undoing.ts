import { assign } from 'xstate';
import {
  announce,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
  wishSoon,
} from '#machines/scenario/scenarioSetup.ts';
import { gateMs, isProbeOld, tellWhoAnswers } from '#machines/switchover/addresses.ts';
import { abandonedTarget, reverseOf } from './reverse.ts';
import { applianceDisk, guardAddress, isTarget, substituteVmOf } from './switchback.ts';

const halt = { target: 'halted', actions: rememberFault };

const undone = {
  target: '#scenario.switchedOver',
  actions: announce('switchbackUndone', (c) => ({ vm: c.definition.substituteVm.name })),
};

/**
 * The way back failed: first the machine is off its network or off at all, proven; then the substitute VM is powered on
 * and plugged in. The epoch is raised first, so that what the switchback still has under way is refused.
 */
export const undoingSwitchback = scenarioSetup.createStateConfig({
  description: 'The switchback is undone: the machine is proven off its network before the substitute VM serves again.',
  meta: { guide: '11.2', ja: 'スイッチバックの取り消し中', en: 'Undoing the switchback' },
  initial: 'abandoningTarget',
  entry: [assign({ epoch: ({ context }) => context.epoch + 1, diskIndex: 0 }), announce('switchbackUndoing')],
  states: {
    abandoningTarget: {
      description:
        'The kit and the appliance let go of the disks. A kit that answers has booted nothing, and never will.',
      meta: { guide: '11.2', ja: '復元先の切り離し中', en: 'Letting the machine go' },
      entry: wish('bareMetal.abandon', shortWishMs, abandonedTarget),
      on: {
        'bareMetal.abandon.done': [
          { guard: ({ event }) => event.result.confirmed, target: 'detachingDisk' },
          { target: 'judgingTarget' },
        ],
        'bareMetal.abandon.failed': 'judgingTarget',
      },
      after: { shortAnswer: 'judgingTarget' },
    },
    judgingTarget: {
      description: 'A machine that was never told to boot cannot: its boot blocks were held back.',
      meta: { guide: '11.2', ja: '復元先の判定', en: 'Judging the machine' },
      always: [
        { guard: ({ context }) => reverseOf(context).restartEpoch === undefined, target: 'detachingDisk' },
        { target: 'findingTarget' },
      ],
    },
    findingTarget: {
      description:
        'Only the guard that answers with the epoch of the restart is this machine: isolating another proves nothing.',
      meta: { guide: '11.2', ja: '復元したマスタの確認中', en: 'Looking for the restored master' },
      entry: wish('guard.describe', shortWishMs, guardAddress),
      on: {
        'guard.describe.done': [
          {
            guard: ({ context, event }) => isTarget(context, event.result),
            target: 'isolatingTarget',
          },
          { target: 'choosingFence' },
        ],
        'guard.describe.failed': 'choosingFence',
      },
      after: { shortAnswer: 'choosingFence' },
    },
    isolatingTarget: {
      meta: { guide: '11.2', ja: '復元したマスタの切り離し中', en: 'Isolating the restored master' },
      entry: wish('guard.isolate', shortWishMs, guardAddress),
      on: {
        'guard.isolate.done': { target: 'detachingDisk', actions: announce('targetIsolated') },
        'guard.isolate.failed': 'choosingFence',
      },
      after: { shortAnswer: 'choosingFence' },
    },
    choosingFence: {
      meta: { guide: '11.2', ja: '復元したマスタの停止手段を選択中', en: 'Choosing how to stop the restored master' },
      always: [{ guard: 'hasFenceDevice', target: 'identifyingFence' }, { target: 'awaitingTargetOff' }],
    },
    identifyingFence: {
      description:
        'The fence device of the scenario belongs to the old master: it proves something only for the same machine.',
      meta: { guide: '11.2', ja: 'フェンス装置の確認中', en: 'Asking the fence device who it is' },
      entry: wish('fence.describe', shortWishMs, () => undefined),
      on: {
        'fence.describe.done': [
          {
            guard: ({ context, event }) => event.result.identity === reverseOf(context).machine?.hardwareId,
            target: 'poweringOffTarget',
          },
          { target: 'awaitingTargetOff' },
        ],
        'fence.describe.failed': 'awaitingTargetOff',
      },
      after: { shortAnswer: 'awaitingTargetOff' },
    },
    poweringOffTarget: {
      description: 'Off counts only when the device has read it back.',
      meta: { guide: '11.2', ja: '復元したマスタの電源を切断中', en: 'Powering the restored master off' },
      entry: wish('fence.powerOff', longWishMs, () => undefined),
      on: {
        'fence.powerOff.done': { target: 'detachingDisk', actions: announce('targetPoweredOff') },
        'fence.powerOff.failed': 'awaitingTargetOff',
      },
      after: { longAnswer: 'awaitingTargetOff' },
    },
    awaitingTargetOff: {
      description:
        'Nothing proves that the machine is off. The substitute VM stays off: two of one server are worse than none.',
      meta: {
        guide: '11.2',
        ja: '復元したマスタの停止確認待ち (管理者)',
        en: 'Waiting for the operator to switch the restored master off',
      },
      entry: announce('targetOffUnproven', (c) => ({
        hardwareId: reverseOf(c).machine?.hardwareId ?? '?',
        target: reverseOf(c).target.host,
      })),
      on: {
        'operator.confirmTargetOff': [
          {
            guard: ({ context, event }) => event.hardwareId === reverseOf(context).machine?.hardwareId,
            target: 'detachingDisk',
            actions: announce('targetOffAsserted'),
          },
          { actions: announce('targetOffRefused', (c) => ({ hardwareId: reverseOf(c).machine?.hardwareId ?? '?' })) },
        ],
        'operator.undoSwitchback': 'findingTarget',
      },
    },
    detachingDisk: {
      description: 'The appliance lets go of the disks of the substitute VM; not attached is success.',
      meta: { guide: '11.2', ja: '仮想ディスクの切り離し中', en: 'Detaching a virtual disk' },
      entry: wish('hypervisor.detachDisk', longWishMs, applianceDisk),
      on: {
        'hypervisor.detachDisk.done': { target: 'nextDetached', actions: 'nextDisk' },
        'hypervisor.detachDisk.failed': halt,
      },
      after: { longAnswer: 'halted' },
    },
    nextDetached: {
      meta: { guide: '11.2', ja: '仮想ディスクの切り離し中', en: 'Detaching virtual disks' },
      always: [{ guard: 'moreDisks', target: 'detachingDisk' }, { target: 'poweringOnVm' }],
    },
    poweringOnVm: {
      description: 'Its disks were kept; on already is success.',
      meta: { guide: '11.2', ja: '代替仮想マシンの起動中', en: 'Powering the substitute VM on' },
      entry: wish('hypervisor.powerOnVm', longWishMs, substituteVmOf),
      on: {
        'hypervisor.powerOnVm.done': {
          target: 'probing',
          actions: announce('substituteVmPoweredOn', (c) => ({ vm: c.definition.substituteVm.name })),
        },
        'hypervisor.powerOnVm.failed': halt,
      },
      after: { longAnswer: 'halted' },
    },
    probing: {
      description: 'Whatever was proven of the machine: while somebody answers for its addresses, the gate stays shut.',
      meta: { guide: '11.2', ja: '本番アドレスの確認中', en: 'Probing the production addresses' },
      entry: wish('addresses.probe', shortWishMs, (c) => ({ addresses: c.definition.fence.productionAddresses })),
      on: {
        'addresses.probe.done': [
          {
            guard: ({ event }) => event.result.answers.length > 0,
            target: 'addressAlive',
            actions: tellWhoAnswers,
          },
          { guard: isProbeOld, target: 'probing', reenter: true },
          { target: 'pluggingVm' },
        ],
        'addresses.probe.failed': [
          {
            guard: ({ event }) => event.fault.code === 'probeUnavailable',
            target: 'pluggingVm',
            actions: [rememberFault, announce('addressesUnprobed', faultParams)],
          },
          halt,
        ],
      },
      after: { shortAnswer: 'halted' },
    },
    addressAlive: {
      description: 'Somebody answers: it is asked again until nobody does.',
      meta: { guide: '11.2', ja: '本番アドレスが使用中です', en: 'Somebody answers for a production address' },
      after: { retryIn: 'probing' },
    },
    pluggingVm: {
      description: 'At once or not at all, as the probe grows old.',
      meta: { guide: '11.2', ja: '代替仮想マシンのネットワーク接続中', en: 'Plugging the substitute VM in' },
      entry: wishSoon('hypervisor.setNicsConnected', gateMs, (c) => ({ ...substituteVmOf(c), connected: true })),
      on: {
        'hypervisor.setNicsConnected.done': undone,
        'hypervisor.setNicsConnected.failed': { target: 'lookingAtVm', actions: rememberFault },
      },
      after: { shortAnswer: 'lookingAtVm' },
    },
    lookingAtVm: {
      description: 'The answer was lost: only what the hypervisor says now counts as done.',
      meta: { guide: '11.2', ja: '代替仮想マシンの確認中', en: 'Looking at the substitute VM' },
      entry: wish('hypervisor.describeVm', shortWishMs, substituteVmOf),
      on: {
        'hypervisor.describeVm.done': [
          { guard: ({ event }) => event.result.power !== 'on', target: 'halted' },
          { guard: ({ event }) => event.result.nics.some(({ connected }) => !connected), target: 'probing' },
          undone,
        ],
        'hypervisor.describeVm.failed': halt,
      },
      after: { shortAnswer: 'halted' },
    },
    halted: {
      description: 'A step was refused and nobody serves: the operator mends the cause and asks again.',
      meta: {
        guide: '11.2',
        ja: 'スイッチバックの取り消しが中断 (対処後に再実行)',
        en: 'Undoing halted (mend the cause, then ask again)',
      },
      entry: announce('switchbackUndoHalted', faultParams),
      on: {
        'operator.undoSwitchback': {
          target: '#scenario.undoingSwitchback',
          reenter: true,
        },
      },
    },
  },
});
