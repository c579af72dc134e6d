import { assign } from 'xstate';
import { announce, scenarioSetup, shortWishMs, wish } from '#machines/scenario/scenarioSetup.ts';

/**
 * Is-Alive (guide 8-4, 6-16; guide product 5). Heartbeats stay outside the chart: it hears only that the master fell
 * silent or was heard again. One observer's silence never suffices: a second look over new connections comes first.
 */
export const isAlive = scenarioSetup.createStateConfig({
  description: 'The appliance watches the master.',
  meta: { guide: '8-4', ja: 'Is Alive チェック', en: 'Is Alive check' },
  initial: 'starting',
  on: { 'appliance.restarted': '.starting' },
  states: {
    starting: {
      description:
        'The heartbeat is asked for. It starts anew after a restart: absence of the watcher is no silence of the master.',
      meta: { guide: '8-4', ja: 'Is Alive チェックの開始中', en: 'Starting the Is Alive check' },
      entry: wish('master.watch', shortWishMs, (c) => ({
        host: c.definition.master.host,
        port: c.definition.master.port,
        heartbeatMs: c.definition.isAlive.heartbeatMs,
      })),
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
      on: {
        'master.silent': {
          target: 'suspecting',
          actions: [
            assign({ silentForMs: ({ event }) => event.silentForMs }),
            announce('masterSilent', (c) => ({ silentForMs: c.silentForMs })),
          ],
        },
      },
    },
    suspecting: {
      description: 'Heartbeats stay unanswered; the rest of the Is-Alive timeout runs.',
      meta: { guide: '10', ja: 'マスタ応答なし', en: 'Master silent' },
      on: { 'master.heard': { target: 'alive', actions: announce('masterHeard') } },
      after: { isAliveRemaining: 'lookingAgain' },
    },
    lookingAgain: {
      description:
        'The second, independent look: new connections, nothing reused. TLS or version trouble counts as alive.',
      meta: { guide: '10', ja: 'マスタの再確認中', en: 'Looking again' },
      entry: wish('master.look', shortWishMs, (c) => ({
        host: c.definition.master.host,
        port: c.definition.master.port,
      })),
      on: {
        'master.heard': { target: 'alive', actions: announce('masterHeard') },
        'master.look.done': [
          { guard: ({ event }) => event.result.alive, target: 'doubting' },
          {
            guard: ({ context }) => context.definition.switchover === 'automatic',
            target: '#scenario.switchingOver',
            actions: [
              {
                type: 'announce',
                params: ({ event }) => ({ code: 'masterDown', params: { evidence: event.result.evidence } }),
              },
              assign({
                switchover: ({ event }) => ({
                  cause: 'masterDown' as const,
                  waitForJournals: false,
                  startedAtMs: event.atMs,
                }),
              }),
            ],
          },
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
      description: 'Silent heartbeats, but the second look found life or could not be made: no switchover on a doubt.',
      meta: { guide: '6-16', ja: 'マスタの状態が不明', en: 'Master in doubt' },
      on: { 'master.heard': { target: 'alive', actions: announce('masterHeard') } },
      after: { heartbeat: 'lookingAgain' },
    },
    masterDown: {
      description: 'Manual mode: the administrator is told and decides (guide 6-16).',
      meta: {
        guide: '6-16',
        ja: 'マスタ停止 (手動スイッチオーバー待ち)',
        en: 'Master down (waiting for the operator)',
      },
      on: { 'master.heard': { target: 'alive', actions: announce('masterHeard') } },
    },
  },
});
