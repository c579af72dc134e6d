import { announce, amendTakeover, scenarioSetup, shortWishMs, wish } from '#machines/scenario/scenarioSetup.ts';
import { witnessAt } from './verdict.ts';

/**
 * An operator may vouch for a master while the witness is away. That master boots isolated when it is switched on after
 * all, and rejoins with a lease of that witness: nothing is plugged in before the witness has promised to give none.
 */
export const securing = scenarioSetup.createStateConfig({
  description: 'Does the witness still owe its promise to let no master in again?',
  meta: { guide: '10-3', ja: 'ウィットネスの承認の確認中', en: 'Securing the promise of the witness' },
  initial: 'choosing',
  states: {
    choosing: {
      meta: { guide: '10-3', ja: 'ウィットネスの承認の確認中', en: 'Is the promise there' },
      always: [{ guard: 'witnessMayGrant', target: 'claimingWitness' }, { target: '#scenario.switchingOver.probing' }],
    },
    claimingWitness: {
      description: 'Whatever the witness remembers: nothing rests on the past any more, only on its promise.',
      meta: { guide: '10-3', ja: 'ウィットネスの承認の要求中', en: 'Claiming the vote of the witness' },
      entry: [
        amendTakeover({ witnessClaim: true }),
        wish('witness.claim', shortWishMs, (c) => ({ ...witnessAt(c), quietForMs: 0 })),
      ],
      on: {
        'witness.claim.done': {
          target: '#scenario.switchingOver.probing',
          actions: [amendTakeover({ witnessSettled: true }), announce('witnessPromised')],
        },
        'witness.claim.failed': { target: 'waitingForWitness', actions: announce('witnessUnpromised') },
      },
      after: { shortAnswer: { target: 'waitingForWitness', actions: announce('witnessUnpromised') } },
    },
    waitingForWitness: {
      description: 'The operator who knows that the witness is gone for good may vouch once more.',
      meta: {
        guide: '10-3',
        ja: 'ウィットネスが応答しません (管理者の再確認待ち)',
        en: 'The witness does not answer (waiting for the operator to vouch again)',
      },
      on: {
        'operator.assertMasterOff': {
          target: '#scenario.switchingOver.probing',
          actions: [
            amendTakeover({ witnessSettled: true }),
            {
              type: 'announce',
              params: ({ event }) => ({ code: 'masterAssertedOff', params: { by: event.by ?? '?' } }),
            },
          ],
        },
      },
      after: { slowRetryIn: 'claimingWitness' },
    },
  },
});
