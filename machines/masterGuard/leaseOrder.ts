import { assign } from 'xstate';
import {
  amendTakeover,
  announce,
  faultParams,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { guardAt, witnessAt } from '#machines/switchover/verdict.ts';

/** A voter that cannot be reached is no reason to keep a stop waiting; what stands is released by the next Run. */
const oneTryMs = 5_000;

/** Takes back what an attempt has left: claims at the voters, the isolation of the master. */
export const release = ({ done, failed }: { readonly done: string; readonly failed: string }) => ({
  settling: scenarioSetup.createStateConfig({
    description: 'Is there anything to take back?',
    meta: { ja: '承認の整理中', en: 'Taking claims back' },
    always: [
      { guard: 'ownClaimStands', target: 'releasingOwn' },
      { guard: 'witnessClaimStands', target: 'releasingWitness' },
      { guard: 'masterIsolated', target: 'rejoining' },
      { target: done, actions: assign({ takeover: undefined }) },
    ],
  }),
  releasingOwn: scenarioSetup.createStateConfig({
    description: 'The appliance grants leases again.',
    meta: { ja: '承認の取り消し中 (アプライアンス)', en: 'Releasing the own vote' },
    entry: wish('lease.release', shortWishMs, () => undefined),
    on: {
      'lease.release.done': { target: 'settling', actions: amendTakeover({ ownClaim: false }) },
      'lease.release.failed': { target: failed, actions: rememberFault },
    },
    after: { shortAnswer: failed },
  }),
  releasingWitness: scenarioSetup.createStateConfig({
    description: 'The witness grants leases again: a claim nobody takes back would leave the master without a witness.',
    meta: { ja: '承認の取り消し中 (ウィットネス)', en: 'Releasing the vote of the witness' },
    entry: wish('witness.release', oneTryMs, witnessAt),
    on: {
      'witness.release.done': { target: 'settling', actions: amendTakeover({ witnessClaim: false }) },
      'witness.release.failed': { target: failed, actions: rememberFault },
    },
    after: { shortAnswer: failed },
  }),
  rejoining: scenarioSetup.createStateConfig({
    description: 'The master comes back to its network.',
    meta: { guide: '10-2', ja: 'マスタのネットワーク復帰中', en: 'Letting the master back' },
    entry: wish('guard.rejoin', oneTryMs, (c) => ({ ...guardAt(c), commandedIn: c.takeover?.isolatedIn ?? c.epoch })),
    on: {
      'guard.rejoin.done': {
        target: 'settling',
        actions: [amendTakeover({ isolatedIn: undefined }), announce('masterRejoined')],
      },
      'guard.rejoin.failed': { target: failed, actions: rememberFault },
    },
    after: { shortAnswer: failed },
  }),
});

/** The lease of the master, kept in order beside replication: claims of earlier attempts go, then the guard is armed. */
export const leaseOrder = scenarioSetup.createStateConfig({
  description: 'The guard on the master holds leases by our terms; nothing of an earlier attempt stands in its way.',
  meta: { ja: 'マスタのリース', en: 'The lease of the master' },
  initial: 'settling',
  on: { 'appliance.restarted': '.settling' },
  states: {
    ...release({ done: 'arming', failed: 'waiting' }),
    arming: {
      description: 'The guard is told its voters and its times.',
      meta: { ja: 'ガードの設定中', en: 'Arming the guard' },
      entry: wish('guard.arm', shortWishMs, (c) => ({
        at: guardAt(c),
        appliance: { host: c.definition.appliance.host, port: c.definition.appliance.port },
        ...(c.definition.fence.witness === undefined ? {} : { witness: c.definition.fence.witness }),
        policy: c.definition.switchover,
        timing: c.definition.fence.timing,
      })),
      on: {
        'guard.arm.done': { target: 'armed', actions: assign({ armed: true }) },
        'guard.arm.failed': {
          target: 'unarmed',
          actions: [rememberFault, announce('guardUnarmed', faultParams)],
        },
      },
      after: { shortAnswer: 'unarmed' },
    },
    armed: {
      description: 'A lapsed lease takes the master off its network.',
      meta: { ja: 'ガード設定済み', en: 'Armed' },
    },
    unarmed: {
      description: 'The guard did not answer: a lapsed lease proves nothing.',
      meta: { ja: 'ガードに接続できません', en: 'The guard cannot be reached' },
      after: { slowRetryIn: 'settling' },
    },
    waiting: {
      meta: { ja: '承認の取り消しの再試行待ち', en: 'Waiting to take claims back' },
      after: { retryIn: 'settling' },
    },
  },
});
