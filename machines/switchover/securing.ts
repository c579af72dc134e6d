import { announce, amendTakeover, scenarioSetup, shortWishMs, wish } from '#machines/scenario/scenarioSetup.ts';
import { witnessAt } from './verdict.ts';

/**
 * An operator may vouch for a master while the witness is away. That master boots isolated when it is switched on after
 * all, and would rejoin with a lease of that witness: the promise is asked for until it is given.
 */
export const securing = scenarioSetup.createStateConfig({
  description: 'The double serves. Does the witness still owe its promise to let no master in again?',
  meta: {
    guide: '10-4',
    ja: 'スイッチオーバー済み (ウィットネスの承認待ち)',
    en: 'Switched over (waiting for the witness)',
  },
  initial: 'choosing',
  states: {
    choosing: {
      meta: { guide: '10-4', ja: 'ウィットネスの承認の確認中', en: 'Is the promise there' },
      always: [
        { guard: 'witnessMayGrant', target: 'claimingWitness', actions: announce('witnessUnpromised') },
        { target: '#scenario.switchedOver' },
      ],
    },
    claimingWitness: {
      description: 'Whatever the witness remembers: nothing rests on the past any more, only on its promise.',
      meta: { guide: '10-4', ja: 'ウィットネスの承認の要求中', en: 'Claiming the vote of the witness' },
      entry: [
        amendTakeover({ witnessClaim: true }),
        wish('witness.claim', shortWishMs, (c) => ({ ...witnessAt(c), quietForMs: 0 })),
      ],
      on: {
        'witness.claim.done': {
          target: '#scenario.switchedOver',
          actions: [amendTakeover({ witnessPromised: true }), announce('witnessPromised')],
        },
        'witness.claim.failed': 'waitingForWitness',
      },
      after: { shortAnswer: 'waitingForWitness' },
    },
    waitingForWitness: {
      description: 'The operator who knows that the witness is gone for good may vouch once more.',
      meta: { guide: '10-4', ja: 'ウィットネスの応答待ち', en: 'Waiting for the witness' },
      on: {
        'operator.assertMasterOff': {
          target: '#scenario.switchedOver',
          actions: {
            type: 'announce',
            params: ({ event }) => ({ code: 'masterAssertedOff', params: { by: event.by ?? '?' } }),
          },
        },
      },
      after: { slowRetryIn: 'claimingWitness' },
    },
  },
});
