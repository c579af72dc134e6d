import { assign, raise } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import {
  amendTakeover,
  announce,
  faultParams,
  proveFence,
  rememberFault,
  scenarioSetup,
  shortWishMs,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import { takeoverOf } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';

/** A living master answers at once; a dead one never does, and the double waits for no answer that cannot come. */
const isolationMs = 3_000;
const fenceMs = 30_000;

const masterAt = ({ definition }: ScenarioContext) => ({
  host: definition.master.host,
  port: definition.master.port,
  guardPort: definition.master.guardPort,
});
export const guardAt = ({ definition }: ScenarioContext) => ({
  host: definition.master.host,
  port: definition.master.guardPort,
});
export const witnessAt = ({ definition }: ScenarioContext) => {
  const { witness } = definition.fence;
  if (!witness) throw new RangeError(`scenario ${definition.scenarioId} has no witness`);
  return witness;
};

/** The second look (guide 10): new connections to engine and guard, nothing reused. */
export const lookAgain = wish('master.look', shortWishMs, masterAt);

/** A voter that granted a lease within its validity speaks for a living master. */
const quietForMs = (context: ScenarioContext): number =>
  takeoverOf(context).cause === 'masterDown' ? context.definition.fence.timing.leaseMs : 0;

/** Whoever told the operator's command to isolate it finds it there after all. */
const heardAgain = [
  { guard: 'isOperatorsWish' as const, target: 'isolatingMaster' },
  { target: '#scenario.replicating', actions: announce('takeoverWithdrawn', () => ({ why: 'heard' })) },
];

/** Nothing comes of it: the double goes, the claims are released, and the watch goes on. */
const standDown = (why: string) => ({
  target: '#scenario.replicating',
  actions: announce('takeoverWithdrawn', () => ({ why })),
});

/** The application may recover, or an operator decides; it is not tried again before it was well. */
const ailmentGivenUp = {
  target: '#scenario.replicating',
  actions: ['giveUpUnwell' as const, announce('takeoverWithdrawn', () => ({ why: 'isolationRefused' }))],
};

const unproven = { target: 'unproven', actions: [rememberFault, announce('fenceUnproven', faultParams)] };

const vouched = {
  target: 'proven',
  actions: [
    proveFence('operatorAssertion'),
    {
      type: 'announce' as const,
      params: ({ event }: { readonly event: { readonly by?: string } }) => ({
        code: 'masterAssertedOff' as const,
        params: { by: event.by ?? '?' },
      }),
    },
  ],
};

/** Who isolates remembers in which epoch: only that isolation is taken back. */
const rememberIsolation = {
  type: 'amendTakeover' as const,
  params: ({ context }: { readonly context: ScenarioContext }) => ({ isolatedIn: context.epoch }),
};

/** Whether the claim may have been taken although we did not hear so. */
const mayStand = ({ event }: { readonly event: { readonly fault: Fault } }): boolean =>
  event.fault.effect === 'unknown' || event.fault.code === 'unreachable';

/** The witness has lost its memory, and promises nothing about it. */
const hasForgotten = ({ event }: { readonly event: { readonly fault: Fault } }): boolean =>
  event.fault.code === 'claimRefused' && event.fault.params['reason'] === 'forgetful';

/**
 * Whether the double may take over. It is the case only when it is proven that the master serves nobody: it confirmed
 * its isolation, its power was read back as off, every lease it can hold has lapsed, or the operator vouches for it.
 * A voice of the master before that takes everything back.
 */
export const verdict = scenarioSetup.createStateConfig({
  description: 'Is it proven that the master serves nobody any more?',
  meta: { guide: '10', ja: 'マスタ停止の確認中', en: 'Proving that the master has stopped' },
  initial: 'opening',
  on: {
    'appliance.restarted': '.opening',
    'master.notice': {
      guard: ({ context }) => context.takeover?.cause !== 'operator' && context.takeover?.proof === undefined,
      target: '#scenario.replicating',
      actions: [
        assign({ maintenanceMs: ({ event }) => event.forMs }),
        announce('takeoverWithdrawn', () => ({ why: 'notice' })),
      ],
    },
  },
  states: {
    opening: {
      meta: { guide: '10', ja: 'マスタ停止の確認中', en: 'Proving that the master has stopped' },
      always: [
        { guard: 'isFenceProven', target: 'proven' },
        { guard: 'isCooperative', target: 'claiming' },
        { guard: 'isSpeculative', target: 'suspecting' },
        { target: 'lookingAgain' },
      ],
    },
    suspecting: {
      description: 'The rest of the Is-Alive timeout runs, while the double boots already.',
      meta: { guide: '10', ja: 'マスタ応答なし (代替仮想マシンを起動中)', en: 'Master silent (the double boots)' },
      on: { 'master.heard': standDown('heard') },
      after: { restOfSuspicion: 'lookingAgain' },
    },
    lookingAgain: {
      description: 'The second, independent look. Whatever is not silence of engine and guard counts as life.',
      meta: { guide: '10', ja: 'マスタの再確認中', en: 'Looking again' },
      entry: lookAgain,
      on: {
        'master.heard': standDown('heard'),
        'master.look.done': [
          { guard: ({ event }) => event.result.alive, ...standDown('alive') },
          {
            target: 'claiming',
            actions: {
              type: 'announce',
              params: ({ event }) => ({ code: 'masterDown', params: { evidence: event.result.evidence } }),
            },
          },
        ],
        'master.look.failed': standDown('unknown'),
      },
      after: { shortAnswer: standDown('unknown') },
    },
    claiming: {
      description: "The appliance's own vote stops granting leases, before anybody else is asked.",
      meta: { guide: '10', ja: '交代の承認中 (アプライアンス)', en: 'Claiming the own vote' },
      entry: [
        amendTakeover({ ownClaim: true }),
        wish('lease.claim', shortWishMs, (c) => ({ quietForMs: quietForMs(c) })),
      ],
      on: {
        // Nothing was told to the master yet.
        'master.well': { guard: 'mastersAilment', ...standDown('well') },
        'lease.claim.done': [
          {
            guard: 'isCooperative',
            target: 'isolatingMaster',
            actions: assign({
              takeover: ({ context, event }) => ({
                ...takeoverOf(context),
                sinceLastGrantMs: event.result.sinceLastGrantMs,
              }),
            }),
          },
          {
            guard: 'hasWitness',
            target: 'claimingWitness',
            actions: assign({
              takeover: ({ context, event }) => ({
                ...takeoverOf(context),
                sinceLastGrantMs: event.result.sinceLastGrantMs,
              }),
            }),
          },
          { target: 'unproven', actions: announce('fenceUnproven', () => ({ faultCode: 'noWitness' })) },
        ],
        'lease.claim.failed': {
          ...standDown('leased'),
          actions: [rememberFault, announce('claimRefused', faultParams)],
        },
      },
      after: { shortAnswer: standDown('unknown') },
    },
    isolatingMaster: {
      description: 'Guide 10-2: the guard takes the master off its network and confirms it. A dead one cannot.',
      meta: { guide: '10-2', ja: 'マスタの切り離し中', en: 'Isolating the master' },
      entry: [rememberIsolation, wish('guard.isolate', isolationMs, guardAt)],
      on: {
        'guard.isolate.done': { target: 'proven', actions: [proveFence('masterIsolated'), announce('masterIsolated')] },
        'guard.isolate.failed': [
          // It lives and does not leave: two active sides would be worse than an ailing application.
          { guard: 'mastersAilment', ...ailmentGivenUp },
          { guard: 'hasWitness', target: 'claimingWitness', actions: rememberFault },
          { guard: 'deviceProves', target: 'poweringOff', actions: rememberFault },
          unproven,
        ],
      },
      after: {
        shortAnswer: [
          { guard: 'mastersAilment', ...ailmentGivenUp },
          { target: 'unproven', actions: announce('fenceUnproven') },
        ],
      },
    },
    claimingWitness: {
      description: 'The witness promises to grant no more leases, unless it heard the master lately.',
      meta: { guide: '10', ja: '交代の承認中 (ウィットネス)', en: 'Claiming the vote of the witness' },
      entry: [
        amendTakeover({ witnessClaim: true }),
        wish('witness.claim', shortWishMs, (c) => ({
          ...witnessAt(c),
          quietForMs: quietForMs(c),
          generation: c.fence.witness?.generation ?? '',
        })),
      ],
      on: {
        'master.heard': heardAgain,
        // Nobody who knows that it is off waits for a witness that may be gone; what it owes is secured later.
        'operator.assertMasterOff': { guard: 'isOperatorsWish', ...vouched },
        'witness.claim.done': {
          target: 'choosingFence',
          actions: assign({
            takeover: ({ context, event }) => {
              const takeover = takeoverOf(context);
              const sinceLastGrantMs = Math.min(takeover.sinceLastGrantMs, event.result.sinceLastGrantMs);
              return { ...takeover, sinceLastGrantMs, witnessSettled: true };
            },
          }),
        },
        'witness.claim.failed': [
          {
            guard: 'isOperatorsWish',
            target: 'unproven',
            actions: [rememberFault, announce('fenceUnproven', faultParams)],
          },
          // It learns of the scenario again from a living master only: asking once more changes nothing.
          {
            guard: hasForgotten,
            target: 'unproven',
            actions: [amendTakeover({ witnessClaim: false }), rememberFault, announce('fenceUnproven', faultParams)],
          },
          {
            guard: mayStand,
            target: '#scenario.replicating',
            actions: [rememberFault, announce('claimUnanswered', faultParams)],
          },
          {
            target: '#scenario.replicating',
            actions: [amendTakeover({ witnessClaim: false }), rememberFault, announce('claimRefused', faultParams)],
          },
        ],
      },
      after: { shortAnswer: standDown('unknown') },
    },
    choosingFence: {
      description:
        'Both voters have promised: the surest proof that there is comes first. A guard that was never armed would let a master serve that is only switched on again.',
      meta: { guide: '10', ja: 'フェンス方式の選択', en: 'Choosing the fence' },
      always: [
        { guard: 'deviceProves', target: 'poweringOff' },
        { guard: 'leaseProves', target: 'waitingOutLease' },
        { target: 'unproven', actions: announce('fenceUnproven', () => ({ faultCode: 'fenceUnprovable' })) },
      ],
    },
    poweringOff: {
      description: 'Its power is taken away from outside and read back.',
      meta: { guide: '10', ja: 'マスタの電源切断中', en: 'Powering the master off' },
      entry: wish('fence.powerOff', fenceMs, () => undefined),
      on: {
        'fence.powerOff.done': { target: 'proven', actions: [proveFence('poweredOff'), announce('masterPoweredOff')] },
        'fence.powerOff.failed': [
          {
            guard: 'leaseProves',
            target: 'waitingOutLease',
            actions: [rememberFault, announce('fenceDeviceFailed', faultParams)],
          },
          unproven,
        ],
      },
      after: { shortAnswer: { target: 'unproven', actions: announce('fenceUnproven') } },
    },
    waitingOutLease: {
      description: 'Every lease the master can hold lapses, its guard isolates it, or the watchdog resets it.',
      meta: { guide: '10', ja: 'リース失効待ち', en: 'Waiting for the lease to lapse' },
      entry: announce('waitingOutLease'),
      on: { 'master.heard': heardAgain },
      after: {
        safeWaitRemaining: { target: 'proven', actions: [proveFence('leaseLapsed'), announce('masterLeaseLapsed')] },
      },
    },
    unproven: {
      description: 'Nothing here proves it. The operator who knows that the master is off may say so; nobody else.',
      meta: {
        guide: '6-16',
        ja: 'マスタの停止を証明できません (管理者の確認待ち)',
        en: 'The end of the master is unproven (waiting for the operator)',
      },
      on: {
        'master.heard': heardAgain,
        'operator.assertMasterOff': vouched,
        'operator.giveUpSwitchover': standDown('operator'),
      },
      // A fence device that was out of reach may be back.
      after: { slowRetryIn: [{ guard: 'isOperatorsWish', target: 'isolatingMaster' }, { target: 'lookingAgain' }] },
    },
    proven: {
      description: 'The master serves nobody: from here on the double is the active side.',
      meta: { guide: '10', ja: 'マスタの停止を確認済み', en: 'The master has certainly stopped' },
      entry: [
        raise({ type: 'fence.proven' }),
        announce('switchoverStarted', (c) => ({ cause: c.takeover?.cause ?? '', proof: c.takeover?.proof ?? '' })),
      ],
      type: 'final',
    },
  },
});
