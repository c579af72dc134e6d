import { expect, test } from 'vitest';
import { toFault } from '#machines/faults.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { scenario, Site } from './site.ts';

const inbound = `/state/${scenario}/inbound`;

async function replicating(seed: string, options: { readonly spoolBytesMax?: number } = {}): Promise<Site> {
  const site = new Site(seed, options);
  await site.startMaster();
  site.startAppliance();
  await site.receive();
  await site.clock.runUntil(() => site.factsOf('replica.caughtUp').length > 0, 30_000);
  return site;
}

const freeze = (site: Site): Promise<{ readonly point: ConsistentPoint | null }> =>
  site.run(site.receiver.freeze(site.intent()));
const block = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill);

/** What comes over the link until everything the master has written is in a point. */
async function bytesUntilCaughtUp(site: Site): Promise<number> {
  const before = site.receivedBytes;
  await site.receive();
  await site.clock.runUntil(
    () => site.writesBy(site.receiver.status(scenario)?.consistentPoint) === site.history.length,
    30_000,
  );
  return site.receivedBytes - before;
}

test('after a freeze only what is new comes over the link', async () => {
  const site = await replicating('bytes');
  for (let at = 0; at < 60; at += 1) site.write(1, at * 4096, block(at + 1));
  await site.clock.advance(2_000);
  await freeze(site);
  for (let at = 0; at < 3; at += 1) site.write(0, at * 4096, block(99));
  await site.clock.advance(5_000);
  const bytes = await bytesUntilCaughtUp(site);
  expect(bytes).toBeGreaterThan(3 * 4096);
  expect(bytes).toBeLessThan(3 * 4096 + 6_000);
  expect(site.factsOf('replica.resynchronizing')).toEqual([]);
});

/** Records that were acknowledged without a point after them: the link ends while an epoch is open. */
async function frozenInsideAnEpoch(): Promise<Site> {
  const site = await replicating('inside', { spoolBytesMax: 256 * 1024 });
  const before = site.receiver.status(scenario)!.consistentPoint;
  // More at once than the spool holds: the epoch stays open while the replica makes room.
  for (let at = 0; at < 160; at += 1) site.write(1, at * 4096, block(1 + at));
  await site.clock.runUntil(() => (site.receiver.status(scenario)?.journalBytes ?? 0) > 150_000, 30_000);
  const { point } = await freeze(site);
  expect(point).toEqual(before);
  return site;
}

test('what was acknowledged beyond the point is neither applied nor lost', async () => {
  const site = await frozenInsideAnEpoch();
  expect(site.matchingPrefixes()).toContain(0);
  const bytes = await bytesUntilCaughtUp(site);
  expect(site.factsOf('replica.resynchronizing')).toEqual([]);
  // An acknowledgement comes each quarter of the spool: two of them are not sent again.
  expect(bytes).toBeLessThan(site.history.length * 4096 - 2 * 64 * 1024 + 12_000);
  await freeze(site);
  expect(site.matchingPrefixes()).toContain(site.history.length);
});

test('the check catches a freeze that discards the journal beyond the point', async () => {
  const site = await frozenInsideAnEpoch();
  for (const name of await site.files.list(inbound)) await site.files.remove(`${inbound}/${name}`);
  await bytesUntilCaughtUp(site);
  expect(site.factsOf('replica.resynchronizing').length).toBeGreaterThan(0);
});

test('a frozen replica has no disk open, and sealing it opens none', async () => {
  const site = await replicating('closed');
  const { point } = await freeze(site);
  // The hypervisor has taken them away: whoever opens one now fails.
  for (const { locator } of site.plan.disks) {
    expect(site.disks.isOpen(locator.wwn)).toBe(false);
    site.disks.detach(locator.wwn);
  }
  const sealed = await site.run(site.receiver.finish({ waitForJournals: true }, site.intent()));
  expect(sealed.point).toEqual(point);
  expect(await site.files.list(inbound)).toEqual([]);
});

test('frozen during the copy there is no point, and the copy goes on from its mark', async () => {
  const site = new Site('copying');
  await site.startMaster();
  site.startAppliance();
  await site.receive();
  expect((await freeze(site)).point).toBeNull();
  expect(site.receiver.status(scenario)?.consistentPoint).toBeUndefined();
  await site.receive();
  await site.clock.runUntil(() => site.factsOf('replica.caughtUp').length > 0, 30_000);
  expect(site.factsOf('replica.resynchronizing')).toEqual([]);
});

test('disks that fail while they are brought to their point are let go of all the same', async () => {
  const site = await replicating('failing');
  site.write(0, 0, block(7));
  for (const { locator } of site.plan.disks) site.disks.detach(locator.wwn);
  await site.clock.advance(1_000);
  expect(await freeze(site).catch(toFault)).toMatchObject({ code: 'replicaDiskUnproven' });
  for (const [number, { locator }] of site.plan.disks.entries()) site.disks.attach(locator.wwn, site.blocks[number]!);
  const { point } = await freeze(site);
  expect(site.matchingPrefixes()).toContain(site.writesBy(point));
});

type Bug = { readonly flushDisks?: boolean; readonly discardJournal?: boolean };

/** Cuts, crashes before, during and after freezes; each frozen point is compared with the master's history. */
async function surviveFreezes(seed: string, { discardJournal = false, ...bug }: Bug = {}): Promise<Site> {
  const small = seed.endsWith('small');
  const site = new Site(seed, { ...bug, ...(small ? { spoolBytesMax: 256 * 1024 } : {}) });
  const chance = site.random.fork('plan');
  await site.startMaster();
  site.startAppliance();
  site.startWorkload(() => 1 + chance.integer(small ? 12 : 25));
  await site.receive();
  let claimed: ConsistentPoint | undefined;
  for (let round = 0; round < 5; round += 1) {
    await site.clock.advance(chance.integer(1_000));
    claimed = site.receiver.status(scenario)?.consistentPoint ?? claimed;
    const fault = chance.integer(4);
    if (fault === 0) site.network.cut('master', 'appliance');
    if (fault === 0) await site.clock.advance(chance.integer(8_000));
    claimed = site.receiver.status(scenario)?.consistentPoint ?? claimed;
    if (fault === 1) {
      void site.receiver.freeze(site.intent());
      await site.clock.advance(chance.integer(40));
      site.crashAppliance();
    }
    if (small && fault >= 2) {
      // More at once than the spool holds: the freeze comes while an epoch is open.
      for (let at = 0; at < 160; at += 1) site.write(1, at * 4096, block(1 + ((at + round) % 250)));
      await site.clock.advance(2 + chance.integer(8));
      claimed = site.receiver.status(scenario)?.consistentPoint ?? claimed;
    }
    const { point } = await freeze(site);
    if (discardJournal)
      for (const name of await site.files.list(inbound)) await site.files.remove(`${inbound}/${name}`);
    checkPoint(site, point, claimed);
    await site.clock.advance(chance.integer(2_000));
    if (chance.integer(2) === 0) site.crashAppliance();
    expect((await freeze(site)).point, 'frozen stays frozen').toEqual(point);
    checkPoint(site, point, claimed);
    site.network.heal();
    if (round < 4) await site.receive();
  }
  site.stopWorkload();
  const frozen = await freeze(site);
  expect(await site.run(site.receiver.finish({ waitForJournals: false }, site.intent()))).toEqual(frozen);
  expect(site.factsOf('replica.resynchronizing'), 'nothing is compared again').toEqual([]);
  return site;
}

function checkPoint(site: Site, point: ConsistentPoint | null, claimed: ConsistentPoint | undefined): void {
  if (claimed === undefined && point === null) return;
  expect(point, 'a point was acknowledged, so there is one').not.toBeNull();
  // A write of the very instant of the point may be in it or not.
  const instant = { ...point!, atNs: String(BigInt(point!.atNs) + 1n) };
  const found = site
    .matchingPrefixes()
    .filter((prefix) => prefix >= site.writesBy(point) && prefix <= site.writesBy(instant));
  expect(found, 'the disks are at the frozen point, byte for byte').not.toEqual([]);
  expect(site.writesBy(point)).toBeGreaterThanOrEqual(site.writesBy(claimed));
}

const seeds = Array.from({ length: 8 }, (_, index) => (index % 2 === 1 ? `${index} small` : `${index}`));

test.each(seeds)('frozen, the replica is a prefix not older than what was acknowledged (seed %s)', async (seed) => {
  const site = await surviveFreezes(seed);
  expect(site.history.length).toBeGreaterThan(50);
});

const caught = async (bug: Bug): Promise<number> => {
  const some = seeds.filter((seed) => seed.endsWith('small'));
  const outcomes = await Promise.allSettled(some.map((seed) => surviveFreezes(seed, bug)));
  return outcomes.filter(({ status }) => status === 'rejected').length;
};

test('the check catches disks that are let go of without a flush', async () => {
  expect(await caught({ flushDisks: false })).toBeGreaterThan(0);
});

test('the check catches a journal that is discarded', async () => {
  expect(await caught({ discardJournal: true })).toBeGreaterThan(0);
});
