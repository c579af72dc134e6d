import { assign } from 'xstate';
import { currentCheck, doubleOf } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { announce, longWishMs, rememberFault, scenarioSetup, wish } from '#machines/scenario/scenarioSetup.ts';
import type { Announcement } from '#machines/scenario/scenarioSetup.ts';
import { beginDouble, doubleName, doubleVm, raise } from '#machines/switchover/double.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { recordOf, timeOf, verdictOf } from './facts.ts';
import type { CheckResult, IntegrityTest, TestMode, TestVerdict } from './facts.ts';

type Scope = { readonly context: ScenarioContext };
type PointAnswer = { readonly event: { readonly result: { readonly point: ConsistentPoint | null } } };

function testOf({ test, definition }: ScenarioContext): IntegrityTest {
  if (!test) throw new RangeError(`nothing is tested in scenario ${definition.scenarioId}`);
  return test;
}

const begin = (mode: TestMode, scheduled: boolean, startedAtMs: number): IntegrityTest => ({
  mode,
  scheduled,
  startedAtMs,
  guestUp: false,
  results: [],
  reasons: [],
});

/** Guide 9-1, 9-2: by hand, as a manual or an automatic test. */
export const startTest = {
  guard: 'mayTest' as const,
  target: 'testing',
  actions: {
    type: 'beginTest' as const,
    params: ({ event }: { readonly event: { readonly mode?: TestMode; readonly atMs: number } }) =>
      begin(event.mode ?? 'manual', false, event.atMs),
  },
};

/** By the schedule: always an automatic one, nobody is there to look. */
export const startScheduledTest = {
  guard: 'testIsDue' as const,
  target: 'testing',
  actions: {
    type: 'beginTest' as const,
    params: ({ event }: { readonly event: { readonly atMs: number } }) => begin('automatic', true, event.atMs),
  },
};

/** A test with a reason was not finished, and never passes. */
const because = (reason: string | ((context: ScenarioContext) => string)) => ({
  type: 'amendTest' as const,
  params: ({ context }: Scope) => ({
    reasons: [...testOf(context).reasons, typeof reason === 'string' ? reason : reason(context)],
  }),
});

const becauseOfFault = because(({ lastFault }) => lastFault?.code ?? 'fault');

const cutShort = (reason: string) => ({ target: '.concluding', actions: because(reason) });

/** A fault says nothing about the replica: the test could not be made. */
const notMade = { target: 'concluding', actions: [rememberFault, becauseOfFault] };

const result = ({ context }: Scope, outcome: TestVerdict, evidence: string) => {
  const found: CheckResult = { name: currentCheck(context).name, outcome, evidence };
  return { results: [...testOf(context).results, found] };
};

const verdictCodes: Readonly<Record<TestVerdict, string>> = {
  passed: 'integrityTestPassed',
  failed: 'integrityTestFailed',
  inconclusive: 'integrityTestInconclusive',
};

/** However the test ends: what it has found is told, and remembered with the recovery point it was made from. */
const tellVerdict = {
  type: 'announce' as const,
  params: ({ context }: Scope): Announcement => {
    const { lastTest } = context;
    if (!lastTest) throw new RangeError('a verdict is told before it is given');
    const { verdict, reasons, results, point } = lastTest;
    const doubtful = results.filter(({ outcome }) => outcome !== 'passed');
    const findings = doubtful.map(({ name, evidence }) => `${name}: ${evidence}`).join(' / ');
    return {
      code: verdictCodes[verdict],
      params: {
        replica: doubleName(context),
        checks: results.length,
        ...(point === undefined ? {} : { point: point.sequence }),
        ...(reasons[0] === undefined ? {} : { why: reasons[0] }),
        ...(findings === '' ? {} : { findings }),
      },
    };
  },
};

/** A check has a deadline of its own; what does not answer by then has proven nothing. */
const askGuest = {
  type: 'wish' as const,
  params: ({ context }: Scope) => ({
    name: 'guest.check' as const,
    args: { ...doubleVm(context), check: currentCheck(context) },
    epoch: context.epoch,
    timeoutMs: currentCheck(context).timeoutMs,
  }),
};

/**
 * Assured recovery (guide 9): the replica stands still, a virtual machine on child disks of it boots, and somebody or
 * something looks whether it works. The master goes on working, and the test never holds it up: it gives way to a spool
 * that runs full, to a switchover and to a stop. Whoever leaves this state finds a double to discard.
 */
export const testing = scenarioSetup.createStateConfig({
  description: 'A virtual machine made from the replica is tested; all that it writes is discarded.',
  meta: { guide: '9-1', ja: 'レプリカ整合性テスト', en: 'Integrity test of the replica' },
  initial: 'freezing',
  exit: [
    assign({
      lastTest: ({ context, event }) => recordOf(testOf(context), context.double?.point, timeOf(event)),
    }),
    tellVerdict,
  ],
  on: {
    'operator.endTest': {
      target: '.concluding',
      // Before the VM is ready there is nothing that anybody could have judged.
      actions: because('endedEarly'),
    },
    'replica.spoolNearlyFull': cutShort('spool'),
    'replica.spoolFull': { target: '.concluding', actions: [announce('spoolFull'), because('spool')] },
    'appliance.restarted': { actions: announce('applianceRestarted') },
  },
  after: { testDeadline: cutShort('deadline') },
  states: {
    freezing: {
      description: 'What was acknowledged is applied, then the replica stands still; what follows is spooled.',
      meta: { guide: '9-2', ja: 'レプリカの固定中', en: 'Freezing the replica' },
      entry: [
        announce('integrityTestStarted', (c) => ({ mode: testOf(c).mode })),
        beginDouble({ role: 'testVm', onChildren: true }),
        wish('replica.freeze', longWishMs, () => undefined),
      ],
      on: {
        'replica.freeze.done': [
          {
            guard: ({ event }: PointAnswer) => event.result.point === null,
            target: 'concluding',
            actions: because('noConsistentPoint'),
          },
          {
            target: 'detachingDisk',
            actions: assign({
              double: ({ context, event }) => ({
                ...doubleOf(context),
                ...(event.result.point === null ? {} : { point: event.result.point }),
              }),
            }),
          },
        ],
        'replica.freeze.failed': notMade,
      },
      after: { longAnswer: { target: 'freezing', reenter: true } },
    },
    ...raise({ ready: 'choosingNetwork', failed: 'notRaised' }),
    notRaised: {
      description: 'The host refused a step, or the guest did not come up in time.',
      meta: { guide: '9-3', ja: 'テスト用仮想マシンを起動できません', en: 'The test VM could not be started' },
      entry: becauseOfFault,
      always: 'concluding',
    },
    choosingNetwork: {
      description: 'A test VM has no network unless one is mapped for it (guide 9-3).',
      meta: { guide: '9-3', ja: 'テスト用ネットワークの選択', en: 'Choosing the test network' },
      entry: { type: 'amendTest', params: { guestUp: true } },
      always: [{ guard: 'testNetworkMapped', target: 'pluggingIn' }, { target: 'choosingMode' }],
    },
    pluggingIn: {
      description: 'Into the networks of the test alone; the verification refuses any that production uses.',
      meta: { guide: '9-3', ja: 'テスト用ネットワークの接続中', en: 'Plugging the test network in' },
      entry: wish('hypervisor.setNicsConnected', longWishMs, (c) => ({ ...doubleVm(c), connected: true })),
      on: {
        'hypervisor.setNicsConnected.done': 'choosingMode',
        'hypervisor.setNicsConnected.failed': notMade,
      },
      after: { longAnswer: { target: 'pluggingIn', reenter: true } },
    },
    choosingMode: {
      meta: { guide: '9-2', ja: 'テスト方法の選択', en: 'Choosing how to test' },
      always: [
        { guard: 'isManualTest', target: 'readyForTest' },
        { guard: 'moreChecks', target: 'checking' },
        { target: 'concluding' },
      ],
    },
    readyForTest: {
      description: 'Somebody logs in and looks (guide 9-4); the end of the test is his to say, or a deadline comes.',
      meta: { guide: '9-3', ja: '手動整合性テストの準備完了', en: 'Ready for manual integrity testing' },
      entry: announce('manualTestReady', (c) => ({ replica: doubleName(c) })),
      on: {
        'operator.endTest': {
          target: 'concluding',
          actions: {
            type: 'amendTest',
            params: ({ context, event: { verdict } }) =>
              verdict === undefined ? { reasons: [...testOf(context).reasons, 'notJudged'] } : { judged: verdict },
          },
        },
      },
    },
    checking: {
      description: 'One check after the other, each within its own time.',
      meta: { guide: 'product 9', ja: '自動整合性テストの実行中', en: 'Checking the guest' },
      entry: askGuest,
      on: {
        'guest.check.done': {
          target: 'nextCheck',
          actions: {
            type: 'amendTest',
            params: ({ context, event }) => result({ context }, event.result.outcome, event.result.evidence),
          },
        },
        'guest.check.failed': {
          target: 'nextCheck',
          actions: [
            rememberFault,
            {
              type: 'amendTest',
              params: ({ context, event }) => result({ context }, 'inconclusive', event.fault.code),
            },
          ],
        },
      },
      after: {
        checkAnswer: {
          target: 'nextCheck',
          actions: {
            type: 'amendTest',
            params: ({ context }) => result({ context }, 'inconclusive', 'timedOut'),
          },
        },
      },
    },
    nextCheck: {
      meta: { guide: 'product 9', ja: '自動整合性テストの実行中', en: 'Checking the guest' },
      always: [{ guard: 'moreChecks', target: 'checking' }, { target: 'concluding' }],
    },
    concluding: {
      description: 'The verdict is given before anything is taken away.',
      meta: { guide: '9-6', ja: '整合性テストの判定', en: 'Giving the verdict' },
      entry: { type: 'amendTest', params: ({ context }) => ({ verdict: verdictOf(testOf(context)) }) },
      always: '#scenario.replicating.flow.discarding',
    },
  },
});
