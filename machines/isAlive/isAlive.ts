import { assign } from 'xstate';
import type { ScenarioContext, Takeover } from '#machines/scenario/context.ts';
import { announce, scenarioSetup, shortWishMs, wish } from '#machines/scenario/scenarioSetup.ts';
import { lookAgain } from '#machines/switchover/verdict.ts';

/** An attempt of the watch's own: nobody has commanded it. */
const detected = (speculative: boolean, cause: Takeover['cause'] = 'masterDown') => ({
  type: 'beginTakeover' as const,
  params: ({ event }: { readonly event: { readonly type: string; readonly atMs?: number } }): Takeover => ({
    cause,
    waitForJournals: false,
    reverseAfterwards: false,
    startedAtMs: event.atMs ?? 0,
    speculative,
    ownClaim: false,
    witnessClaim: false,
    sinceLastGrantMs: 0,
  }),
});

const fellSilent = {
  target: 'suspecting',
  actions: [
    {
      type: 'noteSilence' as const,
      params: ({ event: { silentForMs } }: { readonly event: { readonly silentForMs: number } }) => ({ silentForMs }),
    },
    announce('masterSilent', (c) => ({ silentForMs: c.silentForMs })),
  ],
};

const wellAgain = {
  guard: ({ context }: { readonly context: ScenarioContext }) => context.unwell === undefined,
  target: 'alive',
};

const heard = { target: 'alive', actions: announce('masterHeard') };

/**
 * Is-Alive (guide 8-4, 6-16; guide product 5). Heartbeats stay outside the chart: it hears only that the master fell
 * silent or was heard again. Silence is where a takeover begins; whether it comes to one is the verdict's matter.
 */
export const isAlive = scenarioSetup.createStateConfig({
  description: 'The appliance watches the master.',
  meta: { guide: '8-4', ja: 'Is Alive チェック', en: 'Is Alive check' },
  initial: 'opening',
  // The next watch tells anew.
  exit: assign({ unwell: undefined }),
  on: {
    'appliance.restarted': '.opening',
    'master.unwell': {
      actions: [
        assign({ unwell: ({ event: { check, evidence } }) => ({ check, evidence }) }),
        {
          type: 'announce',
          params: ({ event: { check, evidence } }) => ({ code: 'masterUnwell', params: { check, evidence } }),
        },
      ],
    },
    'master.well': { actions: [assign({ unwell: undefined, unwellGivenUp: false }), announce('masterWell')] },
    'master.notice': {
      target: '.maintenance',
      actions: [
        assign({ maintenanceMs: ({ event }) => event.forMs }),
        {
          type: 'announce',
          params: ({ event }) => ({ code: 'masterNotice', params: { forMs: event.forMs, reason: event.reason } }),
        },
      ],
    },
    'operator.announceMaintenance': {
      target: '.maintenance',
      actions: [
        assign({ maintenanceMs: ({ event }) => event.forMs }),
        {
          type: 'announce',
          params: ({ event }) => ({ code: 'masterNotice', params: { forMs: event.forMs, reason: 'operator' } }),
        },
      ],
    },
  },
  states: {
    opening: {
      meta: { guide: '8-4', ja: 'Is Alive チェックの開始中', en: 'Starting the Is Alive check' },
      always: [{ guard: 'inMaintenance', target: 'maintenance' }, { target: 'starting' }],
    },
    starting: {
      description:
        'The heartbeat is asked for. It starts anew after a restart: absence of the watcher is no silence of the master.',
      meta: { guide: '8-4', ja: 'Is Alive チェックの開始中', en: 'Starting the Is Alive check' },
      entry: [
        // The watch tells anew; what was known before may have changed while nobody listened.
        assign({ unwell: undefined }),
        wish('master.watch', shortWishMs, (c) => ({
          host: c.definition.master.host,
          port: c.definition.master.port,
          heartbeatMs: c.definition.isAlive.heartbeatMs,
          ...(c.definition.isAlive.checks === undefined ? {} : { checks: c.definition.isAlive.checks }),
        })),
      ],
      on: {
        'master.watch.done': { target: 'alive', actions: announce('isAliveResumed') },
        'master.watch.failed': 'waitingToStart',
      },
      after: { shortAnswer: { target: 'starting', reenter: true } },
    },
    waitingToStart: {
      meta: { ja: 'Is Alive チェックの再開待ち', en: 'Waiting to start the Is Alive check' },
      after: { retryIn: 'starting' },
    },
    alive: {
      description: 'Heartbeats are answered.',
      meta: { guide: '8-4', ja: '正常', en: 'Alive' },
      always: { guard: 'isUnwell', target: 'unwell' },
      on: { 'master.silent': fellSilent },
    },
    unwell: {
      description:
        'Heartbeats are answered, a check of the application is not. A living master is no dead one: it gets the whole Is-Alive timeout to recover.',
      meta: { guide: 'product 5', ja: 'マスタのアプリケーション異常', en: 'Master unwell' },
      always: wellAgain,
      on: { 'master.silent': fellSilent },
      after: {
        isAliveTimeout: [
          { guard: 'takesOverUnwell', target: '#scenario.takingOver', actions: detected(false, 'masterUnwell') },
          {
            target: 'unwellNotified',
            actions: announce('masterUnwellNotified', (c) => ({
              check: c.unwell?.check ?? '?',
              evidence: c.unwell?.evidence ?? '?',
            })),
          },
        ],
      },
    },
    unwellNotified: {
      description: 'The administrator is told and decides.',
      meta: {
        guide: 'product 5',
        ja: 'マスタのアプリケーション異常 (管理者の対処待ち)',
        en: 'Master unwell (waiting for the operator)',
      },
      always: wellAgain,
      on: { 'master.silent': fellSilent },
    },
    suspecting: {
      description: 'Heartbeats stay unanswered; the rest of the Is-Alive timeout runs.',
      meta: { guide: '10', ja: 'マスタ応答なし', en: 'Master silent' },
      on: { 'master.heard': heard },
      after: {
        suspicion: { guard: 'speculates', target: '#scenario.takingOver', actions: detected(true) },
        isAliveRemaining: [
          { guard: 'isAutomatic', target: '#scenario.takingOver', actions: detected(false) },
          { target: 'lookingAgain' },
        ],
      },
    },
    lookingAgain: {
      description: 'Manual mode looks again too, before anybody is woken.',
      meta: { guide: '10', ja: 'マスタの再確認中', en: 'Looking again' },
      entry: lookAgain,
      on: {
        'master.heard': heard,
        'master.look.done': [
          { guard: ({ event }) => event.result.alive, target: 'doubting' },
          {
            target: 'masterDown',
            actions: {
              type: 'announce',
              params: ({ event }) => ({ code: 'masterDownNotified', params: { evidence: event.result.evidence } }),
            },
          },
        ],
        'master.look.failed': 'doubting',
      },
      after: { shortAnswer: 'doubting' },
    },
    doubting: {
      description:
        'Silent heartbeats, but the second look found life or could not be made: nothing is told on a doubt.',
      meta: { guide: '6-16', ja: 'マスタの状態が不明', en: 'Master in doubt' },
      on: { 'master.heard': heard },
      after: { heartbeat: 'lookingAgain' },
    },
    masterDown: {
      description: 'Manual mode: the administrator is told and decides (guide 6-16).',
      meta: {
        guide: '6-16',
        ja: 'マスタ停止 (手動スイッチオーバー待ち)',
        en: 'Master down (waiting for the operator)',
      },
      on: { 'master.heard': heard },
    },
    maintenance: {
      description:
        'The master said beforehand that it would be silent: nothing is concluded from that until its time is up.',
      meta: { guide: 'C-2', ja: 'マスタのメンテナンス中', en: 'Master in maintenance' },
      exit: assign({ maintenanceMs: 0 }),
      // The announced time runs on, whether the watcher is there or not.
      on: { 'operator.endMaintenance': 'starting', 'appliance.restarted': {} },
      after: { maintenance: { target: 'starting', actions: announce('maintenanceOver') } },
    },
  },
});
