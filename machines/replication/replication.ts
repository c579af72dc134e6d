import { assign } from 'xstate';
import { isAlive } from '#machines/isAlive/isAlive.ts';
import { announce, endRun, faultParams, rememberFault, scenarioSetup } from '#machines/scenario/scenarioSetup.ts';
import { receive } from '#machines/synchronization/synchronization.ts';

const linkLost = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly reason: string } }) => ({
    code: 'linkLost',
    params: { reason: event.reason },
  }),
};

/** Guide 8-4: the steady flow, with Is-Alive beside it. */
export const replicating = scenarioSetup.createStateConfig({
  description: 'Every change of the master follows to the replica, in order; the appliance watches the master.',
  meta: { guide: '8-4', ja: '実行中 (レプリケーション)', en: 'Running (replication)' },
  type: 'parallel',
  on: {
    'operator.stop': { target: '#scenario.stopping', actions: endRun('byUser') },
    'operator.switchover': {
      target: '#scenario.switchingOver',
      actions: assign({
        switchover: ({ event }) => ({
          cause: 'operator' as const,
          waitForJournals: event.waitForJournals,
          startedAtMs: event.atMs,
        }),
      }),
    },
    'replica.failed': {
      target: '#scenario.stopping',
      actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
    },
    'replica.spoolFull': { actions: announce('spoolFull') },
  },
  states: {
    flow: {
      description: 'The stream of changes.',
      meta: { guide: '8-4', ja: 'レプリケーション', en: 'Replication' },
      initial: 'connected',
      on: {
        'appliance.restarted': { target: '.resuming', actions: announce('applianceRestarted') },
        'replica.resynchronizing': {
          target: '.resynchronizing',
          actions: {
            type: 'announce',
            params: ({ event }) => ({ code: 'changesLost', params: { reason: event.reason } }),
          },
        },
      },
      states: {
        connected: {
          meta: { guide: '8-4', ja: 'レプリケーション', en: 'Replication' },
          on: {
            'replica.disconnected': {
              target: 'disconnected',
              actions: linkLost,
            },
          },
        },
        disconnected: {
          description: 'The link is down; the master spools, the replica stays at its last consistent point.',
          meta: { ja: '切断 (マスタでスプール中)', en: 'Disconnected (the master spools)' },
          on: { 'replica.reconnected': { target: 'connected', actions: announce('linkRestored') } },
        },
        resynchronizing: {
          description:
            'Changes may have been missed: all blocks are compared. The replica stays bootable at its last point.',
          meta: { ja: '再同期中', en: 'Resynchronizing' },
          on: {
            'replica.caughtUp': { target: 'connected', actions: announce('synchronizationReplicated') },
            'replica.disconnected': { actions: linkLost },
            'replica.reconnected': { actions: announce('linkRestored') },
          },
        },
        resuming: {
          description: 'The appliance was restarted: the stream is taken up where it was.',
          meta: { ja: '再開中', en: 'Resuming' },
          entry: receive,
          on: { 'replica.receive.done': 'connected', 'replica.receive.failed': 'waitingToResume' },
          after: { longAnswer: { target: 'resuming', reenter: true } },
        },
        waitingToResume: {
          meta: { ja: '再開待ち', en: 'Waiting to resume' },
          after: { retryIn: 'resuming' },
        },
      },
    },
    isAlive,
  },
});
