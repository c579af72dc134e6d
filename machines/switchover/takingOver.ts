import { assign } from 'xstate';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { conditions } from '#machines/scenario/conditions.ts';
import { doubleOf } from '#machines/scenario/context.ts';
import {
  announce,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { receiveOnce } from '#machines/synchronization/receive.ts';
import { beginDouble, discard, raise } from './double.ts';
import { verdict } from './verdict.ts';

type PointAnswer = { readonly event: { readonly result: { readonly point: ConsistentPoint | null } } };

const noPoint = {
  guard: ({ event }: PointAnswer) => event.result.point === null,
  target: 'failed',
  actions: announce('doubleFailed', () => ({ faultCode: 'noConsistentPoint' })),
};
const failed = { target: 'failed', actions: [rememberFault, announce('doubleFailed', faultParams)] };

/** The double beside the verdict: raised at once when it is speculative, after the proof otherwise. */
const double = scenarioSetup.createStateConfig({
  description: 'The double: made from the replica, booted unplugged, and plugged in only when the fence is proven.',
  meta: { guide: '10-3', ja: '代替仮想マシンの準備中', en: 'Preparing the substitute VM' },
  initial: 'opening',
  states: {
    opening: {
      description: 'What is left of an earlier double goes first.',
      meta: { guide: '10-3', ja: '代替仮想マシンの準備中', en: 'Preparing the substitute VM' },
      always: [
        { guard: 'hasDouble', target: 'discarding' },
        { guard: 'isFenceProven', target: 'finishing' },
        { guard: 'isSpeculative', target: 'freezing' },
        { target: 'waiting' },
      ],
    },
    ...discard({ done: 'catchingUp' }),
    catchingUp: {
      description:
        'A replica that was let go of for a double takes up its stream again: what was spooled meanwhile is applied to it. A dead master sends nothing more.',
      meta: { guide: '10-3', ja: 'スプールの適用中', en: 'Applying the spool' },
      entry: receiveOnce,
      on: { 'replica.receive.done': 'opening', 'replica.receive.failed': 'opening' },
      after: { shortAnswer: 'opening' },
    },
    waiting: {
      description: 'Nothing is touched before the verdict; the replica goes on following its master.',
      meta: { guide: '10-3', ja: '判定待ち', en: 'Waiting for the verdict' },
      on: { 'fence.proven': 'finishing' },
    },
    freezing: {
      description: 'What was acknowledged is applied, then the replica stands still: a child of it boots.',
      meta: { guide: '10-3', ja: 'レプリカの固定中', en: 'Freezing the replica' },
      entry: [
        beginDouble({ role: 'substituteVm', onChildren: true }),
        wish('replica.freeze', longWishMs, () => undefined),
      ],
      on: {
        'replica.freeze.done': [
          noPoint,
          {
            target: 'detachingDisk',
            actions: assign({ double: ({ context, event }) => withPoint(doubleOf(context), event.result.point) }),
          },
        ],
        'replica.freeze.failed': failed,
      },
      after: { longAnswer: { target: 'freezing', reenter: true } },
    },
    finishing: {
      description: 'What was acknowledged is applied up to the last consistent point; the rest is discarded.',
      meta: { guide: '10-3', ja: 'ジャーナルの適用中', en: 'Applying the journals' },
      entry: [
        beginDouble({ role: 'substituteVm', onChildren: false }),
        wish('replica.finish', longWishMs, (c) => ({ waitForJournals: conditions.awaitsJournals.holds(c) })),
      ],
      on: {
        'appliance.restarted': { guard: 'awaitsJournals', target: 'takingUpStream' },
        'replica.finish.done': [
          noPoint,
          {
            target: 'detachingDisk',
            actions: assign({ double: ({ context, event }) => withPoint(doubleOf(context), event.result.point) }),
          },
        ],
        'replica.finish.failed': failed,
      },
      after: { longAnswer: { target: 'finishing', reenter: true } },
    },
    takingUpStream: {
      description:
        'The journals of the isolated master come by the stream: whoever waits for them receives again first.',
      meta: { guide: '10-3', ja: 'マスタからの受信再開中', en: 'Taking up the stream of the master' },
      entry: receiveOnce,
      on: { 'replica.receive.done': 'finishing', 'replica.receive.failed': 'finishing' },
      after: { shortAnswer: 'finishing' },
    },
    ...raise({ ready: 'ready', failed: 'failed' }),
    ready: {
      description: 'The double is up, and nobody can reach it yet.',
      meta: { guide: '10-3', ja: '代替仮想マシンの準備完了', en: 'The substitute VM is ready' },
      type: 'final',
    },
    failed: {
      description: 'A step was refused. It is tried again by itself, or when the operator has mended the cause.',
      meta: {
        guide: '10',
        ja: '代替仮想マシンを起動できません (対処後に再実行)',
        en: 'The substitute VM cannot be started (mend the cause, then perform it again)',
      },
      on: {
        'operator.switchover': {
          target: 'tryingAgain',
          actions: { type: 'amendTakeover', params: ({ event }) => ({ waitForJournals: event.waitForJournals }) },
        },
        // The double is unplugged: giving up leaves one active side at most.
        'operator.giveUpSwitchover': { target: '#scenario.stopping', actions: endRun('byUser') },
      },
      after: { slowRetryIn: 'tryingAgain' },
    },
    tryingAgain: {
      description: 'What is done already is not done again: parties know their own doing by its tag.',
      meta: { guide: '10', ja: '代替仮想マシンの再準備中', en: 'Preparing the substitute VM again' },
      entry: 'firstDisk',
      always: [
        { guard: ({ context }) => context.double?.point !== undefined, target: 'detachingDisk' },
        { guard: 'isSpeculative', target: 'freezing' },
        { guard: 'awaitsJournals', target: 'takingUpStream' },
        { target: 'finishing' },
      ],
    },
  },
});

/** Guide 10: the verdict and the double, side by side. Both done: the double is the active side. */
export const takingOver = scenarioSetup.createStateConfig({
  description: 'The double gets ready, while it is proven that the master serves nobody any more.',
  meta: { guide: '10-3', ja: 'スイッチオーバー中', en: 'Switching over' },
  type: 'parallel',
  entry: [
    assign({ epoch: ({ context }) => context.epoch + 1 }),
    announce('takeoverBegun', (c) => ({
      cause: c.takeover?.cause ?? '',
      speculative: String(c.takeover?.speculative ?? false),
    })),
  ],
  onDone: '#scenario.switchingOver',
  states: { verdict, double },
});

const withPoint = (double: ReturnType<typeof doubleOf>, point: ConsistentPoint | null) =>
  point === null ? double : { ...double, point };
