import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { getNextTransitions } from 'xstate';
import { fault } from '#machines/faults.ts';
import { firstStep, nextStep, statePath } from '#machines/host/step.ts';
import type { Wish } from '#machines/parties/wishes.ts';
import type { ScenarioContext, ScenarioInput } from '#machines/scenario/context.ts';
import { machine } from './switchbackChart.ts';
import { activeSides, breachesOfVoicing, outcomes } from './switchbackWorld.ts';
import type { World } from './switchbackWorld.ts';

type Node = {
  readonly snapshot: AnyMachineSnapshot;
  readonly world: World;
  /** The wish whose answer is awaited. */
  readonly pending: Wish | undefined;
  /** One wish that nobody waits for any more and that may still come true. */
  readonly ghost: Wish | undefined;
};

export type Walk = {
  readonly nodes: number;
  readonly states: ReadonlySet<string>;
  readonly breaches: ReadonlySet<string>;
  /** States from which neither side can ever be reached again. */
  readonly stuck: ReadonlySet<string>;
};

/** Wishes whose late effect could hurt; the others change nothing that the laws look at. */
const lasting = new Set([
  'hypervisor.powerOffVm',
  'hypervisor.powerOnVm',
  'hypervisor.setNicsConnected',
  'bareMetal.restart',
  'guard.rejoin',
  'guard.isolate',
  'fence.powerOff',
]);

const operatorFacts: Record<string, readonly Record<string, unknown>[]> = {
  'operator.reverse': [{ target: { host: 'kit', port: 25_000 } }],
  'operator.confirmMapping': [
    { hardwareId: machine.hardwareId, mapping: [{ diskId: '/dev/sda', serial: 'empty' }] },
    { hardwareId: 'another', mapping: [{ diskId: '/dev/sda', serial: 'empty' }] },
    { hardwareId: machine.hardwareId, mapping: [{ diskId: '/dev/sda', serial: 'small' }] },
  ],
  'operator.switchback': [{}, { hard: true }],
  'operator.confirmTargetOff': [{ hardwareId: machine.hardwareId }, { hardwareId: 'another' }],
  'operator.confirmVolumes': [{ diskIds: ['/dev/sda'] }, { diskIds: [] }],
  'bareMetal.caughtUp': [{ point: { sequence: 1, atNs: '1' } }],
  'bareMetal.failed': [{ fault: fault('diskFull', { path: 'p' }) }],
};

const unreachable = fault('unreachable', { host: 'h', reason: 'r' });
const nodesMax = 400_000;

/** Walks every order of facts, answers, lost answers and late effects, in every world that they lead to. */
export function walk(chart: AnyStateMachine, given: ScenarioInput, start: World, untilBreach = false): Walk {
  const breaches = new Set<string>();
  const first: Node = {
    snapshot: firstStep(chart, given).snapshot,
    world: start,
    pending: undefined,
    ghost: undefined,
  };
  const seen = new Map<string, Node>([[keyOf(first), first]]);
  const from = new Map<string, Set<string>>();
  for (const [key, node] of seen) {
    if (activeSides(node.world) > 1) continue;
    if (untilBreach && breaches.size > 0) break;
    for (const next of successors(chart, node, breaches)) {
      const nextKey = keyOf(next);
      if (activeSides(next.world) > 1) breaches.add(`two active sides in ${statePath(next.snapshot.value)}`);
      (from.get(nextKey) ?? from.set(nextKey, new Set()).get(nextKey))?.add(key);
      if (!seen.has(nextKey)) seen.set(nextKey, next);
    }
    if (seen.size > nodesMax) throw new Error('the walk does not end: something grows without bound');
  }
  const ends = [...seen].filter(([, { snapshot }]) => ['switchedOver', 'stopped'].includes(String(snapshot.value)));
  const alive = reachedBackwards(
    ends.map(([key]) => key),
    from,
  );
  const stuck = [...seen].filter(([key]) => !alive.has(key)).map(([, { snapshot }]) => statePath(snapshot.value));
  const states = new Set([...seen.values()].map(({ snapshot }) => statePath(snapshot.value)));
  return { nodes: seen.size, states, breaches, stuck: new Set(stuck) };
}

function reachedBackwards(ends: readonly string[], from: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const reached = new Set(ends);
  for (const key of reached) for (const before of from.get(key) ?? []) reached.add(before);
  return reached;
}

function successors(chart: AnyStateMachine, node: Node, breaches: Set<string>): Node[] {
  const { snapshot, world, pending, ghost } = node;
  const next: Node[] = [];
  const take = (event: Record<string, unknown> & { type: string }, changed: World, left: Wish | undefined): void => {
    const stamped = { ...event, atMs: 0 };
    if (!snapshot.can(stamped)) return;
    const step = nextStep(chart, snapshot, stamped);
    let told = changed;
    if (event.type === 'hypervisor.describeVm.done') {
      const { power } = event['result'] as { power: string };
      told = { ...told, readBackOff: power === 'off' };
    }
    if (event.type === 'operator.reverse') told = { ...told, agreed: false };
    if (event.type === 'operator.confirmMapping' && isRightConfirmation(event)) told = { ...told, agreed: true };
    const wishes = step.wishes as readonly Wish[];
    for (const wish of wishes) {
      if (wish.name === 'hypervisor.powerOnVm') told = { ...told, readBackOff: false, committed: false };
      for (const breach of breachesOfVoicing(told, wish)) breaches.add(breach);
    }
    const voiced = wishes.at(-1);
    const stays = voiced === undefined && pending !== undefined && listens(step.snapshot, `${pending.name}.done`);
    next.push({
      snapshot: step.snapshot,
      world: told,
      pending: stays ? pending : voiced,
      ghost: hopeful(told, left ?? ghost),
    });
  };
  const types = new Set(
    getNextTransitions(snapshot)
      .map(({ eventType }) => eventType)
      .filter(Boolean),
  );
  for (const type of types) {
    if (type.startsWith('xstate.after.')) answerLate(node, (changed, left) => take({ type }, changed, left));
    else if (type.endsWith('.done') || type.endsWith('.failed')) continue;
    else
      for (const details of operatorFacts[type] ?? [{}])
        take({ type, ...details }, afterOperator(world, type, details), undefined);
  }
  if (pending) {
    for (const { world: changed, result, refused } of outcomes(world, pending))
      if (!refused)
        take({ type: `${pending.name}.done`, ...(result === undefined ? {} : { result }) }, changed, undefined);
    answerLate(node, (changed, left) => take({ type: `${pending.name}.failed`, fault: unreachable }, changed, left));
  }
  if (ghost)
    for (const { world: changed } of outcomes(world, ghost)) next.push({ ...node, world: changed, ghost: undefined });
  return next;
}

/** A ghost that every actuator refuses by its epoch can do nothing any more. */
function hopeful(world: World, ghost: Wish | undefined): Wish | undefined {
  if (!ghost) return undefined;
  const isOld = ghost.name.startsWith('hypervisor.')
    ? ghost.epoch < world.hypervisorEpoch
    : ghost.name.startsWith('bareMetal.')
      ? ghost.epoch < world.kitEpoch
      : ghost.name.startsWith('guard.') && world.target === 'booted' && ghost.epoch < world.guardEpoch;
  return isOld ? undefined : ghost;
}

/** No answer, or a fault: nothing happened, it happened, or it happens later. */
function answerLate({ world, pending }: Node, take: (changed: World, left: Wish | undefined) => void): void {
  take(world, undefined);
  if (!pending || !lasting.has(pending.name)) return;
  for (const { world: changed } of outcomes(world, pending)) take(changed, undefined);
  take(world, pending);
}

/** The operator keeps his word: he confirms that the machine is off when he has switched it off. */
const afterOperator = (world: World, type: string, details: Record<string, unknown>): World =>
  type === 'operator.confirmTargetOff' && details['hardwareId'] === machine.hardwareId
    ? { ...world, target: 'off' }
    : type === 'operator.reverse'
      ? { ...world, target: 'kit', targetIsolated: true, compared: 'no' }
      : world;

const isRightConfirmation = (event: Record<string, unknown>): boolean => {
  const [first] = operatorFacts['operator.confirmMapping'] ?? [];
  return (
    JSON.stringify(event['mapping']) === JSON.stringify(first?.['mapping']) &&
    event['hardwareId'] === machine.hardwareId
  );
};

const listens = (snapshot: AnyMachineSnapshot, type: string): boolean =>
  getNextTransitions(snapshot).some(({ eventType }) => eventType === type);

/** Everything a guard or a law reads; epochs only as far as they differ, for they grow for ever. */
function keyOf({ snapshot, world, pending, ghost }: Node): string {
  const { epoch, diskIndex, reverse, volumeRefresh, substituteVmId } = snapshot.context as ScenarioContext;
  const since = (other: number | undefined): number | undefined =>
    other === undefined ? undefined : Math.max(-3, other - epoch);
  // A new attempt begins with nothing of the last one.
  const attempt = snapshot.value === 'switchedOver' ? undefined : reverse;
  const ended = snapshot.value === 'switchedOver' ? { compared: 'no', agreed: false } : {};
  return JSON.stringify([
    snapshot.value,
    attempt && diskIndex,
    attempt?.confirmed,
    attempt?.mapping,
    attempt?.hard,
    attempt?.differingDisks,
    attempt?.findings.errors.length,
    since(attempt?.restartEpoch),
    volumeRefresh?.confirmed,
    substituteVmId,
    {
      ...world,
      ...ended,
      hypervisorEpoch: since(world.hypervisorEpoch),
      kitEpoch: since(world.kitEpoch),
      guardEpoch: since(world.guardEpoch),
    },
    pending && [pending.name, since(pending.epoch), pending.args],
    ghost && [ghost.name, since(ghost.epoch), ghost.args],
  ]);
}
