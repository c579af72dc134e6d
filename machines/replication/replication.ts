import { assign } from 'xstate';
import { startScheduledTest, startTest, testing } from '#machines/assuredRecovery/assuredRecovery.ts';
import { scheduling } from '#machines/assuredRecovery/scheduling.ts';
import { dataRecovery } from '#machines/dataRecovery/dataRecovery.ts';
import { isAlive } from '#machines/isAlive/isAlive.ts';
import { leaseOrder } from '#machines/masterGuard/leaseOrder.ts';
import {
  announce,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { discard } from '#machines/switchover/double.ts';
import { receive } from '#machines/synchronization/receive.ts';

const linkLost = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly reason: string } }) => ({
    code: 'linkLost',
    params: { reason: event.reason },
  }),
};

const changesLost = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly reason: string } }) => ({
    code: 'changesLost',
    params: { reason: event.reason },
  }),
};

const suspendBy = (scheduled: boolean) => ({ type: 'suspendBySchedule' as const, params: { scheduled } });
const suspend = { target: 'suspending', actions: suspendBy(false) };
const resume = { target: 'resuming', actions: announce('replicationResumed') };

/** The stream of changes: followed, cut, compared, suspended, or waiting for a double to be discarded. */
const flow = scenarioSetup.createStateConfig({
  description: 'The stream of changes.',
  meta: { guide: '8-4', ja: 'レプリケーション', en: 'Replication' },
  initial: 'opening',
  on: {
    'replica.resynchronizing': [
      // The replica is let go of: the comparison begins, and is told again, when the stream is taken up.
      { guard: 'hasDouble', actions: changesLost },
      { target: '.resynchronizing', actions: changesLost },
    ],
    'replica.masterRebooted': [
      { guard: 'runsAfterReboot', actions: announce('masterRebooted') },
      { target: '#scenario.stopping', actions: [endRun('masterRebooted'), announce('masterRebooted')] },
    ],
    'schedule.due': {
      actions: announce('scheduledTaskSkipped', (c) => ({ task: c.definition.schedule?.task ?? '', why: 'busy' })),
    },
  },
  states: {
    opening: {
      description:
        'Straight from synchronization the stream flows; after an attempt to take over it is taken up again.',
      meta: { guide: '8-4', ja: 'レプリケーション', en: 'Replication' },
      always: [
        { guard: 'hasDouble', target: 'discarding' },
        { guard: 'hasTakeover', target: 'resuming' },
        { target: 'connected' },
      ],
    },
    ...discard({ done: 'resuming' }),
    connected: {
      meta: { guide: '8-4', ja: 'レプリケーション', en: 'Replication' },
      on: {
        'replica.disconnected': { target: 'disconnected', actions: linkLost },
        'appliance.restarted': { target: 'resuming', actions: announce('applianceRestarted') },
        'operator.suspend': suspend,
        'operator.startTest': startTest,
        'schedule.due': [
          startScheduledTest,
          {
            guard: 'suspensionIsDue',
            target: 'suspending',
            actions: suspendBy(true),
          },
        ],
      },
    },
    testing,
    disconnected: {
      description: 'The link is down; the master spools, the replica stays at its last consistent point.',
      meta: { ja: '切断 (マスタでスプール中)', en: 'Disconnected (the master spools)' },
      on: {
        'replica.reconnected': { target: 'connected', actions: announce('linkRestored') },
        'appliance.restarted': { target: 'resuming', actions: announce('applianceRestarted') },
        'operator.suspend': suspend,
      },
    },
    resynchronizing: {
      description:
        'Changes may have been missed: all blocks are compared. The replica stays bootable at its last point.',
      meta: { ja: '再同期中', en: 'Resynchronizing' },
      on: {
        'replica.caughtUp': { target: 'connected', actions: announce('synchronizationReplicated') },
        'replica.disconnected': { actions: linkLost },
        'replica.reconnected': { actions: announce('linkRestored') },
        'appliance.restarted': { target: 'resuming', actions: announce('applianceRestarted') },
      },
    },
    resuming: {
      description: 'The stream is taken up where it was.',
      meta: { ja: '再開中', en: 'Resuming' },
      entry: receive,
      on: {
        'replica.receive.done': 'connected',
        'replica.receive.failed': [
          {
            guard: ({ event }) => event.fault.duration === 'permanent',
            target: '#scenario.stopping',
            actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
          },
          { target: 'waitingToResume', actions: rememberFault },
        ],
      },
      after: { longAnswer: { target: 'resuming', reenter: true } },
    },
    waitingToResume: {
      meta: { ja: '再開待ち', en: 'Waiting to resume' },
      after: { retryIn: 'resuming' },
    },
    suspending: {
      description: 'The replica is brought to its last consistent point and let go of.',
      meta: { guide: 'product 12', ja: 'レプリケーションの一時停止中', en: 'Suspending replication' },
      entry: wish('replica.freeze', longWishMs, () => undefined),
      on: {
        'replica.freeze.done': [
          { guard: 'isSuspendedBySchedule', target: 'suspendedForAWhile', actions: announce('replicationSuspended') },
          { target: 'suspended', actions: announce('replicationSuspended') },
        ],
        'replica.freeze.failed': { target: 'resuming', actions: [rememberFault, announce('fault', faultParams)] },
      },
      after: { longAnswer: 'resuming' },
    },
    suspended: {
      description: 'Nothing is transferred; the master spools. It goes on without a resynchronization.',
      meta: { guide: 'product 12', ja: 'レプリケーションの一時停止', en: 'Replication suspended' },
      on: { 'operator.resume': resume },
    },
    suspendedForAWhile: {
      description: 'The same, by the schedule: it ends by itself.',
      meta: {
        guide: 'product 12',
        ja: 'レプリケーションの一時停止 (スケジュール)',
        en: 'Replication suspended (scheduled)',
      },
      on: { 'operator.resume': resume },
      after: { suspensionEnd: resume },
    },
  },
});

/** Guide 8-4: the steady flow, with Is-Alive and the master's lease beside it. */
export const replicating = scenarioSetup.createStateConfig({
  description: 'Every change of the master follows to the replica, in order; the appliance watches the master.',
  meta: { guide: '8-4', ja: '実行中 (レプリケーション)', en: 'Running (replication)' },
  type: 'parallel',
  on: {
    'operator.stop': { target: '#scenario.stopping', actions: endRun('byUser') },
    'operator.switchover': {
      target: '#scenario.takingOver',
      actions: assign({
        takeover: ({ context, event }) => ({
          cause: 'operator' as const,
          waitForJournals: event.waitForJournals,
          reverseAfterwards: event.reverseAfterwards ?? false,
          startedAtMs: event.atMs,
          speculative: false,
          // What an earlier attempt has left stays remembered until it is taken back.
          ownClaim: context.takeover?.ownClaim ?? false,
          witnessClaim: context.takeover?.witnessClaim ?? false,
          isolatedIn: context.takeover?.isolatedIn,
          sinceLastGrantMs: 0,
        }),
      }),
    },
    'replica.failed': {
      target: '#scenario.stopping',
      actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
    },
    'replica.spoolFull': { actions: announce('spoolFull') },
  },
  states: { flow, isAlive, lease: leaseOrder, scheduling, dataRecovery },
});
