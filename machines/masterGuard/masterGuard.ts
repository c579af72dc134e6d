import type { AnyMachineSnapshot } from 'xstate';
import { statePath } from '#machines/host/step.ts';
import {
  block,
  dropTerms,
  masterGuardSetup,
  rememberFault,
  takeCommand,
  takeLease,
  takePardon,
  takeReplacement,
  takeStart,
  takeTerms,
  unblock,
} from './guardSetup.ts';

/** Raised with every change of the chart that an older state cannot be continued on. */
export const masterGuardChartVersion = '1';

/** Whoever blocks is not disturbed: what is heard meanwhile is kept, and decided on once the answer is there. */
const isolating = masterGuardSetup.createStateConfig({
  description: 'The host leaves its network. Nothing lifts it before the answer: a half-done block is not undone.',
  meta: { guide: '10-2', ja: 'マスタの切り離し中', en: 'Isolating the master' },
  tags: ['isolated', 'pending'],
  initial: 'blocking',
  on: {
    'appliance.isolate': { actions: takeCommand },
    'lease.replaced': { guard: 'isNewlyReplaced', actions: takeReplacement },
    'hostNetwork.block.done': 'isolated',
  },
  states: {
    blocking: {
      description: 'A block that works is confirmed within the actuation time that the safe wait counts with.',
      meta: { guide: '10-2', ja: 'マスタの切り離し中', en: 'Isolating the master' },
      entry: block,
      on: {
        'hostNetwork.block.done': '#masterGuard.isolated',
        'hostNetwork.block.failed': { target: 'overdue', actions: rememberFault },
      },
      after: { actuation: 'overdue' },
    },
    overdue: {
      description:
        'The host may still be on its network: it is tried on, and the watchdog is not fed any more, so that a host that cannot be isolated is reset.',
      meta: {
        guide: '10-2',
        ja: '切り離し未確認 (ウォッチドッグ停止待ち)',
        en: 'Isolation overdue (left to the watchdog)',
      },
      tags: ['overdue'],
      after: { blockRetry: 'tryingAgain' },
    },
    tryingAgain: {
      description: 'Once more; the watchdog stays unfed until a block is confirmed.',
      meta: { guide: '10-2', ja: '切り離しの再試行中', en: 'Trying again to isolate' },
      tags: ['overdue'],
      entry: block,
      on: {
        'hostNetwork.block.done': '#masterGuard.isolated',
        'hostNetwork.block.failed': { target: 'overdue', actions: rememberFault },
      },
      after: { blockAnswer: 'overdue' },
    },
  },
});

const isolated = masterGuardSetup.createStateConfig({
  description: 'The host is off its network; only engine and guard speak with their peers.',
  meta: { guide: '10-2', ja: '切り離し済み', en: 'Isolated' },
  tags: ['isolated'],
  initial: 'deciding',
  on: {
    'appliance.armed': { target: '.deciding', actions: takeTerms },
    'appliance.disarmed': { target: '.deciding', actions: dropTerms },
    'appliance.isolate': { target: '.deciding', actions: takeCommand },
    'appliance.rejoin': { target: '.deciding', actions: takePardon },
    'lease.granted': { target: '.deciding', actions: takeLease },
    'lease.lapsed': { target: '.deciding', actions: takeLease },
    'lease.replaced': { guard: 'isNewlyReplaced', target: '.deciding', actions: takeReplacement },
    'guard.started': { target: 'isolating', actions: takeStart },
  },
  states: {
    deciding: {
      description: 'What keeps the host off its network, the strongest reason first.',
      meta: { guide: '10-2', ja: '切り離し済み', en: 'Isolated' },
      always: [
        { guard: 'isCommanded', target: 'commanded' },
        { guard: 'isReplaced', target: 'replaced' },
        { guard: 'mayServe', target: '#masterGuard.rejoining' },
        { target: 'lapsed' },
      ],
    },
    lapsed: {
      description: 'No lease: somebody may have taken over. A lease ends it.',
      meta: { guide: '10-2', ja: '切り離し済み (リースなし)', en: 'Isolated (no lease)' },
    },
    commanded: {
      description: 'The appliance said so; only the appliance ends it.',
      meta: { guide: '10-2', ja: '切り離し済み (アプライアンスの指示)', en: 'Isolated (told by the appliance)' },
    },
    replaced: {
      description: 'A double serves in a newer epoch. The old master stays away until it is told otherwise.',
      meta: { guide: '10-2', ja: '切り離し済み (交代済み)', en: 'Isolated (replaced)' },
    },
  },
});

/** The fence on the master: it serves only as long as nobody can have taken its place. Renewals stay outside; edges come in. */
export const masterGuardChart = masterGuardSetup.createMachine({
  id: 'masterGuard',
  description: 'The guard of one scenario on its master: it takes the host off its network and lets it back.',
  context: ({ input }) => ({
    host: input.host,
    epoch: 0,
    servingEpoch: 0,
    leased: false,
    boot: input.boot,
    mustAsk: false,
  }),
  initial: 'disarmed',
  on: {
    'appliance.armed': { actions: takeTerms },
    'appliance.disarmed': { actions: dropTerms },
    'appliance.isolate': { target: '.isolating', actions: takeCommand },
    'appliance.rejoin': { actions: takePardon },
    'lease.granted': { actions: takeLease },
    'lease.lapsed': { actions: takeLease },
    'lease.replaced': { guard: 'isNewlyReplaced', target: '.isolating', actions: takeReplacement },
    'guard.started': { target: '.isolating', actions: takeStart },
  },
  states: {
    disarmed: {
      description: 'The host serves without a lease.',
      meta: { guide: '10-2', ja: '待機', en: 'Disarmed' },
      on: {
        'appliance.armed': [
          { guard: 'mustWaitForLease', target: 'arming', actions: takeTerms },
          { target: 'serving', actions: takeTerms },
        ],
        // Without terms nobody may take over by what this guard does.
        'lease.replaced': {},
        'guard.started': { actions: takeStart },
      },
    },
    arming: {
      description: 'The first lease is asked for. Nobody counts on this guard before it has one.',
      meta: { guide: '10-2', ja: 'リースの取得中', en: 'Getting the first lease' },
      tags: ['pending'],
      on: {
        'appliance.armed': [
          { guard: 'mustWaitForLease', actions: takeTerms },
          { target: 'serving', actions: takeTerms },
        ],
        'appliance.disarmed': { target: 'disarmed', actions: dropTerms },
        'lease.granted': { target: 'serving', actions: takeLease },
        'guard.started': { target: 'disarmed', actions: [takeStart, dropTerms] },
      },
      after: { firstLease: { target: 'disarmed', actions: dropTerms } },
    },
    serving: {
      description: 'The host serves; automatic: as long as one of its leases is valid.',
      meta: { guide: '10-2', ja: '稼働中', en: 'Serving' },
      on: {
        'appliance.armed': [
          { guard: 'mustWaitForLease', target: 'arming', actions: takeTerms },
          { actions: takeTerms },
        ],
        'appliance.disarmed': { target: 'disarmed', actions: dropTerms },
        'lease.lapsed': [{ guard: 'losesItsLease', target: 'isolating', actions: takeLease }, { actions: takeLease }],
        'guard.started': [{ guard: 'mustAskAnew', target: 'isolating', actions: takeStart }, { actions: takeStart }],
      },
    },
    isolating,
    isolated,
    rejoining: {
      description: 'The host goes back to its network.',
      meta: { guide: '10-2', ja: 'ネットワークへの復帰中', en: 'Rejoining the network' },
      tags: ['pending'],
      initial: 'unblocking',
      on: {
        'appliance.armed': [
          { guard: 'mustWaitForLease', target: 'isolating', actions: takeTerms },
          { actions: takeTerms },
        ],
        'lease.lapsed': [{ guard: 'losesItsLease', target: 'isolating', actions: takeLease }, { actions: takeLease }],
      },
      states: {
        unblocking: {
          description: 'Tried until it is done: a host that may serve and cannot is an outage.',
          meta: { guide: '10-2', ja: 'ネットワークへの復帰中', en: 'Rejoining the network' },
          entry: unblock,
          on: {
            'hostNetwork.unblock.done': [
              { guard: 'isArmed', target: '#masterGuard.serving' },
              { target: '#masterGuard.disarmed' },
            ],
            'hostNetwork.unblock.failed': { target: 'waiting', actions: rememberFault },
          },
          after: { unblockAnswer: { target: 'unblocking', reenter: true } },
        },
        waiting: {
          description: 'Something on the way back did not work; it is tried again soon.',
          meta: { guide: '10-2', ja: 'ネットワークへの復帰待ち', en: 'Waiting to rejoin' },
          after: { retryIn: 'unblocking' },
        },
      },
    },
  },
});

/** The innermost active state in words. */
export function guardStateLabel(snapshot: AnyMachineSnapshot): { readonly ja: string; readonly en: string } {
  const path = statePath(snapshot.value);
  const meta = snapshot.getMeta() as Readonly<Record<string, { readonly ja: string; readonly en: string } | undefined>>;
  return meta[`masterGuard.${path}`] ?? { ja: path, en: path };
}
