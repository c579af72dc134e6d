import { describe, expect, it } from 'vitest';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { invariants, Watch } from '#simulators/checkers/invariants.ts';
import type { Observation, Terms } from '#simulators/checkers/observation.ts';
import { shortIsAlive, shortTiming } from '#simulators/harness/shortTimes.ts';

const terms: Terms = {
  timing: shortTiming,
  isAlive: shortIsAlive,
  switchover: 'automatic',
  hasFenceDevice: false,
  hasWitness: true,
  productionAddresses: ['192.0.2.10'],
  bootMs: 20_000,
};
const waitMs = safeWaitMs(shortTiming);

type Facts = { readonly [detail: string]: unknown };
const seen = (t: number, kind: Observation['kind'], facts: Facts = {}): Observation =>
  ({ t, kind, ...facts }) as unknown as Observation;
const host = (t: number, facts: Facts = {}): Observation =>
  seen(t, 'host', { powered: true, frozen: false, blocked: false, by: 'lease', ...facts });
const vm = (t: number, facts: Facts = {}): Observation =>
  seen(t, 'vm', {
    vmId: '1',
    name: 'double',
    role: 'substituteVm',
    scenario: '1',
    powered: true,
    connected: true,
    production: true,
    disks: ['[ds] a.vmdk'],
    guestUp: true,
    ...facts,
  });
const vote = (t: number, kind: 'grant' | 'claim', voter: string, epoch: number): Observation =>
  seen(t, kind, { voter, epoch, automatic: true });
const probe = (t: number, answered = false): Observation =>
  seen(t, 'probe', { addresses: terms.productionAddresses, answered });
const chart = (t: number, from: string, state: string, facts: Facts = {}): Observation =>
  seen(t, 'chart', { event: 'e', from, state, taken: 'taken', recorded: true, deadlines: 1, wishes: 0, ...facts });
const ended = (t: number, facts: Facts = {}): Observation =>
  seen(t, 'ended', { state: 'replicating', settled: true, onlyHarmless: false, serving: ['master'], ...facts });

/** For each invariant what it must let pass, and what it must catch. */
const cases: Record<string, { readonly good: readonly Observation[]; readonly bad: readonly Observation[] }> = {
  S1: { good: [host(0), host(1, { blocked: true }), vm(2)], bad: [host(0), vm(1)] },
  S2: {
    good: [
      ...(['appliance', 'witness'] as const).flatMap((voter) => [
        vote(0, 'grant', voter, 1),
        vote(1, 'claim', voter, 2),
      ]),
      vm(waitMs + 1),
    ],
    bad: [
      ...(['appliance', 'witness'] as const).flatMap((voter) => [
        vote(0, 'grant', voter, 1),
        vote(1, 'claim', voter, 2),
      ]),
      vm(waitMs / 2),
    ],
  },
  S3: {
    good: [
      vote(0, 'claim', 'witness', 2),
      seen(1, 'release', { voter: 'witness', epoch: 2 }),
      vote(2, 'grant', 'witness', 1),
    ],
    bad: [vote(0, 'claim', 'witness', 2), vote(1, 'grant', 'witness', 1)],
  },
  S4: {
    good: [
      host(0),
      seen(0, 'policy', { switchover: 'automatic' }),
      vote(0, 'grant', 'witness', 1),
      seen(waitMs, 'tick'),
    ],
    bad: [
      host(0),
      seen(0, 'policy', { switchover: 'automatic' }),
      vote(0, 'grant', 'witness', 1),
      seen(waitMs + 1, 'tick'),
    ],
  },
  S5: {
    good: [seen(0, 'durableEpoch', { node: 'a', epoch: 2 }), seen(1, 'durableEpoch', { node: 'b', epoch: 1 })],
    bad: [seen(0, 'durableEpoch', { node: 'a', epoch: 2 }), seen(1, 'durableEpoch', { node: 'a', epoch: 1 })],
  },
  S6: {
    good: [
      seen(0, 'actuated', { actuator: 'guard', name: 'arm', epoch: 1 }),
      seen(1, 'actuated', { actuator: 'guard', name: 'arm', epoch: 2 }),
    ],
    bad: [
      seen(0, 'actuated', { actuator: 'guard', name: 'arm', epoch: 2 }),
      seen(1, 'actuated', { actuator: 'guard', name: 'arm', epoch: 1 }),
    ],
  },
  S7: {
    good: [seen(0, 'booted', { armed: true }), vote(1, 'grant', 'witness', 1), host(2)],
    bad: [seen(0, 'booted', { armed: true }), host(1)],
  },
  S8: { good: [probe(0), vm(9_000)], bad: [probe(0), vm(11_000)] },
  S9: {
    good: [seen(0, 'look', { alive: false }), vote(0, 'grant', 'witness', 1), vote(6_000, 'claim', 'witness', 2)],
    bad: [seen(0, 'look', { alive: true }), vote(1, 'claim', 'appliance', 2)],
  },
  S10: {
    good: [host(0), host(1, { blocked: true })],
    bad: [host(0), seen(0, 'policy', { switchover: 'manual' }), host(1, { blocked: true })],
  },
  S11: {
    good: [seen(0, 'notice', { forMs: 1_000 }), vote(1_001, 'claim', 'witness', 2)],
    bad: [seen(0, 'notice', { forMs: 1_000 }), vote(999, 'claim', 'witness', 2)],
  },
  S12: { good: [vm(0), vm(1, { powered: false })], bad: [vm(0), vm(1, { scenario: '2' })] },
  D1: {
    good: [seen(0, 'acknowledged', { upTo: 5 }), seen(1, 'presented', { role: 'substituteVm', prefix: 6 })],
    bad: [seen(0, 'acknowledged', { upTo: 5 }), seen(1, 'presented', { role: 'substituteVm', prefix: 4 })],
  },
  D2: {
    good: [seen(0, 'acknowledged', { upTo: 5 }), seen(1, 'recovered', { upTo: 5 })],
    bad: [seen(0, 'acknowledged', { upTo: 5 }), seen(1, 'recovered', { upTo: 4 })],
  },
  D3: {
    good: [seen(0, 'applied', { id: 1 }), seen(1, 'applied', { id: 2 })],
    bad: [seen(0, 'applied', { id: 1 }), seen(1, 'applied', { id: 3 })],
  },
  D8: {
    good: [
      seen(0, 'synchronizing', { image: '[ds] a.vmdk' }),
      seen(1, 'synchronized', { image: '[ds] a.vmdk' }),
      vm(2),
    ],
    bad: [seen(0, 'synchronizing', { image: '[ds] a.vmdk' }), vm(1)],
  },
  D12: {
    good: [seen(0, 'lossReported', { writes: 3, completed: 8, prefix: 5 })],
    bad: [seen(0, 'lossReported', { writes: 2, completed: 8, prefix: 5 })],
  },
  D13: {
    good: [vm(0), vm(1, { powered: false, connected: false }), seen(2, 'targetRestarted', { equal: true })],
    bad: [vm(0), seen(2, 'targetRestarted', { equal: true })],
  },
  D14: {
    good: [seen(0, 'told', { code: 'mappingConfirmed' }), seen(1, 'targetWritten')],
    bad: [
      seen(0, 'told', { code: 'mappingConfirmed' }),
      seen(1, 'told', { code: 'targetVerificationStarted' }),
      seen(2, 'targetWritten'),
    ],
  },
  D15: {
    good: [
      seen(0, 'opened', { image: 'a', by: 'replica' }),
      seen(1, 'closed', { image: 'a', by: 'replica' }),
      seen(2, 'opened', { image: 'a', by: 'vm' }),
    ],
    bad: [seen(0, 'opened', { image: 'a', by: 'replica' }), seen(1, 'opened', { image: 'a', by: 'vm' })],
  },
  A1: {
    good: [
      seen(0, 'testStarted', { prefix: 3 }),
      seen(1, 'testEnded', { outcome: 'passed', guestUp: true, checked: true }),
      seen(2, 'presented', { role: 'substituteVm', prefix: 4 }),
    ],
    bad: [seen(0, 'testStarted', { prefix: 3 }), seen(2, 'presented', { role: 'substituteVm', prefix: undefined })],
  },
  A2: { good: [vm(0, { role: 'testVm', production: false })], bad: [vm(0, { role: 'testVm' })] },
  A3: {
    good: [seen(0, 'testStarted', { prefix: 0 }), seen(1, 'spool', { bytes: 9, bytesMax: 10, held: true })],
    bad: [seen(0, 'testStarted', { prefix: 0 }), seen(1, 'spool', { bytes: 10, bytesMax: 10, held: true })],
  },
  A4: {
    good: [vm(0, { vmId: '2', role: 'testVm', production: false }), seen(1, 'vmGone', { vmId: '2' }), vm(2)],
    bad: [vm(0, { vmId: '2', role: 'testVm', production: false }), vm(2)],
  },
  A5: {
    good: [vm(0, { role: 'testVm' }), seen(1, 'vmGone', { vmId: '1' }), ended(2)],
    bad: [vm(0, { role: 'testVm' }), ended(2)],
  },
  A6: {
    good: [seen(0, 'testEnded', { outcome: 'inconclusive', guestUp: false, checked: false })],
    bad: [seen(0, 'testEnded', { outcome: 'passed', guestUp: false, checked: true })],
  },
  C1: {
    good: [seen(0, 'commandAccepted', { commandId: 'a' }), seen(1, 'historyRead', { commandIds: ['a'] })],
    bad: [seen(0, 'commandAccepted', { commandId: 'a' }), seen(1, 'historyRead', { commandIds: [] })],
  },
  C2: { good: [vm(0), seen(1, 'vmGone', { vmId: '1' }), vm(2, { vmId: '2' })], bad: [vm(0), vm(1, { vmId: '2' })] },
  C3: { good: [ended(0)], bad: [seen(0, 'litter', { what: 'a child disk' })] },
  C4: {
    good: [chart(0, 'a', 'b'), seen(1, 'replayed', { chart: 'scenario' })],
    bad: [seen(1, 'replayed', { chart: 'scenario', difference: 'it stands elsewhere' })],
  },
  C5: {
    good: [
      chart(0, 'a', 'takingOver', { wishes: 1 }),
      seen(1, 'timerFired', { id: 'x', dueMs: 1, startedMs: 0, ticket: '1' }),
    ],
    bad: [chart(0, 'a', 'takingOver', { wishes: 1, deadlines: 0 })],
  },
  C7: {
    good: [vm(0), seen(1, 'told', { code: 'switchoverCompleted' })],
    bad: [vm(0, { guestUp: false }), seen(1, 'told', { code: 'switchoverCompleted' })],
  },
  C9: {
    good: [
      seen(0, 'hypervisorCall', { name: 'inspect', mutates: false, sessionId: '1' }),
      seen(1, 'hypervisorCall', { name: 'createVm', mutates: true, sessionId: '1' }),
    ],
    bad: [seen(1, 'hypervisorCall', { name: 'createVm', mutates: true, sessionId: '1' })],
  },
  L1: { good: [ended(0)], bad: [ended(0, { settled: false, state: 'takingOver' })] },
  L2: {
    good: [seen(0, 'strike'), host(0, { powered: false }), vm(120_000)],
    bad: [seen(0, 'strike'), host(0, { powered: false }), vm(300_000)],
  },
  L5: {
    good: [
      chart(0, 'replicating', 'stopped'),
      seen(1, 'told', { code: 'scenarioStopped' }),
      ended(1_000_000, { state: 'stopped' }),
    ],
    bad: [chart(0, 'replicating', 'stopped'), ended(1_000_000, { state: 'stopped' })],
  },
  L8: { good: [ended(0, { onlyHarmless: true })], bad: [vm(0), ended(1, { onlyHarmless: true })] },
  L10: { good: [ended(0, { serving: ['double'], state: 'switchedOver' })], bad: [ended(0, { serving: [] })] },
};

const broken = (id: string, stream: readonly Observation[]): readonly string[] => {
  const watch = new Watch(
    terms,
    invariants.filter((one) => one.id === id),
  );
  for (const one of stream) watch.observe(one);
  return watch.violations.map(({ what }) => what);
};

describe('every invariant lets the right pass and catches the wrong', () => {
  it.each(invariants.map(({ id, statement }) => ({ id, statement })))('$id $statement', ({ id }) => {
    const { good, bad } = cases[id] ?? { good: [], bad: [] };
    expect(broken(id, good)).toEqual([]);
    expect(broken(id, bad), 'write a stream that breaks it').not.toEqual([]);
  });

  it.each([
    ['C4', [seen(0, 'lateAnswer', { name: 'hypervisor.createVm.done', ticket: '1' })]],
    ['C5', [seen(0, 'overdue', { id: 'x', lateMs: 5_000 })]],
    ['L2', [vote(0, 'grant', 'witness', 1), seen(0, 'strike'), host(0, { powered: false }), seen(300_000, 'tick')]],
  ] as const)('%s also catches what never comes, or comes too late', (id, stream) => {
    expect(broken(id, stream)).not.toEqual([]);
  });

  it('L2 promises nothing where the operator was asked, or where the double serves already', () => {
    const lost = [vote(0, 'grant', 'witness', 1), seen(0, 'strike'), host(0, { powered: false })];
    expect(broken('L2', [...lost, seen(1, 'told', { code: 'fenceUnproven' }), seen(300_000, 'tick')])).toEqual([]);
    expect(broken('L2', [...lost.slice(0, 2), vm(1), host(2, { powered: false }), seen(300_000, 'tick')])).toEqual([]);
  });

  it('ids are unique', () => {
    const ids = invariants.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
