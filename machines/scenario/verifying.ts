import { assign } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import { guardAt, witnessAt } from '#machines/switchover/verdict.ts';
import { syncMethodOf } from './context.ts';
import { announce, endRun, faultParams, rememberFault, scenarioSetup, shortWishMs, wish } from './scenarioSetup.ts';
import { verify } from './verification.ts';

const passed = announce('verificationPassed', ({ verification: { warnings } }): Record<string, number> =>
  warnings.length > 0 ? { warnings: warnings.length } : {},
);
const started = announce('scenarioStarted');
const warned = announce('verificationWarnings', ({ verification: { warnings } }) => ({
  findings: sentences(warnings, 'en'),
  findingsJa: sentences(warnings, 'ja'),
}));

const fenceAnswerMs = 10_000;
/** What cannot be asked cannot be proven; the verdict of the verification says what follows. */
const fenceFault = {
  type: 'rememberFenceFault' as const,
  params: ({ event }: { readonly event: { readonly fault: Fault } }) => event.fault,
};

/** A party that cannot be asked is a failed verification too; the fault says which and why. */
const verificationFault = [endRun('verificationFailed'), rememberFault, announce('fault', faultParams)];

/** Guide 8-1, 8-2: settings, master and hypervisor are checked before anything is touched. */
export const verifying = scenarioSetup.createStateConfig({
  description: 'The master and the hypervisor are asked what they are; nothing is changed.',
  meta: { guide: '8-1', ja: 'シナリオの検証中', en: 'Verifying scenario' },
  initial: 'describingMaster',
  on: {
    'operator.stop': {
      target: '#scenario.stopped',
      actions: [endRun('byUser'), announce('scenarioStopped', () => ({ reason: 'byUser' }))],
    },
  },
  states: {
    describingMaster: {
      meta: { guide: '8-1', ja: 'マスタの確認中', en: 'Asking the master' },
      entry: [
        announce('verificationStarted'),
        wish('master.describe', shortWishMs, (c) => ({
          host: c.definition.master.host,
          port: c.definition.master.port,
        })),
      ],
      on: {
        'master.describe.done': {
          target: 'inspectingHypervisor',
          actions: assign({ master: ({ event }) => event.result }),
        },
        'master.describe.failed': { target: '#scenario.stopped', actions: verificationFault },
      },
      after: { shortAnswer: { target: '#scenario.stopped', actions: endRun('verificationFailed') } },
    },
    inspectingHypervisor: {
      meta: { guide: '6-17', ja: 'ハイパーバイザの確認中', en: 'Asking the hypervisor' },
      entry: wish('hypervisor.inspect', shortWishMs, () => undefined),
      on: {
        'hypervisor.inspect.done': {
          target: 'describingGuard',
          actions: assign({ inventory: ({ event }) => event.result }),
        },
        'hypervisor.inspect.failed': { target: '#scenario.stopped', actions: verificationFault },
      },
      after: { shortAnswer: { target: '#scenario.stopped', actions: endRun('verificationFailed') } },
    },
    describingGuard: {
      description: 'What the guard on the master can do. Its silence is a finding, not the end of the verification.',
      meta: { guide: '6-17', ja: 'マスタのガードの確認中', en: 'Asking the guard' },
      entry: wish('guard.describe', fenceAnswerMs, guardAt),
      on: {
        'guard.describe.done': {
          target: 'choosingVoter',
          actions: assign({ fence: ({ context, event }) => ({ ...context.fence, guard: event.result }) }),
        },
        'guard.describe.failed': { target: 'choosingVoter', actions: fenceFault },
      },
      after: { shortAnswer: 'choosingVoter' },
    },
    choosingVoter: {
      meta: { guide: '6-17', ja: 'ウィットネスの確認中', en: 'Asking the witness' },
      always: [{ guard: 'hasWitness', target: 'readingWitness' }, { target: 'choosingDevice' }],
    },
    readingWitness: {
      description: 'The third voter: who it is, and what it has promised.',
      meta: { guide: '6-17', ja: 'ウィットネスの確認中', en: 'Asking the witness' },
      entry: wish('witness.read', fenceAnswerMs, witnessAt),
      on: {
        'witness.read.done': {
          target: 'choosingDevice',
          actions: assign({ fence: ({ context, event }) => ({ ...context.fence, witness: event.result }) }),
        },
        'witness.read.failed': { target: 'choosingDevice', actions: fenceFault },
      },
      after: { shortAnswer: 'choosingDevice' },
    },
    choosingDevice: {
      meta: { guide: '6-17', ja: 'フェンス装置の確認中', en: 'Asking the fence device' },
      always: [{ guard: 'hasFenceDevice', target: 'readingDevice' }, { target: 'judging' }],
    },
    readingDevice: {
      description: 'A dry reading with the real credentials: found out on a quiet day, not in the emergency.',
      meta: { guide: '6-17', ja: 'フェンス装置の確認中', en: 'Asking the fence device' },
      entry: wish('fence.describe', fenceAnswerMs, () => undefined),
      on: {
        'fence.describe.done': {
          target: 'judging',
          actions: assign({ fence: ({ context, event }) => ({ ...context.fence, devicePower: event.result.power }) }),
        },
        'fence.describe.failed': { target: 'judging', actions: fenceFault },
      },
      after: { shortAnswer: 'judging' },
    },
    judging: {
      description: 'The findings are weighed (guide 8-2): an error ends the run, a warning is told.',
      meta: { guide: '8-2', ja: '検証結果の判定', en: 'Weighing the findings' },
      entry: assign({
        verification: ({ context }) =>
          context.master && context.inventory
            ? verify({
                definition: context.definition,
                master: context.master,
                inventory: context.inventory,
                engineVersion: context.applianceVersion,
                fence: context.fence,
                epoch: context.epoch,
                applianceNode: context.applianceNode,
                capabilities: context.capabilities,
                syncMethod: syncMethodOf(context),
              })
            : context.verification,
      }),
      always: [
        {
          guard: 'verificationFailed',
          target: '#scenario.stopped',
          actions: [
            endRun('verificationFailed'),
            announce('verificationFailed', (c) => ({
              findings: sentences(c.verification.errors, 'en'),
              findingsJa: sentences(c.verification.errors, 'ja'),
            })),
          ],
        },
        {
          guard: ({ context }) => context.verification.warnings.length > 0,
          target: '#scenario.preparing',
          actions: [passed, warned, started],
        },
        { target: '#scenario.preparing', actions: [passed, started] },
      ],
    },
  },
});

const sentences = (findings: readonly { readonly ja: string; readonly en: string }[], language: 'ja' | 'en'): string =>
  findings.map((finding) => finding[language]).join(' / ');
