import { Engine } from '#engine/Engine.ts';
import { Witness } from '#engine/witness/Witness.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import type { Network } from '#machines/parties/network.ts';
import type { ProcessClock, SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

type Surroundings = {
  readonly clock: SimulatedClock;
  readonly random: SimulatedRandom;
  readonly network: SimulatedNetwork;
  readonly driftPpm?: number;
};

const name = 'witness';

/** The third voter's machine, neither the master nor the appliance. */
export class SimulatedWitnessHost {
  readonly #around: Surroundings;
  readonly #machine: ProcessClock;
  #files = new SimulatedFiles();
  #process: { readonly clock: ProcessClock; readonly view: Network } | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#machine = around.clock.process(around.driftPpm === undefined ? undefined : { driftPpm: around.driftPpm });
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  async start(): Promise<void> {
    const { network, random } = this.#around;
    const [clock, view] = [this.#machine.process(), network.host(name)];
    this.#process = { clock, view };
    const voter = new LeaseVoter({ files: this.#files, clock, random, path: '/witness/votes.json', voter: name });
    await voter.start();
    const witness = new Witness({ node: name, voter });
    const engine = new Engine({
      node: name,
      listen: { host: name, port: 25_000 },
      clock,
      network: view,
      handlers: [witness.handlers()],
    });
    await engine.start();
  }

  kill(): void {
    this.#process?.clock.kill();
    if (this.#process) this.#around.network.kill(name, this.#process.view);
    this.#process = undefined;
    this.#files = this.#files.restart();
  }

  /** It comes back without what it had promised. */
  forget(): void {
    this.#files = new SimulatedFiles();
  }

  freeze(): void {
    this.#machine.freeze();
    this.#around.network.freeze(name);
  }

  thaw(): void {
    this.#machine.thaw();
    this.#around.network.thaw(name);
  }

  /** An administrator or NTP sets its wall clock. */
  jumpClock(byMs: number): void {
    this.#machine.stepWallClock(byMs);
  }
}
