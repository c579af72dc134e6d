import { expect, it } from 'vitest';
import { accepted, expectCaughtUp, expectSwitchedOver, replicatingSite, restartAppliance, told } from './runs.ts';
import { untilReplicating } from './runs.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';

const untilFlow = (site: SimulatedSite, flow: string): Promise<void> =>
  site.until(`the flow is ${flow}`, async () => (await site.status()).state.includes(`flow.${flow} +`));

it('a suspended replica stands still, and goes on without a resynchronization', async () => {
  const site = await replicatingSite({ seed: 'suspended' });
  await site.clock.advance(5_000);
  await accepted(site, { command: 'suspend' });
  await untilFlow(site, 'suspended');
  const stood = (await site.writes()).found;
  await site.clock.advance(60_000);
  expect((await site.writes()).found).toBe(stood);
  expect(site.workload.count).toBeGreaterThan(stood + 200);
  await restartAppliance(site);
  expect((await site.status()).state).toContain('flow.suspended +');
  await accepted(site, { command: 'resume' });
  await untilReplicating(site);
  expect(site.transcript.filter((line) => line.includes('replica.resynchronizing'))).toEqual([]);
  await expectCaughtUp(site);
});

it('a master that dies while replication is suspended is doubled from where the replica stands', async () => {
  const site = await replicatingSite({ seed: 'suspended-death' });
  await site.clock.advance(5_000);
  await accepted(site, { command: 'suspend' });
  await untilFlow(site, 'suspended');
  await site.clock.advance(30_000);
  await site.killMaster();
  await expectSwitchedOver(site);
});

it('a scheduled suspension begins and ends by itself', async () => {
  const site = await replicatingSite({
    seed: 'scheduled-suspension',
    data: 'writeIds',
    schedule: { task: 'suspension', utcOffsetMinutes: 540, excludedDates: [], everyHours: 1, durationMs: 600_000 },
  });
  await untilFlow(site, 'suspendedForAWhile');
  await site.clock.advance(610_000);
  await untilReplicating(site);
  expect([await told(site, 'replicationSuspended'), await told(site, 'replicationResumed')]).toEqual([1, 1]);
});
