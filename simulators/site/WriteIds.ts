import type { ScenarioId } from '#machines/vocabulary.ts';
import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedReplica, SimulatedReplicaStore } from '#simulators/replica/SimulatedReplica.ts';
import type { ReplicaImage } from '#simulators/replica/SimulatedReplica.ts';
import type { KeptReplica } from '#simulators/replica/replicaFlow.ts';
import { SimulatedSource } from '#simulators/replica/SimulatedSource.ts';
import { SteadyWorkload } from '#simulators/replica/simulatedWorkload.ts';
import type { ReplicaHost } from './SimulatedAppliance.ts';

type Options = {
  readonly clock: SimulatedClock;
  readonly network: SimulatedNetwork;
  readonly writesPerSecond: number;
  readonly acknowledgesBeforeFlush?: boolean | undefined;
};

/**
 * The data of a site without a byte: the master's writes are numbers that are computed when somebody asks, and so is
 * what the replica holds of them. Charts, engines, guards and voters are the product's own all the same.
 */
export class WriteIds implements ReplicaHost {
  readonly workload: SteadyWorkload;
  readonly source: SimulatedSource;
  readonly #options: Options;
  readonly #store = new SimulatedReplicaStore();
  #replica: SimulatedReplica | undefined;

  constructor(options: Options) {
    const { clock, writesPerSecond } = options;
    this.#options = options;
    this.workload = new SteadyWorkload({ clock, writesPerSecond });
    this.source = new SimulatedSource({ clock, workload: this.workload });
    this.source.killEngine();
  }

  open: ReplicaHost['open'] = ({ clock, isAttached }, onFact) => {
    const { network, acknowledgesBeforeFlush } = this.#options;
    this.#replica = new SimulatedReplica({
      clock,
      network,
      source: this.source,
      store: this.#store,
      onFact,
      unproven: ({ wwn }) => (isAttached(wwn) ? undefined : 'not attached'),
      ...(acknowledgesBeforeFlush === undefined ? {} : { acknowledgesBeforeFlush }),
    });
    return this.#replica;
  };

  killed(): void {
    this.#replica?.kill();
    this.#replica = undefined;
  }

  /** Which of the master's writes a VM on the replica disks finds; undefined while they are a mixture. */
  prefix(scenario: ScenarioId): number | undefined {
    const image = this.image(scenario);
    return image?.consistent ? image.prefix : undefined;
  }

  /** What the appliance's host keeps of a scenario, whether its engine runs or not. */
  kept(scenario: ScenarioId): KeptReplica | undefined {
    return this.#store.kept.get(scenario);
  }

  /** Of all scenarios. */
  all(): readonly KeptReplica[] {
    return [...this.#store.kept.values()];
  }

  /** The engine has its disks open. */
  writes(scenario: ScenarioId): boolean {
    return this.#replica !== undefined && this.kept(scenario)?.open === true;
  }

  /** A VM writes to the replica disks themselves. */
  diverge(scenario: ScenarioId): void {
    const kept = this.kept(scenario);
    if (kept) kept.diverged += 1;
  }

  /** What is on the replica disks now. */
  image(scenario: ScenarioId): ReplicaImage | undefined {
    const replica =
      this.#replica ??
      new SimulatedReplica({
        clock: this.#options.clock,
        network: this.#options.network,
        source: this.source,
        store: this.#store,
        onFact: () => {},
      });
    return replica.imageOf(scenario);
  }
}
