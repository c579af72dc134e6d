import { assign } from 'xstate';
import { announce, endRun, faultParams, rememberFault, scenarioSetup, shortWishMs, wish } from './scenarioSetup.ts';
import { verify } from './verification.ts';

const passed = announce('verificationPassed', ({ verification: { warnings } }): Record<string, number> =>
  warnings.length > 0 ? { warnings: warnings.length } : {},
);
const started = announce('scenarioStarted');

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
        'hypervisor.inspect.done': { target: 'judging', actions: assign({ inventory: ({ event }) => event.result }) },
        'hypervisor.inspect.failed': { target: '#scenario.stopped', actions: verificationFault },
      },
      after: { shortAnswer: { target: '#scenario.stopped', actions: endRun('verificationFailed') } },
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
              })
            : context.verification,
      }),
      always: [
        {
          guard: ({ context }) => context.verification.errors.length > 0,
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
          actions: [passed, announce('traceNotPermitted', (c) => ({ reason: c.master?.hostName ?? '?' })), started],
        },
        { target: '#scenario.preparing', actions: [passed, started] },
      ],
    },
  },
});

const sentences = (findings: readonly { readonly ja: string; readonly en: string }[], language: 'ja' | 'en'): string =>
  findings.map((finding) => finding[language]).join(' / ');
