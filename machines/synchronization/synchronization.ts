import { assign } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import { announce, endRun, faultParams, rememberFault, scenarioSetup } from '#machines/scenario/scenarioSetup.ts';
import { syncMethodOf } from '#machines/scenario/context.ts';
import { offline } from './offline.ts';
import { receive } from './receive.ts';

/** Without the kernel's trace changes are found by comparing: told again when the stream says so. */
const comparing = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly fault: Fault } }) => ({
    code: 'traceNotPermitted',
    params: { reason: String(event.fault.params['reason'] ?? '') },
  }),
};

/** What may happen to the stream at any time until the replica has caught up. */
const untilCaughtUp = scenarioSetup.createStateConfig({
  on: {
    'operator.stop': { target: '#scenario.stopping', actions: endRun('byUser') },
    'replica.failed': {
      target: '#scenario.stopping',
      actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
    },
    'replica.disconnected': {
      actions: { type: 'announce', params: ({ event }) => ({ code: 'linkLost', params: { reason: event.reason } }) },
    },
    'replica.reconnected': { actions: announce('linkRestored', (c) => ({ master: c.definition.master.host })) },
    'replica.resynchronizing': {
      actions: { type: 'announce', params: ({ event }) => ({ code: 'changesLost', params: { reason: event.reason } }) },
    },
    'replica.spoolFull': { actions: announce('spoolFull') },
    'offline.spoolFull': { actions: announce('spoolFull') },
    'replica.comparing': { actions: comparing },
  },
});

/** Guide 8-3: the whole volumes are copied while new changes are spooled. */
export const synchronizing = scenarioSetup.createStateConfig({
  description: 'Every block of the protected volumes is copied; changes made meanwhile are spooled.',
  meta: { guide: '8-3', ja: '同期中', en: 'Synchronizing' },
  initial: 'choosingMethod',
  on: {
    ...untilCaughtUp.on,
    'appliance.restarted': { target: '.starting', actions: announce('synchronizationResumed') },
    'replica.synchronized': {
      target: '#scenario.drainingSpool',
      actions: {
        type: 'announce',
        params: ({ event }) => ({ code: 'synchronizationCompleted', params: { bytes: event.bytes } }),
      },
    },
  },
  states: {
    choosingMethod: {
      meta: { guide: '8-3', ja: '同期方法の選択', en: 'Choosing how to synchronize' },
      always: [{ guard: 'syncsOffline', target: 'exportingSeed' }, { target: 'starting' }],
    },
    ...offline,
    starting: {
      description: 'The replica disks are proven and opened, and the stream from the master is asked for.',
      meta: { ja: '同期の開始中', en: 'Starting synchronization' },
      entry: [
        announce('synchronizationStarted', (c) => ({ method: c.seed?.adopted ? 'blockLevel' : syncMethodOf(c) })),
        receive,
      ],
      on: {
        'replica.receive.done': 'copying',
        'replica.receive.failed': {
          target: '#scenario.stopping',
          actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
        },
      },
      after: { longAnswer: { target: 'starting', reenter: true } },
    },
    copying: {
      description: 'Blocks flow; progress is measured outside the chart.',
      meta: { ja: '同期中', en: 'Synchronizing' },
    },
  },
});

/** Guide 8-4: what changed during synchronization is applied; only then is the replica at a consistent point. */
export const drainingSpool = scenarioSetup.createStateConfig({
  description: 'The copy is complete; the changes spooled during synchronization are applied.',
  meta: { guide: '8-4', ja: 'スプールの適用中', en: 'Applying the spool' },
  initial: 'applying',
  on: {
    ...untilCaughtUp.on,
    'appliance.restarted': '.resuming',
    'replica.caughtUp': {
      target: '#scenario.replicating',
      actions: [assign({ synchronized: true }), announce('synchronizationReplicated')],
    },
  },
  states: {
    applying: { meta: { ja: 'スプールの適用中', en: 'Applying the spool' } },
    resuming: {
      description: 'The appliance was restarted: the stream is taken up again.',
      meta: { ja: '再接続中', en: 'Reconnecting' },
      entry: receive,
      on: {
        'replica.receive.done': 'applying',
        'replica.receive.failed': {
          target: '#scenario.stopping',
          actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
        },
      },
      after: { longAnswer: { target: 'resuming', reenter: true } },
    },
  },
});
