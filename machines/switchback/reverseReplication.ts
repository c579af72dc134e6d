import { assign } from 'xstate';
import {
  announce,
  faultParams,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import {
  abandonedTarget,
  amended,
  receiveReverse,
  reverseChangesLost,
  reverseLinkLost,
  reverseLinkRestored,
  reverseOf,
  rolesOf,
} from './reverse.ts';
import { confirmedMapping, mappingRefusal, proposeMapping, verifyTarget } from './target.ts';

/**
 * What `switchedOver` listens to besides its own: the way back begins there and nowhere else, so that its direction
 * follows from who is active, not from a button (R7; reliability: operator mistakes).
 */
export const whileSwitchedOver = scenarioSetup.createStateConfig({
  on: {
    'operator.reverse': {
      guard: ({ context }) => context.capabilities.includes('reverseReplication'),
      target: '#scenario.verifyingTarget',
      actions: assign({
        reverse: ({ context, event }) => ({
          target: event.target,
          source: event.source ?? { host: context.definition.master.host, port: context.definition.master.port },
          method: event.method ?? ('volumeLevel' as const),
          findings: { errors: [], warnings: [] },
          mapping: [],
          confirmed: false,
          hard: false,
          differingDisks: [],
        }),
      }),
    },
  },
});

/** The substitute VM goes on as if nobody had asked; what was found out stays readable until the next attempt. */
const given = { target: '#scenario.switchedOver', actions: announce('reverseStopped') };

const unreachable = {
  target: '#scenario.switchedOver',
  actions: [rememberFault, announce('targetUnreachable', faultParams)],
};

const unanswered = {
  target: '#scenario.switchedOver',
  actions: announce('targetUnreachable', () => ({ faultCode: 'timedOut', what: 'describe' })),
};

/** Guide 11.1-8, 11.1-13: who answers there, and whether it can take the system. Nothing is written. */
export const verifyingTarget = scenarioSetup.createStateConfig({
  description:
    'The machine booted from the boot kit and the substitute VM are asked what they are; nothing is written.',
  meta: { guide: '11.1-8', ja: '宛先の検証中', en: 'Verifying the machine to be restored' },
  initial: 'describingTarget',
  on: { 'operator.stop': given },
  states: {
    describingTarget: {
      meta: { guide: '11.1-8', ja: '宛先の確認中', en: 'Asking the machine to be restored' },
      entry: [
        announce('targetVerificationStarted', (c) => ({ target: reverseOf(c).target.host })),
        wish('bareMetal.describe', shortWishMs, (c) => reverseOf(c).target),
      ],
      on: {
        'bareMetal.describe.done': {
          target: 'describingSource',
          actions: assign(({ context, event }) => amended(context, { machine: event.result })),
        },
        'bareMetal.describe.failed': unreachable,
      },
      after: { shortAnswer: unanswered },
    },
    describingSource: {
      description: 'The engine in the substitute VM is the source: its disks and firmware are what is restored.',
      meta: { guide: '11.1-8', ja: '代替仮想マシンの確認中', en: 'Asking the substitute VM' },
      entry: wish('master.describe', shortWishMs, (c) => reverseOf(c).source),
      on: {
        'master.describe.done': {
          target: 'judging',
          actions: assign(({ context, event }) => amended(context, { sourceMachine: event.result })),
        },
        'master.describe.failed': unreachable,
      },
      after: { shortAnswer: unanswered },
    },
    judging: {
      description: 'Smaller or fewer disks, another firmware, or an old boot kit are refused before the first write.',
      meta: { guide: '11.1-13', ja: 'リカバリ検証の判定', en: 'Weighing the findings' },
      entry: assign(({ context }) => {
        const { machine, sourceMachine } = reverseOf(context);
        if (!machine || !sourceMachine) return {};
        const { disks, applianceVersion: engineVersion } = context;
        return amended(context, {
          findings: verifyTarget({ machine, source: sourceMachine, disks, engineVersion }),
          mapping: proposeMapping({ machine, disks }),
          confirmed: false,
        });
      }),
      always: [
        {
          guard: ({ context }) => reverseOf(context).findings.errors.length > 0,
          target: '#scenario.switchedOver',
          actions: [
            announce('targetRefused', (c) => ({
              target: reverseOf(c).target.host,
              findings: reverseOf(c)
                .findings.errors.map(({ en }) => en)
                .join(' / '),
              findingsJa: reverseOf(c)
                .findings.errors.map(({ ja }) => ja)
                .join(' / '),
            })),
          ],
        },
        { target: '#scenario.awaitingMapping' },
      ],
    },
  },
});

/** Guide 11.1-9, 11.1-10: the disks that are overwritten are named by their serials, and an operator agrees to them. */
export const awaitingMapping = scenarioSetup.createStateConfig({
  description: 'Nothing is written before the operator has confirmed the machine and the serial of every disk.',
  meta: {
    guide: '11.1-9',
    ja: 'ボリューム マッピングの確認待ち',
    en: 'Waiting for the volume mapping to be confirmed',
  },
  entry: announce('mappingProposed', (c) => ({
    hardwareId: reverseOf(c).machine?.hardwareId ?? '?',
    mapping: reverseOf(c)
      .mapping.map(({ diskId, serial }) => `${diskId} → ${serial}`)
      .join(', '),
    warnings: reverseOf(c)
      .findings.warnings.map(({ en }) => en)
      .join(' / '),
    warningsJa: reverseOf(c)
      .findings.warnings.map(({ ja }) => ja)
      .join(' / '),
  })),
  on: {
    'operator.stop': given,
    'operator.confirmMapping': [
      {
        guard: ({ context, event }) =>
          mappingRefusal({ machine: reverseOf(context).machine, disks: context.disks }, event) === undefined,
        target: '#scenario.reverseSynchronizing',
        actions: [
          assign(({ context, event }) =>
            amended(context, { mapping: confirmedMapping(context.disks, event), confirmed: true }),
          ),
          announce('mappingConfirmed', (c) => ({ hardwareId: reverseOf(c).machine?.hardwareId ?? '?' })),
        ],
      },
      {
        actions: {
          type: 'announce',
          params: ({ context, event }) => ({
            code: 'mappingRefused',
            params: {
              mismatch: mappingRefusal({ machine: reverseOf(context).machine, disks: context.disks }, event) ?? '?',
            },
          }),
        },
      },
    ],
  },
});

const broken = {
  target: '#scenario.endingReverse',
  actions: [rememberFault, announce('reverseFailed', faultParams)],
};

/** What may happen to the stream at any time; the substitute VM serves all the while. */
const whileReversing = scenarioSetup.createStateConfig({
  on: { 'operator.stop': '#scenario.endingReverse', 'bareMetal.failed': broken },
});

/** Guide 11.1-14, 11.1-15: the whole disks are copied back. */
export const reverseSynchronizing = scenarioSetup.createStateConfig({
  description: 'The disks of the substitute VM are copied to the machine; the substitute VM goes on serving.',
  meta: { guide: '11.1-15', ja: 'リバース同期中', en: 'Reverse synchronizing' },
  initial: 'starting',
  on: {
    ...whileReversing.on,
    'appliance.restarted': { target: '.starting', actions: announce('synchronizationResumed') },
    'bareMetal.disconnected': { actions: reverseLinkLost },
    'bareMetal.reconnected': { actions: reverseLinkRestored },
    'bareMetal.resynchronizing': { actions: reverseChangesLost },
    'bareMetal.synchronized': {
      actions: {
        type: 'announce',
        params: ({ event }) => ({ code: 'reverseSynchronizationCompleted', params: { bytes: event.bytes } }),
      },
    },
    'bareMetal.caughtUp': {
      target: '#scenario.reverseReplicating',
      actions: announce('reverseReplicating', rolesOf),
    },
  },
  states: {
    starting: {
      description: 'The kit proves hardware, serials and sizes again before it writes.',
      meta: { guide: '11.1-14', ja: 'リバース同期の開始中', en: 'Starting reverse synchronization' },
      entry: [announce('reverseSynchronizationStarted', (c) => ({ method: reverseOf(c).method })), receiveReverse],
      on: { 'bareMetal.receive.done': 'copying', 'bareMetal.receive.failed': broken },
      after: { longAnswer: { target: 'starting', reenter: true } },
    },
    copying: {
      description: 'Blocks flow; progress is measured outside the chart.',
      meta: { guide: '11.1-15', ja: 'リバース同期中', en: 'Reverse synchronizing' },
    },
  },
});

/** Guide 11.1-16: every change of the substitute VM follows to the machine; the way back is open. */
export const reverseReplicating = scenarioSetup.createStateConfig({
  description:
    'The machine follows the substitute VM. Nothing switches back by itself: the operator does (guide 11.1-12).',
  meta: { guide: '11.1-16', ja: 'リバース レプリケーション中', en: 'Reverse replication' },
  initial: 'connected',
  on: {
    ...whileReversing.on,
    'appliance.restarted': { target: '.resuming', actions: announce('applianceRestarted') },
    'bareMetal.resynchronizing': { target: '.resynchronizing', actions: reverseChangesLost },
  },
  states: {
    connected: {
      meta: { guide: '11.1-16', ja: 'リバース レプリケーション中', en: 'Reverse replication' },
      on: {
        'operator.switchback': {
          target: '#scenario.switchingBack',
          actions: assign(({ context, event }) => amended(context, { hard: event.hard ?? false })),
        },
        'bareMetal.disconnected': { target: 'disconnected', actions: reverseLinkLost },
      },
    },
    disconnected: {
      description: 'The machine is out of reach; the substitute VM serves and spools what it writes.',
      meta: { ja: '切断 (代替仮想マシンでスプール中)', en: 'Disconnected (the substitute VM spools)' },
      on: { 'bareMetal.reconnected': { target: 'connected', actions: reverseLinkRestored } },
    },
    resynchronizing: {
      description: 'Changes may have been missed: all blocks are compared before the way back is open again.',
      meta: { ja: '再同期中', en: 'Resynchronizing' },
      on: {
        'bareMetal.caughtUp': { target: 'connected', actions: announce('reverseReplicating', rolesOf) },
        'bareMetal.disconnected': { actions: reverseLinkLost },
        'bareMetal.reconnected': { actions: reverseLinkRestored },
      },
    },
    resuming: {
      description: 'The stream is asked for again where it was.',
      meta: { ja: '再開中', en: 'Resuming' },
      entry: receiveReverse,
      on: {
        'bareMetal.receive.done': 'connected',
        'bareMetal.receive.failed': 'waitingToResume',
      },
      after: { longAnswer: { target: 'resuming', reenter: true } },
    },
    waitingToResume: {
      description: 'The machine cannot be reached; it is tried again until the operator stops it.',
      meta: { ja: '再開待ち', en: 'Waiting to resume' },
      after: { retryIn: 'resuming' },
    },
  },
});

/** The machine lets go of its disks, as they are; the substitute VM stays the active side. */
export const endingReverse = scenarioSetup.createStateConfig({
  description: 'Reverse replication ends; the substitute VM stays the active side.',
  meta: { guide: '11.1', ja: 'リバース レプリケーションの停止中', en: 'Ending reverse replication' },
  entry: wish('bareMetal.abandon', shortWishMs, abandonedTarget),
  on: {
    'bareMetal.abandon.done': given,
    'bareMetal.abandon.failed': given,
  },
  after: { shortAnswer: given },
});
