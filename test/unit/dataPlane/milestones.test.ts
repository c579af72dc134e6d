import { expect, test } from 'vitest';
import { toFault } from '#machines/faults.ts';
import { diskPlans, scenario, Site } from './site.ts';

async function replicating(seed: string, options: { readonly spoolBytesMax?: number } = {}): Promise<Site> {
  const site = new Site(seed, options);
  await site.startMaster();
  site.startAppliance();
  for (let at = 0; at < 60; at += 1) site.write(at % 2, at * 4096, new Uint8Array(4096).fill(at + 1));
  await site.receive();
  await site.clock.runUntil(() => site.factsOf('replica.caughtUp').length > 0, 30_000);
  return site;
}

const same = (site: Site): boolean =>
  diskPlans.every(({ diskId }, disk) =>
    site.blocks[disk]!.read(0, site.blocks[disk]!.bytes).every(
      (byte, at) => byte === site.master.disk(diskId).read(at, 1)[0],
    ),
  );

test('milestones come in order, and a quiet master leaves a lag of about a second at most', async () => {
  const site = await replicating('milestones');
  expect(site.facts.map(({ type }) => type)).toEqual(['replica.synchronized', 'replica.caughtUp']);
  await site.clock.advance(10_000);
  const status = site.receiver.status(scenario)!;
  expect(status.link).toBe('connected');
  expect(status.replicationLagMs).toBeLessThan(1_200);
  expect(status.synchronization).toMatchObject({ doneBytes: 256 * 4096, totalBytes: 256 * 4096 });
  expect(same(site)).toBe(true);
  // Receiving already is success.
  await site.run(site.receiver.receive(site.plan, site.intent()));
});

test('waiting for the journals brings over every write the living master has completed', async () => {
  const site = await replicating('journals');
  site.startWorkload(() => 1);
  await site.clock.advance(500);
  const before = site.history.length;
  const { point } = await site.run(site.receiver.finish({ waitForJournals: true }, site.intent()));
  site.stopWorkload();
  expect(site.writesBy(point)).toBeGreaterThanOrEqual(before);
  expect(site.matchingPrefixes()).toContain(site.writesBy(point));
  const again = await site.run(site.receiver.finish({ waitForJournals: true }, site.intent()));
  expect(again.point).toEqual(point);
  // The disks are the substitute VM's now.
  expect(diskPlans.some(({ locator }) => site.disks.isOpen(locator.wwn))).toBe(false);
  const late = await site.run(site.receiver.receive(site.plan, site.intent())).catch(toFault);
  expect(late).toMatchObject({ code: 'invalidState' });
});

test('without a link the journals cannot be waited for, and the point is still there to be finished', async () => {
  const site = await replicating('dead');
  site.network.powerOff('master');
  await site.clock.runUntil(() => site.factsOf('replica.disconnected').length > 0, 60_000);
  expect(site.receiver.status(scenario)!.link).toBe('disconnected');
  expect(site.receiver.status(scenario)!.replicationLagMs).toBeGreaterThan(5_000);
  const waiting = await site.run(site.receiver.finish({ waitForJournals: true }, site.intent())).catch(toFault);
  expect(waiting).toMatchObject({ code: 'unreachable' });
  const { point } = await site.run(site.receiver.finish({ waitForJournals: false }, site.intent()));
  expect(site.writesBy(point)).toBe(60);
  expect(site.matchingPrefixes()).toContain(60);
});

test('a full spool is told, gives way to the map of dirty blocks, and nothing is missing after the link is back', async () => {
  const site = await replicating('full', { spoolBytesMax: 256 * 1024 });
  site.network.cut('master', 'appliance');
  site.startWorkload(() => 5);
  await site.clock.advance(60_000);
  site.stopWorkload();
  site.network.heal();
  const healed = site.clock.monotonicNs();
  await site.clock.runUntil(
    () =>
      BigInt(site.receiver.status(scenario)?.consistentPoint?.atNs ?? 0) > healed && site.matchingPrefixes().length > 0,
    60_000,
  );
  await site.clock.advance(3_000);
  expect(same(site)).toBe(true);
  expect(site.factsOf('replica.spoolFull')).toMatchObject([{ fault: { code: 'spoolFull' } }]);
  expect(site.factsOf('replica.reconnected').length).toBe(1);
  expect(site.factsOf('replica.resynchronizing')).toEqual([]);
});

test('lost changes are found by comparing all blocks, and the point stays until then', async () => {
  const site = await replicating('lost');
  const point = site.receiver.status(scenario)!.consistentPoint!;
  site.write(1, 40 * 4096, new Uint8Array(4096).fill(77));
  site.master.loseChanges('ring overrun');
  await site.clock.advance(5_000);
  expect(site.factsOf('replica.resynchronizing')).toEqual([
    { type: 'replica.resynchronizing', reason: 'ring overrun' },
  ]);
  expect(same(site)).toBe(true);
  expect(site.receiver.status(scenario)!.consistentPoint!.sequence).toBeGreaterThan(point.sequence);
});

test('where tracing is not permitted all blocks are compared, and that is told', async () => {
  const site = new Site('compare');
  site.master.traceNotPermitted = true;
  await site.startMaster();
  site.startAppliance();
  site.write(0, 8192, new Uint8Array(4096).fill(1));
  await site.receive();
  await site.clock.runUntil(() => site.factsOf('replica.caughtUp').length > 0, 60_000);
  expect(site.factsOf('replica.comparing')).toMatchObject([{ fault: { code: 'traceNotPermitted' } }]);
  site.write(1, 12_288, new Uint8Array(512).fill(2));
  await site.clock.advance(15_000);
  expect(same(site)).toBe(true);
});

test('a master whose engine was restarted compares all blocks again, and the replica keeps its point meanwhile', async () => {
  const site = await replicating('restart');
  const before = site.receiver.status(scenario)!.consistentPoint!;
  await site.restartMaster();
  site.write(0, 0, new Uint8Array(4096).fill(99));
  await site.clock.runUntil(() => site.factsOf('replica.resynchronizing').length > 0, 30_000);
  expect(site.receiver.status(scenario)!.consistentPoint).toBeDefined();
  await site.clock.advance(10_000);
  expect(same(site)).toBe(true);
  expect(site.receiver.status(scenario)!.consistentPoint).not.toEqual(before);
});

test('a disk of another size, a missing disk and an old epoch are refused with their own faults', async () => {
  const site = new Site('refused');
  await site.startMaster();
  site.startAppliance();
  site.master.shrinkDisk('/dev/b', 4096);
  expect(await site.run(site.receiver.receive(site.plan, site.intent())).catch(toFault)).toMatchObject({
    code: 'diskChanged',
  });
  site.master.removeDisk('/dev/b');
  site.epoch = 3;
  expect(await site.run(site.receiver.receive(site.plan, site.intent())).catch(toFault)).toMatchObject({
    code: 'diskMissing',
  });
  site.epoch = 2;
  expect(await site.run(site.receiver.receive(site.plan, site.intent())).catch(toFault)).toMatchObject({
    code: 'staleEpoch',
  });
  expect(diskPlans.some(({ locator }) => site.disks.isOpen(locator.wwn))).toBe(false);
});
