import { describe, expect, test } from 'vitest';
import type { ReplicaFact, ReplicaStatus } from '#engine/replica/ReplicaStream.ts';
import type { ReceivePlan } from '#engine/replica/replicaState.ts';
import { toFault } from '#machines/faults.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Replica } from '#machines/parties/replica.ts';
import type { ConsistentPoint, ScenarioId } from '#machines/vocabulary.ts';
import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';

/** A master with a workload and an appliance that may crash, whatever moves the blocks between them. */
export interface ReplicaWorld {
  readonly clock: SimulatedClock;
  readonly network: SimulatedNetwork;
  readonly facts: readonly ReplicaFact[];
  readonly plan: ReceivePlan;
  readonly scenario: ScenarioId;
  /** Of the appliance's present process. */
  readonly replica: Replica & { status(scenario: ScenarioId): ReplicaStatus | undefined; close(): Promise<void> };
  write(count: number): void;
  startWorkload(): void;
  stopWorkload(): void;
  writes(): number;
  writesBy(point: ConsistentPoint | null | undefined): number;
  /** Whether the disks are what the master had after so many writes. */
  holds(prefix: number): boolean;
  loseChanges(reason: string): void;
  killMasterEngine(): void;
  startMasterEngine(): Promise<void>;
  powerCycleMaster(): Promise<void>;
  crashAppliance(): void;
}

const typesOf = (world: ReplicaWorld): string[] => world.facts.map(({ type }) => type);
const count = (world: ReplicaWorld, type: ReplicaFact['type']): number =>
  typesOf(world).filter((one) => one === type).length;

export function replicaContract(name: string, make: (seed: string) => Promise<ReplicaWorld>): void {
  let tickets = 0;
  const intentOf = (world: ReplicaWorld, epoch = 1): Intent => ({
    ticket: `${(tickets += 1)}`,
    scenarioId: world.scenario,
    epoch,
    deadlineAtMs: world.clock.nowMs() + 60_000,
  });

  /** Moves time until it settles. */
  async function run<Value>(world: ReplicaWorld, promise: Promise<Value>): Promise<Value> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => {});
    await world.clock.runUntil(() => settled, 120_000);
    return watched;
  }
  const receive = (world: ReplicaWorld, epoch = 1): Promise<void> =>
    run(world, world.replica.receive(world.plan, intentOf(world, epoch)));
  const freeze = (world: ReplicaWorld, epoch = 1) => run(world, world.replica.freeze(intentOf(world, epoch)));
  const finish = (world: ReplicaWorld, epoch = 1, waitForJournals = false) =>
    run(world, world.replica.finish({ waitForJournals }, intentOf(world, epoch)));
  const status = (world: ReplicaWorld): ReplicaStatus | undefined => world.replica.status(world.scenario);
  const told = (world: ReplicaWorld, type: ReplicaFact['type'], times = 1): Promise<number> =>
    world.clock.runUntil(() => count(world, type) >= times, 120_000);

  async function replicating(seed: string): Promise<ReplicaWorld> {
    const world = await make(seed);
    world.write(30);
    await receive(world);
    await told(world, 'replica.caughtUp');
    return world;
  }

  async function reaches(world: ReplicaWorld, writes: number): Promise<void> {
    await world.clock.runUntil(() => world.writesBy(status(world)?.consistentPoint) >= writes, 60_000);
  }

  describe(`replica contract: ${name}`, () => {
    test('milestones come in order, and the point follows the master', async () => {
      const world = await replicating('order');
      expect(typesOf(world)).toEqual(['replica.synchronized', 'replica.caughtUp']);
      world.startWorkload();
      await world.clock.advance(5_000);
      const now = world.writes();
      await world.clock.advance(2_000);
      expect(world.writesBy(status(world)?.consistentPoint)).toBeGreaterThanOrEqual(now);
      expect(status(world)).toMatchObject({ link: 'connected' });
      expect(status(world)!.replicationLagMs).toBeLessThan(1_500);
    });

    test('frozen, the disks are at their point and stand still; nothing the master does is forgotten', async () => {
      const world = await replicating('freeze');
      world.startWorkload();
      await world.clock.advance(3_000);
      const before = world.writesBy(status(world)?.consistentPoint);
      const { point } = await freeze(world);
      expect(world.writesBy(point)).toBeGreaterThanOrEqual(before);
      expect(world.holds(world.writesBy(point))).toBe(true);
      await world.clock.advance(20_000);
      expect(world.holds(world.writesBy(point))).toBe(true);
      expect(status(world)).toMatchObject({ frozen: true, link: 'disconnected', consistentPoint: point });
      expect(status(world)!.replicationLagMs).toBeGreaterThan(19_000);
      expect((await freeze(world)).point).toEqual(point);
      world.stopWorkload();
      await receive(world);
      await reaches(world, world.writes());
      expect(count(world, 'replica.resynchronizing')).toBe(0);
      expect(status(world)!.frozen).toBeUndefined();
      await freeze(world);
      expect(world.holds(world.writes())).toBe(true);
    });

    test('frozen stays so over a crash of the process, at the same point', async () => {
      const world = await replicating('frozen crash');
      world.write(10);
      await world.clock.advance(2_000);
      const { point } = await freeze(world);
      world.write(10);
      world.crashAppliance();
      status(world);
      await world.clock.advance(100);
      expect(status(world)).toMatchObject({ frozen: true, consistentPoint: point });
      expect((await freeze(world)).point).toEqual(point);
      expect(world.holds(world.writesBy(point))).toBe(true);
      await receive(world);
      await reaches(world, world.writes());
      expect(count(world, 'replica.resynchronizing')).toBe(0);
    });

    test('finish after freeze seals the same point', async () => {
      const world = await replicating('seal');
      const { point } = await freeze(world, 2);
      world.write(5);
      await world.clock.advance(2_000);
      expect((await finish(world, 2)).point).toEqual(point);
      expect((await finish(world, 2)).point).toEqual(point);
      expect((await freeze(world, 2)).point).toEqual(point);
      expect(status(world)).toBeUndefined();
      expect(world.holds(world.writesBy(point))).toBe(true);
    });

    test('nothing was ever received: there is no point', async () => {
      const world = await make('none');
      expect(await freeze(world)).toEqual({ point: null });
      expect(await finish(world)).toEqual({ point: null });
      expect(status(world)).toBeUndefined();
    });

    test('waiting for the journals brings over everything completed, and needs a link', async () => {
      const world = await replicating('journals');
      world.startWorkload();
      await world.clock.advance(1_000);
      const completed = world.writes();
      const { point } = await finish(world, 2, true);
      expect(world.writesBy(point)).toBeGreaterThanOrEqual(completed);
      expect(world.holds(world.writesBy(point))).toBe(true);
      const dead = await replicating('no journals');
      dead.network.cut('master', 'appliance');
      await told(dead, 'replica.disconnected');
      expect(await finish(dead, 2, true).catch(toFault)).toMatchObject({ code: 'unreachable' });
      expect(dead.writesBy((await finish(dead, 2)).point)).toBe(30);
    });

    test('an older epoch has no say, and a finished one is not received again', async () => {
      const world = await replicating('epochs');
      await freeze(world, 3);
      expect(await receive(world, 2).catch(toFault)).toMatchObject({ code: 'staleEpoch' });
      await receive(world, 3);
      expect(await finish(world, 2).catch(toFault)).toMatchObject({ code: 'staleEpoch' });
      await finish(world, 3);
      expect(await receive(world, 3).catch(toFault)).toMatchObject({ code: 'invalidState' });
      // Adopted again in a newer one, it begins anew: the disks were somebody else's meanwhile.
      const before = count(world, 'replica.synchronized');
      await receive(world, 4);
      expect(status(world)!.consistentPoint).toBeUndefined();
      await told(world, 'replica.synchronized', before + 1);
    });

    test('receiving already is success, takes up a newer epoch, and tells again that the link is down', async () => {
      const world = await replicating('again');
      await receive(world, 2);
      expect(count(world, 'replica.disconnected')).toBe(0);
      expect(await freeze(world, 1).catch(toFault)).toMatchObject({ code: 'staleEpoch' });
      world.network.cut('master', 'appliance');
      await told(world, 'replica.disconnected');
      await receive(world, 2);
      expect(count(world, 'replica.disconnected')).toBe(2);
      world.network.heal();
      await told(world, 'replica.reconnected');
      await receive(world, 2);
      expect(count(world, 'replica.disconnected')).toBe(2);
    });

    test('a cut is told within 15 s, what was missed comes after it; a short one is not told at all', async () => {
      const world = await replicating('cut');
      world.network.cutOneWay('master', 'appliance');
      await world.clock.advance(4_000);
      world.network.heal();
      await world.clock.advance(20_000);
      expect(typesOf(world)).toEqual(['replica.synchronized', 'replica.caughtUp']);
      world.network.cut('master', 'appliance');
      world.write(20);
      const tookMs = await told(world, 'replica.disconnected');
      expect(tookMs).toBeGreaterThan(5_000);
      expect(tookMs).toBeLessThan(15_000);
      expect(world.writesBy(status(world)?.consistentPoint)).toBe(30);
      expect(status(world)!.link).toBe('disconnected');
      await world.clock.advance(60_000);
      world.network.heal();
      expect(await told(world, 'replica.reconnected')).toBeLessThan(15_000);
      await reaches(world, 50);
      expect(count(world, 'replica.resynchronizing')).toBe(0);
    });

    test('without its master it cannot begin, and says that it is unreachable', async () => {
      const world = await make('unreachable');
      world.network.powerOff('master');
      expect(await receive(world).catch(toFault)).toMatchObject({ code: 'unreachable' });
      expect(status(world)).toBeUndefined();
    });

    test('a master whose engine was started again is compared anew; the point stays meanwhile', async () => {
      const world = await replicating('engine');
      world.killMasterEngine();
      expect(await told(world, 'replica.disconnected')).toBeLessThan(1_000);
      world.write(5);
      await world.startMasterEngine();
      await told(world, 'replica.resynchronizing');
      expect(status(world)!.consistentPoint).toBeDefined();
      await told(world, 'replica.caughtUp', 2);
      await reaches(world, 35);
      expect(typesOf(world).slice(2)).toEqual([
        'replica.disconnected',
        'replica.resynchronizing',
        'replica.reconnected',
        'replica.synchronized',
        'replica.caughtUp',
      ]);
    });

    test('a master that was started anew is told as such, before the comparison', async () => {
      const world = await replicating('reboot');
      await world.powerCycleMaster();
      await told(world, 'replica.caughtUp', 2);
      expect(typesOf(world).slice(2)).toEqual([
        'replica.disconnected',
        'replica.masterRebooted',
        'replica.resynchronizing',
        'replica.reconnected',
        'replica.synchronized',
        'replica.caughtUp',
      ]);
      expect(world.holds(world.writesBy((await finish(world, 2)).point))).toBe(true);
    });

    test('lost changes are told, compared, and caught up', async () => {
      const world = await replicating('lost');
      world.loseChanges('ring overrun');
      await told(world, 'replica.caughtUp', 2);
      expect(world.facts.slice(2)).toMatchObject([
        { type: 'replica.resynchronizing', reason: 'ring overrun' },
        { type: 'replica.caughtUp' },
      ]);
    });

    test('a crash loses nothing that was acknowledged, and receiving goes on without a comparison', async () => {
      const world = await replicating('crash');
      world.startWorkload();
      await world.clock.advance(4_000);
      const claimed = world.writesBy(status(world)?.consistentPoint);
      world.crashAppliance();
      expect(status(world)).toBeUndefined();
      await receive(world);
      expect(world.writesBy(status(world)?.consistentPoint)).toBeGreaterThanOrEqual(claimed);
      expect(count(world, 'replica.resynchronizing')).toBe(0);
      expect(count(world, 'replica.synchronized')).toBe(2);
      world.crashAppliance();
      const { point } = await finish(world, 2);
      expect(world.writesBy(point)).toBeGreaterThanOrEqual(claimed);
      expect(world.holds(world.writesBy(point))).toBe(true);
    });

    test('stopped, it is quiet; receiving again compares, because the master forgot the stream', async () => {
      const world = await replicating('stop');
      await run(world, world.replica.stop(intentOf(world)));
      expect(status(world)).toBeUndefined();
      world.write(5);
      await world.clock.advance(5_000);
      expect(count(world, 'replica.caughtUp')).toBe(1);
      await receive(world);
      expect(count(world, 'replica.resynchronizing')).toBeGreaterThan(0);
      await reaches(world, 35);
    });

    test('closed by its engine, a later process goes on without a comparison', async () => {
      const world = await replicating('close');
      await run(world, world.replica.close());
      world.write(5);
      world.crashAppliance();
      await receive(world);
      await reaches(world, 35);
      expect(count(world, 'replica.resynchronizing')).toBe(0);
    });
  });
}
