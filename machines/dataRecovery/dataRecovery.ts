import { assign } from 'xstate';
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
import type { DataRecovery, RestorePlan } from './facts.ts';
import { layoutFault, planFault } from './restorePlan.ts';

/** The recovery under way; asking without one is a programmer's error. */
function recoveryOf({ dataRecovery, definition }: ScenarioContext): DataRecovery {
  if (!dataRecovery) throw new RangeError(`nothing is recovered in scenario ${definition.scenarioId}`);
  return dataRecovery;
}

function planOf(context: ScenarioContext): RestorePlan {
  const { plan } = recoveryOf(context);
  if (!plan) throw new RangeError('files are restored without a plan');
  return plan;
}

function pointOf(context: ScenarioContext): string {
  const { pointId } = recoveryOf(context);
  if (pointId === undefined) throw new RangeError('no recovery point was chosen');
  return pointId;
}

const amended = (context: ScenarioContext, change: Partial<DataRecovery>): { dataRecovery: DataRecovery } => ({
  dataRecovery: { ...recoveryOf(context), ...change },
});

const failed = [rememberFault, announce('dataRecoveryFailed', faultParams)];
const timedOut = announce('dataRecoveryFailed', () => ({ faultCode: 'timedOut', what: 'data recovery' }));

/** The mount was ended for something more important: the double never waits for a restore. */
const lost = {
  target: 'unmounting',
  actions: {
    type: 'announce' as const,
    params: ({ event }: { readonly event: { readonly reason: string } }) => ({
      code: 'recoveryPointLost',
      params: { reason: event.reason },
    }),
  },
};

/** Guide 12-8. The point stays mounted: more files may be wanted. */
const restored = {
  target: 'mounted',
  actions: {
    type: 'announce' as const,
    params: ({ event: { files, bytes } }: { readonly event: { readonly files: number; readonly bytes: number } }) => ({
      code: 'recoveryCompleted',
      params: { files, bytes },
    }),
  },
};

const words = (ja: string, en: string) => ({ guide: '12-4', ja, en });

/**
 * Guide 12 while the scenario goes on: a recovery point is mounted read-only and files are copied out of it. The states
 * know no neighbour but `idle`, so that they serve as a region beside replication and as a state of a stopped scenario.
 */
const recoveryStates = {
  listing: scenarioSetup.createStateConfig({
    description: 'The appliance is asked for its recovery points and bookmarks.',
    meta: words('リカバリ ポイントの確認中', 'Listing the recovery points'),
    entry: wish('recoveryPoints.list', shortWishMs, () => undefined),
    on: {
      'recoveryPoints.list.done': {
        target: 'choosing',
        actions: assign({ dataRecovery: ({ event }) => ({ points: event.result, volumes: [] }) }),
      },
      'recoveryPoints.list.failed': { target: 'idle', actions: failed },
    },
    after: { shortAnswer: { target: 'idle', actions: timedOut } },
  }),
  choosing: scenarioSetup.createStateConfig({
    description: 'The operator chooses a recovery point (guide 12-4); nothing is mounted.',
    meta: words('リカバリ ポイントの選択待ち', 'Waiting for a recovery point to be chosen'),
    entry: announce('recoveryPointsListed', (c) => ({ points: recoveryOf(c).points.length })),
    on: {
      'operator.recoverData': 'listing',
      'operator.endRecovery': { target: 'idle', actions: announce('dataRecoveryEnded') },
      'operator.mountRecoveryPoint': [
        {
          guard: ({ context, event }) => recoveryOf(context).points.some(({ pointId }) => pointId === event.pointId),
          target: 'mounting',
          actions: assign(({ context, event }) => amended(context, { pointId: event.pointId, plan: undefined })),
        },
        {
          actions: {
            type: 'announce',
            params: ({ event }) => ({ code: 'recoveryPointUnknown', params: { point: event.pointId ?? '?' } }),
          },
        },
      ],
    },
  }),
  mounting: scenarioSetup.createStateConfig({
    description: 'The point is mounted read-only: the replica, its bookmarks and the master stay untouched.',
    meta: words('リカバリ ポイントのマウント中', 'Mounting the recovery point'),
    entry: wish('recoveryPoints.mount', longWishMs, (c) => ({ pointId: pointOf(c) })),
    on: {
      'recoveryPoints.mount.done': [
        {
          // A restore that the restart of the appliance interrupted goes on by itself.
          guard: ({ context }) => recoveryOf(context).plan !== undefined,
          target: 'checkingTarget',
          actions: assign(({ context, event }) => amended(context, { volumes: event.result.volumes })),
        },
        {
          target: 'mounted',
          actions: [
            assign(({ context, event }) => amended(context, { volumes: event.result.volumes })),
            announce('recoveryPointMounted', (c) => ({ point: pointOf(c) })),
          ],
        },
      ],
      'recoveryPoints.mount.failed': { target: 'unmounting', actions: failed },
      'recoveryPoints.lost': lost,
      'operator.endRecovery': 'unmounting',
    },
    after: { longAnswer: { target: 'unmounting', actions: timedOut } },
  }),
  mounted: scenarioSetup.createStateConfig({
    description: 'The point can be read; the operator chooses files and a host (guide 12-5, 12-6).',
    meta: words('リカバリ ポイントのマウント済み', 'Recovery point mounted'),
    entry: assign(({ context }) => amended(context, { plan: undefined })),
    on: {
      'operator.restoreFiles': [
        {
          guard: ({ context, event }) => planFault(event, recoveryOf(context).volumes) === undefined,
          target: 'checkingTarget',
          actions: assign(({ context, event: { items, target, folder } }) =>
            amended(context, { plan: { items, target, ...(folder === undefined ? {} : { folder }) } }),
          ),
        },
        {
          actions: {
            type: 'announce',
            params: ({ context, event }) => {
              const refused = planFault(event, recoveryOf(context).volumes);
              return { code: 'restoreRefused', params: { ...refused?.params, faultCode: refused?.code ?? 'internal' } };
            },
          },
        },
      ],
      'operator.endRecovery': 'unmounting',
      'recoveryPoints.lost': lost,
      'appliance.restarted': 'mounting',
    },
  }),
  checkingTarget: scenarioSetup.createStateConfig({
    description: 'Recovery verification: the volumes of the target host are those of the original (R14, guide 12).',
    meta: { guide: '12-7', ja: 'リカバリ検証中', en: 'Verifying the restore target' },
    entry: wish('recoveryPoints.describeTarget', shortWishMs, (c) => planOf(c).target),
    on: {
      'recoveryPoints.describeTarget.done': [
        {
          guard: ({ context, event }) => layoutFaultOf(context, event.result) === undefined,
          target: 'restoring',
        },
        {
          target: 'mounted',
          actions: [
            {
              type: 'announce',
              params: ({ context, event }) => {
                const refused = layoutFaultOf(context, event.result);
                return {
                  code: 'restoreRefused',
                  params: { ...refused?.params, faultCode: refused?.code ?? 'internal' },
                };
              },
            },
          ],
        },
      ],
      'recoveryPoints.describeTarget.failed': {
        target: 'mounted',
        actions: failed,
      },
      'operator.endRecovery': 'unmounting',
      'recoveryPoints.lost': lost,
      'appliance.restarted': 'mounting',
    },
    after: {
      shortAnswer: {
        target: 'mounted',
        actions: timedOut,
      },
    },
  }),
  restoring: scenarioSetup.createStateConfig({
    description:
      'Files are copied to the target host, each whole or not at all; progress is measured outside the chart.',
    meta: { guide: '12-7', ja: 'ファイルのリストア中', en: 'Restoring files' },
    entry: [
      announce('restoreStarted', (c) => ({ target: planOf(c).target.host, items: planOf(c).items.length })),
      wish('recoveryPoints.restore', longWishMs, (c) => ({ pointId: pointOf(c), ...planOf(c) })),
    ],
    on: {
      'recoveryPoints.restore.done': 'copying',
      'recoveryPoints.restore.failed': { target: 'unmounting', actions: failed },
      // A few small files may be there before the answer is.
      'recoveryPoints.restored': restored,
      'recoveryPoints.failed': { target: 'unmounting', actions: failed },
      'recoveryPoints.lost': lost,
      'operator.endRecovery': 'unmounting',
    },
    after: { longAnswer: { target: 'unmounting', actions: timedOut } },
  }),
  copying: scenarioSetup.createStateConfig({
    description: 'Files are copied; the end is told as a fact.',
    meta: { guide: '12-7', ja: 'ファイルのリストア中', en: 'Restoring files' },
    on: {
      'recoveryPoints.restored': restored,
      'recoveryPoints.failed': { target: 'unmounting', actions: failed },
      'recoveryPoints.lost': lost,
      'operator.endRecovery': 'unmounting',
      'appliance.restarted': 'mounting',
    },
  }),
  unmounting: scenarioSetup.createStateConfig({
    description: 'The point is let go of, and a restore under way with it.',
    meta: words('リカバリ ポイントのマウント解除中', 'Unmounting the recovery point'),
    entry: wish('recoveryPoints.unmount', longWishMs, () => undefined),
    on: {
      'recoveryPoints.unmount.done': { target: 'idle', actions: announce('dataRecoveryEnded') },
      'recoveryPoints.unmount.failed': 'waitingToUnmount',
    },
    after: { longAnswer: 'waitingToUnmount' },
  }),
  waitingToUnmount: scenarioSetup.createStateConfig({
    description:
      'It is tried again until nothing is mounted: a forgotten mount would keep an old point alive for ever.',
    meta: words('マウント解除の再試行待ち', 'Waiting to unmount again'),
    after: { slowRetryIn: 'unmounting' },
  }),
};

const layoutFaultOf = (context: ScenarioContext, { volumes }: Pick<DataRecovery, 'volumes'>) =>
  layoutFault(planOf(context).items, { host: planOf(context).target.host, volumes });

const begins = {
  guard: ({ context }: { readonly context: ScenarioContext }) => context.capabilities.includes('dataRecovery'),
};

/** The region beside the flow and Is-Alive: the scenario goes on, where the guide has to stop it (R6, 12-1). */
export const dataRecovery = scenarioSetup.createStateConfig({
  description: 'Files and folders are brought back from a recovery point; nothing else waits for it.',
  meta: { guide: '12', ja: 'データ リカバリ', en: 'Data recovery' },
  initial: 'idle',
  states: {
    idle: {
      description: 'Nobody asks for the past.',
      meta: { guide: '12-2', ja: 'データ リカバリなし', en: 'No data recovery' },
      on: { 'operator.recoverData': { ...begins, target: 'listing' } },
    },
    ...recoveryStates,
  },
});

/** What `stopped` listens to besides its own. */
export const whileStopped = scenarioSetup.createStateConfig({
  on: { 'operator.recoverData': { ...begins, target: '#scenario.recovering' } },
});

/** The same in a scenario that is stopped (guide 12-1); it is stopped again afterwards. */
export const recovering = scenarioSetup.createStateConfig({
  description: 'The scenario is stopped; files and folders are brought back from a recovery point.',
  meta: { guide: '12-3', ja: 'データ リカバリ中', en: 'Data recovery' },
  initial: 'listing',
  states: {
    idle: {
      description: 'The recovery has ended.',
      meta: { guide: '12-8', ja: 'データ リカバリの終了', en: 'Data recovery ended' },
      always: '#scenario.stopped',
    },
    ...recoveryStates,
  },
});
