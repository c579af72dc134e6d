import { assign } from 'xstate';
import type { GuardDescription } from '#machines/parties/masterGuard.ts';
import { childPath, currentDisk } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import {
  announce,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { amended, confirmedTarget, reverseOf } from './reverse.ts';
import { differingDisks } from './target.ts';

export const substituteVmOf = (context: ScenarioContext): { readonly vmId: string } => {
  if (context.substituteVmId === undefined) throw new RangeError('there is no substitute VM to switch back from');
  return { vmId: context.substituteVmId };
};

/** The restored machine answers where the master did. */
export const guardAddress = ({ definition: { master } }: ScenarioContext) => ({
  host: master.host,
  port: master.guardPort,
});

/** What the substitute VM writes to: the replica's disk, or the child that a double raised early was given. */
export const applianceDisk = (context: ScenarioContext) => ({
  vmName: context.definition.appliance.vmName,
  path: context.double?.onChildren
    ? childPath(context, 'substituteVm', context.diskIndex)
    : currentDisk(context).replicaPath,
});

/** Only the guard that knows the epoch of the restart is on the machine that was restarted. */
export const isTarget = (context: ScenarioContext, { epoch }: GuardDescription): boolean => {
  const { restartEpoch } = reverseOf(context);
  return restartEpoch !== undefined && epoch >= restartEpoch;
};

/** Whatever is refused from here on, the substitute VM takes its place again. */
const undo = {
  target: '#scenario.undoingSwitchback',
  actions: [rememberFault, announce('switchbackFailed', faultParams)],
};

const undoUnanswered = {
  target: '#scenario.undoingSwitchback',
  actions: announce('switchbackFailed', () => ({ faultCode: 'timedOut', what: 'switchback' })),
};

/**
 * Guide 11.2-1 … 11.2-3: the substitute VM is off and read back as off before the last blocks are sent, both sides are
 * compared, and only then the machine boots, its network last. Until then the substitute VM can be powered on again.
 */
export const switchingBack = scenarioSetup.createStateConfig({
  description: 'The substitute VM hands the system back: never both, and never neither for longer than it takes.',
  meta: { guide: '11.2-2', ja: 'スイッチバック中', en: 'Switching back' },
  initial: 'choosingHow',
  entry: [
    assign(({ context }) => ({
      epoch: context.epoch + 1,
      diskIndex: 0,
      ...amended(context, { differingDisks: [] }),
    })),
    announce('switchbackStarted', (c) => ({ vm: c.definition.substituteVm.name, target: reverseOf(c).target.host })),
  ],
  states: {
    choosingHow: {
      meta: { guide: '11.2-2', ja: 'スイッチバック中', en: 'Switching back' },
      always: [
        { guard: ({ context }) => reverseOf(context).hard, target: 'poweringOffVm' },
        { target: 'shuttingDownVm' },
      ],
    },
    shuttingDownVm: {
      description: 'The guest closes its files and switches itself off: nothing quiesces a system better.',
      meta: { guide: '11.2-2', ja: '代替仮想マシンのシャットダウン中', en: 'Shutting the substitute VM down' },
      entry: wish('hypervisor.powerOffVm', longWishMs, (c) => ({ ...substituteVmOf(c), how: 'guest' as const })),
      on: {
        'hypervisor.powerOffVm.done': 'readingBackPower',
        'hypervisor.powerOffVm.failed': { target: 'readingBackPower', actions: rememberFault },
      },
      after: { longAnswer: 'readingBackPower' },
    },
    poweringOffVm: {
      description: 'The operator does not wait for the guest; its file systems recover from their journals.',
      meta: { guide: '11.2-2', ja: '代替仮想マシンの電源を切断中', en: 'Powering the substitute VM off' },
      entry: wish('hypervisor.powerOffVm', longWishMs, (c) => ({ ...substituteVmOf(c), how: 'hard' as const })),
      on: {
        'hypervisor.powerOffVm.done': 'readingBackPower',
        'hypervisor.powerOffVm.failed': { target: 'readingBackPower', actions: rememberFault },
      },
      after: { longAnswer: 'readingBackPower' },
    },
    readingBackPower: {
      description: 'An answer is no proof: the power is read back, and only off is off (invariant D13).',
      meta: { guide: '11.2-2', ja: '代替仮想マシンの停止を確認中', en: 'Reading back the power of the substitute VM' },
      entry: wish('hypervisor.describeVm', shortWishMs, substituteVmOf),
      on: {
        'hypervisor.describeVm.done': [
          {
            guard: ({ event }) => event.result.power === 'off',
            target: 'unpluggingVm',
            actions: announce('substituteVmOff', (c) => ({ vm: c.definition.substituteVm.name })),
          },
          { target: 'vmStillOn' },
        ],
        'hypervisor.describeVm.failed': { target: 'vmStillOn', actions: rememberFault },
      },
      after: { shortAnswer: 'vmStillOn' },
    },
    vmStillOn: {
      description: 'The substitute VM is not proven off. It may still serve; nothing was done to the machine.',
      meta: {
        guide: '11.2-2',
        ja: '代替仮想マシンが停止していません (管理者の判断待ち)',
        en: 'The substitute VM has not stopped (waiting for the operator)',
      },
      entry: announce('substituteVmStillOn', (c) => ({ vm: c.definition.substituteVm.name, ...faultParams(c) })),
      on: {
        'operator.switchback': {
          target: 'choosingHow',
          actions: assign(({ context, event }) => amended(context, { hard: event.hard ?? false })),
        },
        'operator.stop': '#scenario.undoingSwitchback',
        'operator.undoSwitchback': '#scenario.undoingSwitchback',
      },
    },
    unpluggingVm: {
      description: 'A substitute VM that somebody starts by hand from now on has no network.',
      meta: { guide: '11.2-2', ja: '代替仮想マシンの切り離し中', en: 'Unplugging the substitute VM' },
      entry: wish('hypervisor.setNicsConnected', longWishMs, (c) => ({ ...substituteVmOf(c), connected: false })),
      on: {
        'hypervisor.setNicsConnected.done': 'attachingDisk',
        'hypervisor.setNicsConnected.failed': undo,
      },
      after: { longAnswer: undoUnanswered },
    },
    attachingDisk: {
      description: 'The disks of the substitute VM, which nobody writes to any more, are read by the appliance.',
      meta: { guide: '11.2-2', ja: '仮想ディスクの接続中', en: 'Attaching a virtual disk' },
      entry: wish('hypervisor.attachDisk', longWishMs, applianceDisk),
      on: {
        'hypervisor.attachDisk.done': {
          target: 'nextAttached',
          actions: assign({
            disks: ({ context, event }) =>
              context.disks.map((disk, index) =>
                index === context.diskIndex ? { ...disk, locator: event.result } : disk,
              ),
            diskIndex: ({ context }) => context.diskIndex + 1,
          }),
        },
        'hypervisor.attachDisk.failed': undo,
      },
      after: { longAnswer: undoUnanswered },
    },
    nextAttached: {
      meta: { guide: '11.2-2', ja: '仮想ディスクの接続中', en: 'Attaching virtual disks' },
      always: [{ guard: 'moreDisks', target: 'attachingDisk' }, { target: 'applyingFinalDelta' }],
    },
    applyingFinalDelta: {
      description: 'What the substitute VM wrote last reaches the machine, and both sides are compared block by block.',
      meta: { guide: '11.2-2', ja: '最終差分の適用と照合中', en: 'Applying and comparing the final changes' },
      entry: wish('bareMetal.finish', longWishMs, (c) => ({
        target: confirmedTarget(c),
        disks: c.disks.map(({ diskId, locator }) => {
          if (!locator) throw new RangeError(`disk ${diskId} is compared before it is attached`);
          return { diskId, locator };
        }),
      })),
      on: {
        'bareMetal.finish.done': {
          target: 'comparing',
          actions: assign(({ context, event }) => ({
            diskIndex: 0,
            ...amended(context, {
              differingDisks: differingDisks(reverseOf(context).mapping, event.result.digests),
            }),
          })),
        },
        'bareMetal.finish.failed': undo,
      },
      after: { longAnswer: { target: 'applyingFinalDelta', reenter: true } },
    },
    comparing: {
      description: 'A machine whose disks are not proven equal is never booted (invariant D13).',
      meta: { guide: '11.2-2', ja: '照合結果の判定', en: 'Weighing the comparison' },
      always: [
        {
          guard: ({ context }) => reverseOf(context).differingDisks.length > 0,
          target: '#scenario.undoingSwitchback',
          actions: announce('switchbackDiffers', (c) => ({ disks: reverseOf(c).differingDisks.join(', ') })),
        },
        { target: 'detachingDisk' },
      ],
    },
    detachingDisk: {
      description: 'The appliance lets go, so that the substitute VM could be powered on again.',
      meta: { guide: '11.2-2', ja: '仮想ディスクの切り離し中', en: 'Detaching a virtual disk' },
      entry: wish('hypervisor.detachDisk', longWishMs, applianceDisk),
      on: {
        'hypervisor.detachDisk.done': { target: 'nextDetached', actions: 'nextDisk' },
        'hypervisor.detachDisk.failed': undo,
      },
      after: { longAnswer: undoUnanswered },
    },
    nextDetached: {
      meta: { guide: '11.2-2', ja: '仮想ディスクの切り離し中', en: 'Detaching virtual disks' },
      always: [{ guard: 'moreDisks', target: 'detachingDisk' }, { target: 'restartingTarget' }],
    },
    restartingTarget: {
      description: 'The machine boots from its own disks, told to stay off its network in this epoch.',
      meta: { guide: '11.2-3', ja: '復元したマスタの再起動中', en: 'Restarting the restored master' },
      entry: [
        assign(({ context }) => amended(context, { restartEpoch: context.epoch })),
        wish('bareMetal.restart', longWishMs, confirmedTarget),
        announce('targetRestarting', (c) => ({ target: reverseOf(c).target.host })),
      ],
      on: { 'bareMetal.restart.done': 'waitingForTarget', 'bareMetal.restart.failed': undo },
      after: { longAnswer: undoUnanswered },
    },
    waitingForTarget: {
      description: 'Its guard must answer with this epoch: an old master that somebody started has an older one.',
      meta: { guide: '11.2-3', ja: '復元したマスタの起動待ち', en: 'Waiting for the restored master' },
      entry: wish('guard.describe', longWishMs, guardAddress),
      on: {
        'guard.describe.done': [
          {
            guard: ({ context, event }) => isTarget(context, event.result),
            target: 'hearingMaster',
          },
          { target: '#scenario.undoingSwitchback', actions: announce('strangerAnswered') },
        ],
        'guard.describe.failed': undo,
      },
      after: { longAnswer: undoUnanswered },
    },
    hearingMaster: {
      description: 'The engine of the restored master is up as well: it can be protected again.',
      meta: { guide: '11.2-3', ja: '復元したマスタの確認中', en: 'Hearing the restored master' },
      entry: wish('master.describe', longWishMs, ({ definition: { master } }) => ({
        host: master.host,
        port: master.port,
      })),
      on: {
        'master.describe.done': {
          target: 'disarmingTarget',
          actions: assign({ master: ({ event }) => event.result }),
        },
        'master.describe.failed': undo,
      },
      after: { longAnswer: undoUnanswered },
    },
    disarmingTarget: {
      description: 'The guard came back with the memory of a protected master; nobody grants it leases before Run.',
      meta: { guide: '11.2-3', ja: '復元したマスタの準備中', en: 'Preparing the restored master' },
      entry: wish('guard.disarm', shortWishMs, guardAddress),
      on: { 'guard.disarm.done': 'connectingTarget', 'guard.disarm.failed': undo },
      after: { shortAnswer: undoUnanswered },
    },
    connectingTarget: {
      description:
        'The point of no return: the restored master gets its network. The substitute VM is off and unplugged.',
      meta: { guide: '11.2-3', ja: '復元したマスタのネットワーク接続中', en: 'Connecting the restored master' },
      entry: wish('guard.rejoin', shortWishMs, (c) => ({
        ...guardAddress(c),
        commandedIn: reverseOf(c).restartEpoch ?? c.epoch,
      })),
      on: {
        'guard.rejoin.done': '#scenario.switchedBack',
        'guard.rejoin.failed': { target: 'readingBackTarget', actions: rememberFault },
      },
      after: { shortAnswer: 'readingBackTarget' },
    },
    readingBackTarget: {
      description: 'The answer was lost: a machine that is on its network already serves, and is not taken off again.',
      meta: {
        guide: '11.2-3',
        ja: '復元したマスタのネットワークを確認中',
        en: 'Reading back the network of the master',
      },
      entry: wish('guard.describe', shortWishMs, guardAddress),
      on: {
        'guard.describe.done': [
          {
            guard: ({ context, event }) => isTarget(context, event.result) && !event.result.isolated,
            target: '#scenario.switchedBack',
          },
          { target: '#scenario.undoingSwitchback', actions: announce('switchbackFailed', faultParams) },
        ],
        'guard.describe.failed': undo,
      },
      after: { shortAnswer: undoUnanswered },
    },
  },
});
