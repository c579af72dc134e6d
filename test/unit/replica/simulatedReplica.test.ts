import { expect, test } from 'vitest';
import type { ReplicaFact } from '#engine/replica/ReplicaStream.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { SimulatedReplicaOptions } from '#simulators/replica/SimulatedReplica.ts';
import { SimulatedReplica, SimulatedReplicaStore } from '#simulators/replica/SimulatedReplica.ts';
import { SimulatedSource } from '#simulators/replica/SimulatedSource.ts';
import { SteadyWorkload } from '#simulators/replica/simulatedWorkload.ts';

const scenario = scenarioId('4009412486');
const hourMs = 3_600_000;

class World {
  timers = 0;
  readonly clock = new SimulatedClock();
  readonly network = new SimulatedNetwork({ clock: this.clock, random: new SimulatedRandom('replica') });
  readonly workload = new SteadyWorkload({ clock: this.clock, writesPerSecond: 200 });
  readonly source = new SimulatedSource({ clock: this.clock, workload: this.workload });
  readonly store = new SimulatedReplicaStore();
  readonly facts: ReplicaFact[] = [];
  readonly #options: Partial<SimulatedReplicaOptions>;
  readonly plan;
  process!: ProcessClock;
  replica!: SimulatedReplica;
  #tickets = 0;

  constructor(options: Partial<SimulatedReplicaOptions> & { readonly diskBytes?: number } = {}) {
    this.#options = options;
    const bytes = options.diskBytes ?? 1_000_000_000;
    const locator = { wwn: 'a'.repeat(32), expectBytes: bytes };
    this.plan = {
      master: { host: 'master', port: 25_000 },
      disks: [{ diskId: '/dev/a', bytes, locator }],
      method: 'volumeLevel' as const,
      spoolBytesMax: 64 * 1024 * 1024,
    };
    this.start();
  }

  start(): void {
    const { network, source, store } = this;
    this.process = this.clock.process();
    const arm = this.process.after.bind(this.process);
    this.process.after = (delayMs, fire) => {
      this.timers += 1;
      return arm(delayMs, fire);
    };
    const onFact = (_: unknown, fact: ReplicaFact): void => void this.facts.push(fact);
    this.replica = new SimulatedReplica({ clock: this.process, network, source, store, onFact, ...this.#options });
  }

  crash(): void {
    this.replica.kill();
    this.process.kill();
    this.start();
  }

  intent(epoch = 1) {
    this.#tickets += 1;
    return { ticket: `${this.#tickets}`, scenarioId: scenario, epoch, deadlineAtMs: this.clock.nowMs() + 60_000 };
  }

  async run<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => {});
    await this.clock.runUntil(() => settled, 120_000);
    return watched;
  }

  receive(epoch = 1): Promise<void> {
    return this.run(this.replica.receive(this.plan, this.intent(epoch)));
  }

  has(type: ReplicaFact['type'], times = 1): boolean {
    return this.facts.filter((fact) => fact.type === type).length >= times;
  }

  async replicating(): Promise<this> {
    this.workload.start();
    await this.receive();
    await this.clock.runUntil(() => this.has('replica.caughtUp'), hourMs);
    return this;
  }

  prefixAt(point: { readonly atNs: string } | undefined): number {
    return point ? this.workload.writesBy(BigInt(point.atNs)) : 0;
  }
}

test('a replicating hour is no event at all, and under a millisecond', async () => {
  const world = await new World().replicating();
  const timers = world.timers;
  const tookMs: number[] = [];
  for (let hour = 0; hour < 50; hour += 1) {
    const before = performance.now();
    await world.clock.advance(hourMs);
    expect(world.replica.status(scenario)!.replicationLagMs).toBeLessThan(200);
    tookMs.push(performance.now() - before);
  }
  expect(world.timers).toBe(timers);
  expect(tookMs.sort((a, b) => a - b)[25]).toBeLessThan(1);
});

test('the copy takes the time of its bytes, and the disks are a mixture until they are let go of', async () => {
  const world = new World();
  world.workload.start();
  const startMs = world.clock.nowMs();
  await world.receive();
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: false });
  await world.clock.runUntil(() => world.has('replica.synchronized'), hourMs);
  expect(world.clock.nowMs() - startMs).toBeCloseTo(10_008, -2);
  expect(world.replica.status(scenario)!.synchronization).toMatchObject({ doneBytes: 1_000_000_000 });
  await world.clock.runUntil(() => world.has('replica.caughtUp'), hourMs);
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: false });
  const { point } = await world.run(world.replica.freeze(world.intent()));
  expect(world.replica.imageOf(scenario)).toEqual({
    prefix: world.prefixAt(point!),
    consistent: true,
    divergedWrites: 0,
  });
});

test('a burst is behind for as long as the link needs for it', async () => {
  const world = await new World().replicating();
  await world.clock.advance(5_000);
  world.workload.burst(50_000);
  const all = world.workload.count;
  await world.clock.advance(1_000);
  const status = world.replica.status(scenario)!;
  expect(world.prefixAt(status.consistentPoint)).toBeLessThan(all - 50_000 + 1);
  expect(status.spool!.bytes).toBeGreaterThan(0);
  await world.clock.advance(2_000);
  expect(world.prefixAt(world.replica.status(scenario)!.consistentPoint)).toBeGreaterThan(all);
});

test('a spool that overflowed gives no point before all of it is there', async () => {
  const world = await new World().replicating();
  world.network.cut('master', 'appliance');
  await world.clock.advance(600_000);
  const before = world.prefixAt(world.replica.status(scenario)!.consistentPoint);
  world.network.heal();
  await world.clock.runUntil(() => world.has('replica.reconnected'), 60_000);
  expect(world.has('replica.spoolFull')).toBe(true);
  await world.clock.advance(1_000);
  expect(world.prefixAt(world.replica.status(scenario)!.consistentPoint)).toBe(before);
  await world.clock.advance(20_000);
  expect(world.replica.status(scenario)!.replicationLagMs).toBeLessThan(200);
});

test('a VM on the disks themselves spoils them when changes follow, and not when all is copied anew', async () => {
  const world = await new World().replicating();
  await world.run(world.replica.freeze(world.intent()));
  world.replica.diverge(scenario, 3);
  await world.receive();
  await world.run(world.replica.freeze(world.intent()));
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: false, divergedWrites: 3 });
  await world.run(world.replica.finish({ waitForJournals: false }, world.intent()));
  await world.receive(2);
  await world.clock.runUntil(() => world.has('replica.caughtUp', 3), hourMs);
  await world.run(world.replica.freeze(world.intent(2)));
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: true, divergedWrites: 0 });
});

/** Acknowledged writes that are gone after a crash. */
async function lostByCrash(options: Partial<SimulatedReplicaOptions>): Promise<number> {
  const world = await new World(options).replicating();
  await world.clock.advance(5_000);
  const claimed = world.prefixAt(world.replica.status(scenario)!.consistentPoint);
  world.crash();
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: false });
  await world.run(world.replica.finish({ waitForJournals: false }, world.intent(2)));
  expect(world.replica.imageOf(scenario)).toMatchObject({ consistent: true });
  return Math.max(0, claimed - world.replica.imageOf(scenario)!.prefix);
}

test('a crash loses no acknowledged write, and the deliberate bug does', async () => {
  expect(await lostByCrash({})).toBe(0);
  expect(await lostByCrash({ acknowledgesBeforeFlush: true })).toBeGreaterThan(0);
});

test('a disk that cannot be proven is not opened', async () => {
  const world = new World({ unproven: () => 'no such disk' });
  await expect(world.receive()).rejects.toMatchObject({ fault: { code: 'replicaDiskUnproven' } });
  expect(world.replica.status(scenario)).toBeUndefined();
});
