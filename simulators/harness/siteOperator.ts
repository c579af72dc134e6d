import type { ScenarioCommand } from '#engine/protocol/messages.ts';
import { modelledGuest } from '#simulators/hypervisor/model/vmFacts.ts';
import { diskId } from '#simulators/site/SimulatedSite.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { doubleAddress, hardwareId, kitAddress, targetSerial } from '#simulators/site/SimulatedWayBack.ts';
import type { Action, HumanEdit, KitTrouble, OperatorCommand, SiteShape } from './plan.ts';
import type { ScenarioChoice } from '#simulators/site/site.ts';
import type { Undo } from './site.ts';

/** What an automatic test asks the guest. */
export const guestChecks = [{ name: 'web', kind: 'port', port: 443, timeoutMs: 60_000 }] as const;

/** Where nothing is awaited, or only a person. */
export const restful = /^(stopped|switchedOver|reverseReplicating\.connected)\b/;
export const needsOperator =
  /verdict\.unproven|waitingToConnect|addressAlive|suspended|awaitingMapping|vmStillOn|awaitingTargetOff|undoingSwitchback\.halted|switchedBack|refreshingVolumes\.(unread|awaiting)|recovering\.(choosing|mounted)/;

export function scheduleOf({ schedule: task }: SiteShape): Pick<ScenarioChoice, 'schedule'> {
  if (task === undefined) return {};
  return { schedule: { task, utcOffsetMinutes: 540, excludedDates: [], everyHours: 1, durationMs: 600_000 } };
}

/** Reversed, and the machine that was booted from the kit is gone: only a person brings it back, or stops. */
export const machineIsGone = ({ wayBack }: SimulatedSite, state: string): boolean =>
  /^(reverseSynchronizing|reverseReplicating)/.test(state) && wayBack.kit?.state !== 'kit';

/** What an operator does with his hands before he says it, and what he says. */
export function commandOf(command: OperatorCommand, site: SimulatedSite, state: string): ScenarioCommand {
  if (command === 'reverse' && state === 'switchedOver') site.wayBack.bootKit();
  if (command === 'confirmTargetOff' && state.endsWith('awaitingTargetOff')) site.cutPower();
  switch (command) {
    case 'switchover':
      return { command, waitForJournals: true };
    case 'switchoverWithoutJournals':
      return { command: 'switchover', waitForJournals: false };
    case 'assertMasterOff':
      return { command, masterName: site.scenario.master.host, by: 'simulated' };
    case 'abort':
      return { command: 'giveUpSwitchover' };
    case 'announceMaintenance':
      return { command, forMs: 600_000 };
    case 'startTest':
      return { command, mode: 'automatic' };
    case 'startManualTest':
      return { command: 'startTest', mode: 'manual' };
    case 'endTest':
      return { command, verdict: 'passed' };
    case 'reverse':
      return { command, target: kitAddress, source: doubleAddress };
    case 'confirmMapping':
      return { command, hardwareId, mapping: [{ diskId, serial: targetSerial }] };
    case 'hardSwitchback':
      return { command: 'switchback', hard: true };
    case 'confirmTargetOff':
      return { command, hardwareId };
    case 'confirmVolumes':
      return { command, diskIds: [diskId] };
    case 'mountRecoveryPoint':
      return { command, pointId: 'today' };
    case 'restoreFiles':
      return { command, items: [{ volume: '/home', path: '' }], target: { host: 'master', port: 25_000 } };
    default:
      return { command };
  }
}

/** Trouble of the machine to be restored, and of the guests. */
export const trouble = (site: SimulatedSite, action: Action & { readonly kind: 'kit' | 'guests' }) =>
  action.kind === 'kit' ? troubleKit(site, action.trouble) : troubleGuests(site, action.trouble);

/** The machine to be restored, or the way to it. */
function troubleKit({ wayBack }: SimulatedSite, trouble: KitTrouble): Undo | undefined | 'unknown' {
  if (trouble === 'unreachable') {
    wayBack.reachable = false;
    return () => (wayBack.reachable = true);
  }
  if (trouble === 'hangsAtBoot') {
    wayBack.hangsAtBoot = true;
    return () => (wayBack.hangsAtBoot = false);
  }
  const { kit } = wayBack;
  if (!kit) return 'unknown';
  if (trouble === 'losesPower') wayBack.losePower();
  else kit.loseWrites = true;
  return undefined;
}

/** Somebody uses the hypervisor's own tools on the double. */
export function editByHand({ model }: SimulatedSite, edit: HumanEdit): undefined | 'unknown' {
  const double = model.vms().find((vm) => vm.extraConfig['guestinfo.kagemusha.role'] === 'substituteVm');
  if (!double) return 'unknown';
  if (edit === 'snapshot') model.createSnapshot(double.id, { name: 'by hand', description: '' });
  else if (edit === 'removeSnapshots') model.removeSnapshots(double.id);
  else if (edit === 'powerOffDouble' && double.power === 'poweredOn') model.powerOff(double.id);
  else return 'unknown';
  return undefined;
}

/** Guests that boot and do not work, or do not boot. */
function troubleGuests({ guests, model }: SimulatedSite, trouble: 'sayNo' | 'neverUp'): Undo {
  if (trouble === 'sayNo') {
    for (const { name } of guestChecks) guests.answers.set(name, { outcome: 'failed', evidence: 'simulated' });
    return () => guests.answers.clear();
  }
  model.guestsNeverUp = true;
  return () => {
    model.guestsNeverUp = false;
    // What hung goes on.
    for (const vm of model.vms())
      if (vm.power === 'poweredOn' && vm.guest.tools !== 'guestToolsRunning')
        model.guestReports(vm.id, modelledGuest(vm));
  };
}
