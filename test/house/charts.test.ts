import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import { statePath } from '#machines/host/step.ts';
import { faultTable } from '#machines/faults.ts';
import { answerTo } from '#machines/scenario/commands.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import { masterGuardLateness } from '#machines/masterGuard/guardSetup.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import type { ScenarioContext, ScenarioInput } from '#machines/scenario/context.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { definition } from '#test/unit/machines/scriptedSite.ts';
import { explore } from './explore.ts';
import { fullContext, nodesOf, wishesOf } from './chartNodes.ts';

const input: ScenarioInput = {
  definition: { ...definition },
  applianceVersion: '1',
  applianceNode: 'appliance',
  capabilities: ['speculation', 'assuredRecovery', 'reverseReplication', 'dataRecovery', 'offline'],
};

const nodes = [...nodesOf(scenarioChart), ...nodesOf(masterGuardChart)];
const contexts = { scenario: fullContext(input), masterGuard: { host: 'h', epoch: 1, servingEpoch: 1 } };
/** Where speculation and where tests are chosen: both at once bring no state that neither has. */
const snapshots = [
  ...explore(scenarioChart, { ...input, capabilities: ['speculation'] }).snapshots,
  ...explore(scenarioChart, {
    ...input,
    definition: { ...definition, switchover: 'manual', speculation: false, assuredRecovery: { checks: [] } },
    capabilities: ['assuredRecovery'],
  }).snapshots,
];

describe('laws of the charts (house, section 4)', () => {
  it('L1: only wishes, announcements, raise, after, cancel, assign; no invoke, no spawn', () => {
    expect(breachesOfL1(nodes)).toEqual([]);
  });

  it('L2: a state that voices a wish takes its answer, its fault, and bounds its wait', () => {
    expect(breachesOfL2(nodes)).toEqual([]);
  });

  it('L1 and L2 notice a guilty chart', () => {
    const guilty = setup({ actions: { log: () => {}, wish: (_scope, _wish: object) => {} } }).createMachine({
      id: 'guilty',
      entry: 'log',
      initial: 'asking',
      states: {
        asking: {
          entry: { type: 'wish', params: () => ({ name: 'hypervisor.powerOnVm' }) },
          on: { 'hypervisor.powerOnVm.done': {} },
        },
      },
    });
    expect(breachesOfL1(nodesOf(guilty))).toEqual([expect.stringContaining('guilty uses log')]);
    expect(breachesOfL2(nodesOf(guilty))).toEqual([
      expect.stringContaining('powerOnVm.failed'),
      expect.stringContaining('waits for ever'),
    ]);
  });

  it('L2 has wishes to look at', () => {
    expect(nodes.flatMap((node) => wishesOf(node, contextOf(node))).length).toBeGreaterThan(12);
  });

  it('L7: in every reachable state every command is accepted, or refused with a reason in both languages', () => {
    for (const snapshot of snapshots)
      for (const command of operatorCommands) {
        const answer = answerTo(snapshot, command);
        if (!answer.accepted)
          expect(
            [answer.code, answer.ja, answer.en].every((text) => text.length > 3),
            `${statePath(snapshot.value)} refuses ${command} without a reason`,
          ).toBe(true);
      }
  });

  it('L9: no path reaches switchedOver without a completed synchronization, in a new epoch', () => {
    expect(snapshots.some(({ value }) => value === 'switchedOver')).toBe(true);
    expect(snapshots.flatMap(breachesOfL9)).toEqual([]);
  });

  it('L9 notices a double booted from a half-copied replica, and one in the old epoch', () => {
    const over = snapshots.find(({ value }) => value === 'switchedOver');
    const forged = (context: object) => ({ value: 'switchedOver', context: { ...over?.context, ...context } });
    expect(breachesOfL9(forged({ synchronized: false }))).toHaveLength(1);
    expect(breachesOfL9(forged({ epoch: 1 }))).toHaveLength(1);
  });

  it('L8: the double gets its network only in an epoch with a proof, a booted double, and nobody at the addresses', () => {
    const connecting = snapshots.filter(({ value }) => isConnecting(value));
    expect(connecting.length).toBeGreaterThan(10);
    expect(connecting.flatMap(breachesOfL8)).toEqual([]);
  });

  it('L8 notices a gate that opens without a proof, and one without a double', () => {
    const connecting = snapshots.find(({ value }) => isConnecting(value));
    const forged = (change: object) => ({ context: { ...connecting?.context, ...change } });
    expect(breachesOfL8(forged({ takeover: { ...connecting?.context.takeover, proof: undefined } }))).toHaveLength(1);
    expect(breachesOfL8(forged({ double: undefined }))).toHaveLength(1);
    expect(breachesOfL8(forged({ double: { ...connecting?.context.double, role: 'testVm' } }))).toHaveLength(1);
  });

  it('every delay says what being late means', () => {
    const delays = nodes.flatMap((node) => node.after.map(({ delay }) => String(delay)));
    expect(delays.filter((delay) => !(delay in scenarioLateness) && !(delay in masterGuardLateness))).toEqual([]);
  });

  it('every state has words in both languages', () => {
    const wordless = nodes
      .filter((node) => node.parent && !(node.meta?.ja && node.meta?.en))
      .map(({ id }) => `${id}: give it meta {ja, en}`);
    expect(wordless).toEqual([]);
  });

  it('every fault has its sentence in both languages', () => {
    expect(Object.entries(faultTable).filter(([, { ja, en }]) => !ja || !en)).toEqual([]);
  });
});

const isConnecting = (value: unknown): boolean =>
  value === 'switchedOver' || (value as { switchingOver?: string }).switchingOver === 'connecting';

function breachesOfL8({ context }: Pick<AnyMachineSnapshot, 'context'>): string[] {
  const { takeover, double } = context as ScenarioContext;
  return [
    ...(takeover?.proof === undefined ? ['plugged in without a proof that the master has stopped'] : []),
    ...(double?.vmId === undefined || double.role !== 'substituteVm' ? ['plugged in something that is no double'] : []),
  ];
}

function breachesOfL9({ value, context }: Pick<AnyMachineSnapshot, 'value' | 'context'>): string[] {
  if (value !== 'switchedOver') return [];
  return [
    ...(context.synchronized ? [] : ['switched over without a completed synchronization']),
    ...(context.epoch > 1 ? [] : ['switched over without raising the epoch']),
    ...(context.substituteVmId === undefined ? ['switched over without a substitute VM'] : []),
  ];
}

function breachesOfL1(all: readonly AnyStateNode[]): string[] {
  const allowed = new Set([
    'wish',
    'announce',
    'endRun',
    'rememberFault',
    'rememberFenceFault',
    'beginTakeover',
    'beginDouble',
    'amendTakeover',
    'beginTest',
    'amendTest',
    'suspendBySchedule',
    'noteSilence',
    'giveUpUnwell',
    'firstDisk',
    'nextDisk',
    'xstate.assign',
    'xstate.raise',
    'xstate.cancel',
  ]);
  return all.flatMap((node) => [
    ...node.invoke.map(({ src }) => `${node.id} invokes ${String(src)}: voice a wish instead`),
    ...actionTypes(node)
      .filter((type) => !allowed.has(type))
      .map((type) => `${node.id} uses ${type}: voice a wish, announce, or assign`),
  ]);
}

const contextOf = (node: AnyStateNode): unknown => contexts[node.machine.id as keyof typeof contexts] ?? {};

function breachesOfL2(all: readonly AnyStateNode[]): string[] {
  return all.flatMap((node) =>
    wishesOf(node, contextOf(node)).flatMap((wish) => {
      const heard = new Set(node.transitions.keys());
      return [
        ...(heard.has(`${wish}.done`) ? [] : [`${node.id} voices ${wish} and does not take ${wish}.done`]),
        ...(heard.has(`${wish}.failed`) ? [] : [`${node.id} voices ${wish} and does not take ${wish}.failed`]),
        ...(node.after.length > 0 ? [] : [`${node.id} voices ${wish} and waits for ever: give it an after`]),
      ];
    }),
  );
}

function actionTypes(node: AnyStateNode): string[] {
  const transitions = [...node.transitions.values()].flat();
  return [...node.entry, ...node.exit, ...transitions.flatMap(({ actions }) => actions)].map((action) =>
    typeof action === 'function'
      ? ((action as { type?: string }).type ?? action.name)
      : typeof action === 'string'
        ? action
        : action.type,
  );
}
