import type { AnyMachineSnapshot } from 'xstate';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import type { SiteEars } from './site.ts';

/** What a scenario's life shows beside its switchover: its tests, and the machine that is restored. */
export class LifeObserver {
  readonly #site: SimulatedSite;
  readonly #ears: SiteEars;
  /** Test VMs that are on, and those whose guest has been up. */
  readonly #on = new Set<string>();
  readonly #guestsUp = new Set<string>();

  constructor(site: SimulatedSite, ears: SiteEars) {
    this.#site = site;
    this.#ears = ears;
    site.wayBack.onTarget = (what) => {
      const t = this.#nowMs();
      if (what === 'written') ears.observe({ t, kind: 'targetWritten' });
      else ears.observe({ t, kind: 'targetRestarted', equal: what === 'restartedEqual' });
    };
  }

  vmsChanged(): void {
    const { model, writeIds, scenario } = this.#site;
    for (const vm of model.vms()) {
      if (vm.extraConfig['guestinfo.kagemusha.role'] !== 'testVm') continue;
      if (vm.guest.tools === 'guestToolsRunning') this.#guestsUp.add(vm.id);
      if (vm.power !== 'poweredOn' || this.#on.has(vm.id)) continue;
      this.#on.add(vm.id);
      const image = vm.devices.flatMap((device) => (device.kind === 'disk' ? [device.path] : []))[0] ?? '';
      const prefix = writeIds?.prefix(scenario.scenarioId) ?? 0;
      this.#ears.observe({ t: this.#nowMs(), kind: 'testStarted', image, prefix });
    }
  }

  /** Of the scenario's chart: a test has been judged, and this is what was really there to judge by. */
  committed(before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    const { test, lastTest: earlier, double } = before.context as ScenarioContext;
    const { lastTest, definition } = after.context as ScenarioContext;
    if (!test || !lastTest || lastTest.atMs === earlier?.atMs) return;
    const vmId = double?.vmId ?? '';
    const passed = this.#site.guests.passed.get(vmId);
    const checks = definition.assuredRecovery?.checks ?? [];
    this.#ears.observe({
      t: this.#nowMs(),
      kind: 'testEnded',
      outcome: lastTest.verdict,
      guestUp: this.#guestsUp.has(vmId),
      checked: lastTest.mode === 'manual' || checks.every(({ name }) => passed?.has(name) === true),
    });
  }

  #nowMs(): number {
    return Number(this.#site.clock.monotonicNs()) / 1e6;
  }
}
