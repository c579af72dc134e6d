import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { firstStep, restore, statePath } from '#machines/host/step.ts';
import type { ChartChange } from '#machines/parties/chartStore.ts';
import type { VmKind } from '#simulators/checkers/observation.ts';
import type { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import type { VmRecord } from '#simulators/hypervisor/model/state.ts';
import { diskPaths } from '#simulators/hypervisor/model/vmFacts.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { deciding } from './fenceGuard.ts';
import { LifeObserver } from './lifeObserver.ts';
import type { SiteEars } from './site.ts';
import { SiteData } from './siteData.ts';
import { SiteDeadlines } from './siteDeadlines.ts';

/** What a whole site shows of itself: its charts by what they commit, its master and its VMs by what is done to them. */
export class SiteObserver {
  /** What the guard decided on last. */
  #guardEvent = '';
  readonly snapshots = new Map<string, AnyMachineSnapshot>();
  /** What ran on the master is being started again. */
  booting = false;
  readonly #site: SimulatedSite;
  readonly #ears: SiteEars;
  readonly #vms = new Map<string, string>();
  readonly #life: LifeObserver;
  readonly data: SiteData;
  readonly deadlines: SiteDeadlines;

  constructor(site: SimulatedSite, ears: SiteEars) {
    this.#site = site;
    this.#ears = ears;
    this.#life = new LifeObserver(site, ears);
    this.data = new SiteData(site, (seen) => ears.observe(seen));
    this.deadlines = new SiteDeadlines((seen) => ears.observe(seen));
  }

  watch(store: SimulatedChartStore, chart: AnyStateMachine, node: string): void {
    for (const name of store.instances()) {
      const row = store.load(name);
      if (row) this.snapshots.set(node, restore(chart, row.snapshot));
    }
    store.watch((change) => this.#committed(change, chart, node));
  }

  #committed(change: ChartChange, chart: AnyStateMachine, node: string): void {
    const t = this.#nowMs();
    const { instance, log } = change;
    if (node === 'appliance') this.deadlines.committed(t, change);
    const before = this.snapshots.get(node) ?? firstStep(chart, JSON.parse(instance.input)).snapshot;
    const after = restore(chart, instance.snapshot);
    this.snapshots.set(node, after);
    const epoch = (after.context as { readonly epoch: number }).epoch;
    this.#ears.observe({ t, kind: 'durableEpoch', node, epoch });
    if (log !== undefined) {
      const event = JSON.parse(log.event) as { readonly type: string; readonly atMs: number };
      this.#ears.committed({ chart, node, instance: instance.instance, before, event, after, taken: log.taken });
      this.#ears.observe({
        t,
        kind: 'chart',
        chart: chart.id,
        node,
        event: event.type,
        from: statePath(before.value),
        state: statePath(after.value),
        taken: log.taken,
        recorded: true,
        deadlines: change.timersSet.length,
        wishes: 0,
      });
      if (node === 'appliance') this.#life.committed(before, after);
      if (node === 'appliance' && log.taken === 'taken') this.#tellAnswer(event, epoch);
      if (node === 'guard') {
        if (deciding.has(event.type)) this.#guardEvent = event.type;
        this.#tellPolicy(after);
      }
    }
    for (const { name, ticket } of change.wishesAdded) this.#ears.observe({ t, kind: 'wish', name, ticket, epoch });
    for (const { code } of change.reportsAdded) this.#ears.observe({ t, kind: 'told', code });
    this.#ears.boundary(log?.event ?? 'created');
    for (const { name } of change.wishesAdded) this.#ears.boundary(name);
  }

  /** Answers on which the fence rests. */
  #tellAnswer(event: { readonly type: string; readonly [detail: string]: unknown }, epoch: number): void {
    const t = this.#nowMs();
    switch (event.type) {
      case 'master.notice':
      case 'operator.announceMaintenance':
        return this.#ears.observe({ t, kind: 'notice', forMs: Number(event['forMs']) });
      case 'operator.endMaintenance':
        return this.#ears.observe({ t, kind: 'notice', forMs: 0 });
      case 'fence.powerOff.done':
        return this.#ears.observe({ t, kind: 'provenOff', epoch });
      case 'guard.isolate.done':
        return this.#ears.observe({ t, kind: 'isolationConfirmed', epoch });
    }
  }

  #tellPolicy(guard: AnyMachineSnapshot): void {
    const { terms } = guard.context as { readonly terms?: { readonly policy: 'automatic' | 'manual' } };
    this.#ears.observe({ t: this.#nowMs(), kind: 'policy', switchover: terms?.policy ?? 'none' });
  }

  /** Whatever changes the master's machine goes through one of these, the watchdog too. */
  watchMaster(): void {
    const { masterHost } = this.#site;
    const { hostNetwork } = masterHost;
    const [powerOff, freeze, thaw, boot] = [
      masterHost.powerOff,
      masterHost.freeze,
      masterHost.thaw,
      masterHost.boot,
    ].map((method) => (method as () => void).bind(masterHost)) as [
      () => void,
      () => void,
      () => void,
      SimulatedSite['masterHost']['boot'],
    ];
    const [block, unblock] = [hostNetwork.block.bind(hostNetwork), hostNetwork.unblock.bind(hostNetwork)];
    const then = (what: () => void) => (): void => {
      what();
      this.#tellHost();
    };
    masterHost.powerOff = then(powerOff);
    masterHost.freeze = then(freeze);
    masterHost.thaw = then(thaw);
    masterHost.boot = async (isolated) => {
      if (masterHost.poweredOn) return;
      this.booting = true;
      this.#ears.observe({ t: this.#nowMs(), kind: 'booted', armed: this.guardArmed() });
      await boot(isolated);
      this.booting = false;
      this.#tellHost();
    };
    hostNetwork.block = async (peers) => {
      await block(peers);
      this.#tellHost();
    };
    hostNetwork.unblock = async () => {
      await unblock();
      this.#tellHost();
    };
    this.#tellHost();
  }

  guardArmed(): boolean {
    const guard = this.snapshots.get('guard');
    const { terms } = (guard?.context ?? {}) as { readonly terms?: { readonly policy: string } };
    return terms?.policy === 'automatic' && guard?.matches('disarmed') === false && !guard.matches('arming');
  }

  #tellHost(): void {
    const { poweredOn, frozen, hostNetwork } = this.#site.masterHost;
    this.#ears.observe({
      t: this.#nowMs(),
      kind: 'host',
      powered: poweredOn,
      frozen,
      blocked: hostNetwork.blocked,
      by: this.#guardEvent === 'lease.lapsed' ? 'lease' : this.#guardEvent === 'guard.started' ? 'boot' : 'command',
    });
  }

  tellVms(): void {
    const t = this.#nowMs();
    const present = new Set<string>();
    this.#life.vmsChanged();
    for (const vm of this.#site.model.vms()) {
      present.add(vm.id);
      const seen = {
        vmId: vm.id,
        name: vm.name,
        role: roleOf(vm),
        scenario: vm.extraConfig['guestinfo.kagemusha.scenarioId'] ?? '',
        powered: isOn(vm),
        connected: isConnected(vm),
        production: vm.devices.some((device) => device.kind === 'nic' && device.network === 'VM Network'),
        disks: this.#chains(vm),
        guestUp: vm.guest.tools === 'guestToolsRunning',
      };
      if (seen.role === 'other') continue;
      const words = JSON.stringify(seen);
      if (this.#vms.get(vm.id) === words) continue;
      this.#vms.set(vm.id, words);
      this.data.vm(t, vm, seen.role);
      this.#ears.observe({ t, kind: 'vm', ...seen });
    }
    for (const vmId of this.#vms.keys())
      if (!present.has(vmId)) {
        this.data.gone(t, JSON.parse(this.#vms.get(vmId) ?? '{}').name);
        this.#vms.delete(vmId);
        this.#ears.observe({ t, kind: 'vmGone', vmId });
      }
  }

  /** What it runs on: its disks, and what they are children of. */
  #chains(vm: VmRecord): readonly string[] {
    const { disks } = this.#site.model;
    return diskPaths(vm).flatMap((path) => {
      const parent = disks.find(path)?.parent;
      return parent === undefined ? [path] : [path, parent];
    });
  }

  #nowMs(): number {
    return Number(this.#site.clock.monotonicNs()) / 1e6;
  }
}

export const isOn = (vm: VmRecord): boolean => vm.power === 'poweredOn';
export const isConnected = (vm: VmRecord): boolean =>
  vm.devices.some((device) => device.kind === 'nic' && device.connected);
export const roleOf = (vm: VmRecord): VmKind => {
  const role = vm.extraConfig['guestinfo.kagemusha.role'];
  return role === 'substituteVm' || role === 'testVm' ? role : 'other';
};
