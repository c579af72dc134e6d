import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { KitTrouble, OperatorCommand, PlanEntry } from './plan.ts';

export const kitTroubles: readonly KitTrouble[] = ['unreachable', 'losesPower', 'losesWrites', 'hangsAtBoot'];

/** What operators do step by step; each step waits for the state that the one before leads to. */
const wayBack: readonly (readonly [state: string, command: OperatorCommand])[] = [
  ['switchedOver', 'reverse'],
  ['awaitingMapping', 'confirmMapping'],
  ['reverseReplicating.connected', 'switchback'],
  ['switchedBack', 'refreshVolumes'],
  ['refreshingVolumes.awaitingConfirmation', 'confirmVolumes'],
  ['stopped', 'run'],
  ['switchingBack.vmStillOn', 'hardSwitchback'],
  ['undoingSwitchback.awaitingTargetOff', 'confirmTargetOff'],
  ['undoingSwitchback.halted', 'undoSwitchback'],
  ['refreshingVolumes.unread', 'refreshVolumes'],
];
/** States of the way back in which trouble with the machine tells the most. */
const exposed = ['reverseSynchronizing.copying', 'reverseReplicating.connected', 'switchingBack', 'waitingForTarget'];
const recovery: readonly (readonly [state: string, command: OperatorCommand])[] = [
  ['dataRecovery.choosing', 'mountRecoveryPoint'],
  ['dataRecovery.mounted', 'restoreFiles'],
];

/** The same while the scenario is stopped; then it runs again. */
const stoppedRecovery: readonly (readonly [state: string, command: OperatorCommand, nth: number])[] = [
  ['stopped', 'recoverData', 1],
  ['recovering.choosing', 'mountRecoveryPoint', 1],
  ['recovering.mounted', 'restoreFiles', 1],
  ['recovering.mounted', 'endRecovery', 2],
  ['stopped', 'run', 2],
];
/** Where the appliance's death tells whether it goes on where it was. */
const steps: readonly string[] = [
  'bareMetal.receive',
  'bareMetal.finish',
  'bareMetal.restart',
  'bareMetal.abandon',
  'guard.disarm',
  'guard.rejoin',
  'guest.check',
  'replica.freeze',
  'hypervisor.deleteChildDisk',
  'hypervisor.powerOffVm',
  'recoveryPoints.mount',
  'recoveryPoints.restore',
  'recoveryPoints.unmount',
  'recoveryPoints.describeTarget',
];

/** Tests, suspensions, recoveries and ways back: what a scenario lives through besides its faults. */
export function drawLife(draw: SimulatedRandom, spanMs: number): PlanEntry[] {
  const command = (name: OperatorCommand) => ({ kind: 'operator', command: name, times: 1 }) as const;
  const at = (name: OperatorCommand): PlanEntry => ({ when: { atMs: draw.integer(spanMs) }, action: command(name) });
  const once = (state: string, name: OperatorCommand, nth: number): PlanEntry => ({
    when: { state, nth, afterMs: 1_000 + draw.integer(60_000) },
    action: command(name),
  });
  const percent = (of: number): boolean => draw.integer(100) < of;
  const plan: PlanEntry[] = [];
  if (percent(60)) {
    // He tries a second time where the first one was undone.
    for (const [state, name] of wayBack) plan.push(once(state, name, 1), once(state, name, 2));
    if (percent(40)) {
      const trouble = kitTroubles[draw.integer(kitTroubles.length)] ?? 'unreachable';
      const state = exposed[draw.integer(exposed.length)] ?? 'switchingBack';
      const when = { state, afterMs: draw.integer(3_000) };
      plan.push({ when, action: { kind: 'kit', trouble }, forMs: 1_000 + draw.integer(900_000) });
    }
  }
  if (percent(50)) {
    plan.push(at(percent(50) ? 'startTest' : 'startManualTest'), at('startTest'));
    plan.push(once('testing.readyForTest', 'endTest', 1));
    if (percent(30)) plan.push({ ...at('startTest'), action: { kind: 'guests', trouble: 'sayNo' }, forMs: spanMs / 2 });
  }
  if (percent(30)) plan.push(at('suspend'), at('resume'), at('resume'));
  if (percent(15)) plan.push(at('announceMaintenance'), at('endMaintenance'));
  if (percent(30)) {
    plan.push(at('recoverData'), at('endRecovery'));
    for (const [state, name] of recovery) plan.push(once(state, name, 1));
  }
  if (percent(15)) {
    plan.push(at('stop'));
    for (const [state, name, nth] of stoppedRecovery) plan.push(once(state, name, nth));
  }
  if (percent(40)) {
    const when = { wish: steps[draw.integer(steps.length)] ?? 'bareMetal.restart', afterMs: draw.integer(200) };
    plan.push({
      when,
      action: { kind: 'crash', process: 'appliance', disk: 'kept' },
      forMs: 200 + draw.integer(9_000),
    });
  }
  return plan;
}
