import { assign } from 'xstate';
import {
  announce,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
  wishSoon,
} from '#machines/scenario/scenarioSetup.ts';
import { conditions } from '#machines/scenario/conditions.ts';
import { whileSwitchedOver } from '#machines/switchback/reverseReplication.ts';
import { gateMs, isProbeOld, tellWhoAnswers } from './addresses.ts';
import { doubleVm } from './double.ts';
import { securing } from './securing.ts';

const openedGate = scenarioSetup.assign({ substituteVmId: ({ context }) => doubleVm(context).vmId });
/** It is certain that nobody can reach the double. */
const shutGate = scenarioSetup.assign({ substituteVmId: undefined });

const completed = [
  openedGate,
  announce('switchoverCompleted'),
  announce('scenarioStopped', () => ({ reason: 'switchedOver' })),
];

/** Guide 10: the fence is proven and the double is up; it gets its network once nobody answers for the master's addresses. */
export const switchingOver = scenarioSetup.createStateConfig({
  description: 'The double takes the place of its master.',
  meta: { guide: '10-3', ja: 'スイッチオーバー中', en: 'Switching over' },
  initial: 'endingHeartbeat',
  on: {
    // As long as the double was never plugged in, giving up leaves one active side at most.
    'operator.giveUpSwitchover': {
      guard: 'gateNeverOpened',
      target: '#scenario.stopping',
      actions: endRun('byUser'),
    },
  },
  states: {
    endingHeartbeat: {
      meta: { guide: '10-3', ja: 'スイッチオーバー中', en: 'Switching over' },
      entry: wish('master.unwatch', shortWishMs, () => undefined),
      on: { 'master.unwatch.done': 'sealing', 'master.unwatch.failed': 'sealing' },
      after: { shortAnswer: 'sealing' },
    },
    sealing: {
      description: 'The replica is closed for good at the point the double was made from.',
      meta: { guide: '10-3', ja: 'レプリカの確定中', en: 'Sealing the replica' },
      entry: wish('replica.finish', longWishMs, () => ({ waitForJournals: false })),
      on: {
        'replica.finish.done': {
          target: 'securing',
          actions: assign(({ event }) => (event.result.point ? { presentedPoint: event.result.point } : {})),
        },
        'replica.finish.failed': {
          target: 'waitingToConnect',
          actions: [rememberFault, announce('switchoverDelayed', faultParams)],
        },
      },
      after: { longAnswer: { target: 'sealing', reenter: true } },
    },
    securing,
    probing: {
      description: 'Does anybody still answer for the addresses of the master? Silence is the last of the evidence.',
      meta: { guide: '10-3', ja: '本番アドレスの確認中', en: 'Probing the production addresses' },
      entry: wish('addresses.probe', shortWishMs, (c) => ({ addresses: c.definition.fence.productionAddresses })),
      on: {
        'addresses.probe.done': [
          {
            guard: ({ event }) => event.result.answers.length > 0,
            target: 'addressAlive',
            actions: tellWhoAnswers,
          },
          { guard: isProbeOld, target: 'probing', reenter: true },
          { target: 'connecting' },
        ],
        'addresses.probe.failed': [
          {
            // Where nobody can be asked, the proof has to be enough; whoever may only be late is asked again.
            guard: ({ context, event }) =>
              event.fault.code === 'probeUnavailable' && conditions.isProofStrong.holds(context),
            target: 'connecting',
            actions: [rememberFault, announce('addressesUnprobed', faultParams)],
          },
          { target: 'waitingToConnect', actions: [rememberFault, announce('switchoverDelayed', faultParams)] },
        ],
      },
      after: { shortAnswer: 'waitingToConnect' },
    },
    addressAlive: {
      description: 'Somebody answers: the gate stays shut, whatever else was proven.',
      meta: { guide: '10', ja: '本番アドレスが使用中です', en: 'Somebody answers for a production address' },
      after: { retryIn: 'probing' },
    },
    connecting: {
      description:
        'The point of no return: the double gets its network, at once or not at all, as the probe grows old.',
      meta: { guide: '10-4', ja: 'ネットワークの接続中', en: 'Plugging the network in' },
      entry: [
        openedGate,
        wishSoon('hypervisor.setNicsConnected', gateMs, (c) => ({ ...doubleVm(c), connected: true })),
      ],
      on: {
        'hypervisor.setNicsConnected.done': 'lookingAtDouble',
        'hypervisor.setNicsConnected.failed': {
          target: 'waitingToLook',
          actions: [rememberFault, announce('switchoverDelayed', faultParams)],
        },
      },
      after: { shortAnswer: 'lookingAtDouble' },
    },
    lookingAtDouble: {
      description: 'Is it on, and plugged in? Only what the hypervisor says now counts as done.',
      meta: { guide: '10-5', ja: '代替仮想マシンの確認中', en: 'Looking at the substitute VM' },
      entry: wish('hypervisor.describeVm', shortWishMs, doubleVm),
      on: {
        'hypervisor.describeVm.done': [
          { guard: ({ event }) => event.result.power !== 'on', target: 'unplugging' },
          {
            guard: ({ event }) => event.result.nics.some(({ connected }) => !connected),
            target: 'probing',
            actions: shutGate,
          },
          // Guide product 6.2: a full system needs a machine to go back to, so the second check box can only remind.
          {
            guard: 'wantsReverse',
            target: '#scenario.switchedOver',
            actions: [...completed, announce('reverseAwaitsMachine')],
          },
          { target: '#scenario.switchedOver', actions: completed },
        ],
        'hypervisor.describeVm.failed': { target: 'waitingToLook', actions: rememberFault },
      },
      after: { shortAnswer: 'waitingToLook' },
    },
    waitingToLook: {
      meta: { guide: '10-5', ja: '代替仮想マシンの確認待ち', en: 'Waiting to look at the substitute VM' },
      on: { 'operator.switchover': 'lookingAtDouble' },
      after: { retryIn: 'lookingAtDouble' },
    },
    unplugging: {
      description:
        'Somebody has switched it off. It comes back as it began: unplugged, until the addresses are probed.',
      meta: { guide: '10-5', ja: 'ネットワークの切断中', en: 'Unplugging the substitute VM' },
      entry: wish('hypervisor.setNicsConnected', shortWishMs, (c) => ({ ...doubleVm(c), connected: false })),
      on: {
        'hypervisor.setNicsConnected.done': { target: 'reviving', actions: shutGate },
        'hypervisor.setNicsConnected.failed': { target: 'waitingToLook', actions: rememberFault },
      },
      after: { shortAnswer: 'waitingToLook' },
    },
    reviving: {
      description: 'It is the only side there is.',
      meta: { guide: '10-5', ja: '代替仮想マシンの再起動中', en: 'Powering the substitute VM on again' },
      entry: wish('hypervisor.powerOnVm', longWishMs, doubleVm),
      on: {
        'hypervisor.powerOnVm.done': 'waitingForGuest',
        'hypervisor.powerOnVm.failed': {
          target: 'waitingToLook',
          actions: [rememberFault, announce('switchoverDelayed', faultParams)],
        },
      },
      after: { longAnswer: 'waitingToLook' },
    },
    waitingForGuest: {
      meta: { guide: '10-5', ja: 'ゲスト OS の起動待ち', en: 'Waiting for the guest' },
      entry: wish('hypervisor.waitForGuest', longWishMs, doubleVm),
      on: {
        'hypervisor.waitForGuest.done': 'probing',
        'hypervisor.waitForGuest.failed': {
          target: 'waitingToLook',
          actions: [rememberFault, announce('switchoverDelayed', faultParams)],
        },
      },
      after: { longAnswer: 'waitingToLook' },
    },
    waitingToConnect: {
      meta: { guide: '10-3', ja: 'スイッチオーバーの再試行待ち', en: 'Waiting to go on' },
      on: { 'operator.switchover': 'sealing' },
      after: { retryIn: 'sealing' },
    },
  },
});

/** Guide 10-4, 10-5: the substitute VM is the active side until switchback; properties are frozen (R1). */
export const switchedOver = scenarioSetup.createStateConfig({
  description:
    'The substitute VM is the active side. Root directories and properties stay as they are until switchback (guide 10).',
  meta: { guide: '10-4', ja: 'スイッチオーバー済み', en: 'Switched over' },
  on: whileSwitchedOver.on,
});
