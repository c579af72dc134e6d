import type { ScenarioId } from '#machines/vocabulary.ts';
import type { Observation } from '#simulators/checkers/observation.ts';
import type { VmRecord } from '#simulators/hypervisor/model/state.ts';
import { diskPaths } from '#simulators/hypervisor/model/vmFacts.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';

/** The data of a site of numbered writes, as they are on its disks: who writes to them, and what a double is given. */
export class SiteData {
  readonly #site: SimulatedSite;
  readonly #observe: (seen: Observation) => void;
  readonly #presented = new Set<string>();
  readonly #open = new Map<string, string>();
  #half = false;

  constructor(site: SimulatedSite, observe: (seen: Observation) => void) {
    this.#site = site;
    this.#observe = observe;
  }

  /** Every second, and before anything that could take back what was acknowledged. */
  look(t: number): void {
    const { writeIds, appliance } = this.#site;
    const scenario = this.#scenario;
    const kept = writeIds?.kept(scenario);
    if (!writeIds || !kept) return;
    const half = kept.pointMs === undefined;
    for (const { path } of this.#replicas()) {
      if (half !== this.#half) this.#observe({ t, kind: half ? 'synchronizing' : 'synchronized', image: path });
      this.#holds(t, path, 'appliance', appliance.running && writeIds.writes(scenario));
    }
    this.#half = half;
    const image = writeIds.image(scenario);
    if (appliance.running && image && !half) this.#observe({ t, kind: 'acknowledged', upTo: image.prefix });
  }

  /** A new process of the appliance has begun on what the earlier one left. */
  recovered(t: number): void {
    const image = this.#site.writeIds?.image(this.#scenario);
    if (image && !this.#half) this.#observe({ t, kind: 'recovered', upTo: image.prefix });
  }

  /** Told before the VM itself is: what it runs on must be known by then. */
  vm(t: number, vm: VmRecord, role: 'substituteVm' | 'testVm'): void {
    const { writeIds, model } = this.#site;
    if (!writeIds) return;
    this.look(t);
    const on = vm.power === 'poweredOn';
    const paths = diskPaths(vm);
    const bases = paths.map((path) => model.disks.find(path)?.parent ?? path);
    for (const image of bases) this.#holds(t, image, vm.name, on);
    if (!on || this.#presented.has(vm.id)) return;
    this.#presented.add(vm.id);
    const image = writeIds.image(this.#scenario);
    const whole = image?.consistent === true && image.divergedWrites === 0;
    this.#observe({ t, kind: 'presented', role, prefix: whole ? image.prefix : undefined });
    if (bases.some((path) => paths.includes(path))) writeIds.diverge(this.#scenario);
  }

  gone(t: number, name: string): void {
    for (const { path } of this.#replicas()) this.#holds(t, path, name, false);
  }

  get #scenario(): ScenarioId {
    return this.#site.scenario.scenarioId;
  }

  #replicas(): readonly { readonly path: string }[] {
    return this.#site.model.disks.all().filter(({ parent }) => parent === undefined);
  }

  #holds(t: number, image: string, by: string, holds: boolean): void {
    const key = `${image} ${by}`;
    if (this.#open.has(key) === holds) return;
    if (holds) this.#open.set(key, by);
    else this.#open.delete(key);
    this.#observe({ t, kind: holds ? 'opened' : 'closed', image, by });
  }
}
