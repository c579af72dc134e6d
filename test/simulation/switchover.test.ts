import { describe, expect, it } from 'vitest';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { restartAppliance } from './runs.ts';

async function replicating(seed: string, switchover: 'manual' | 'automatic'): Promise<SimulatedSite> {
  const site = await SimulatedSite.start({ seed });
  await site.createScenario({ switchover });
  expect(await site.command({ command: 'run' })).toEqual({ accepted: true });
  await site.until('it replicates', async () =>
    (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
  );
  return site;
}

async function automaticSwitchover(seed: string): Promise<SimulatedSite> {
  const site = await replicating(seed, 'automatic');
  await site.clock.advance(20_000);
  await site.killMaster();
  await site.until('the double has taken over', async () => (await site.status()).state === 'switchedOver');
  return site;
}

describe('the whole flow on the simulated site', () => {
  it('a disk outlives its machine: no acknowledged write is lost', async () => {
    const site = await automaticSwitchover('first');
    const { acknowledged, lost } = await site.writes();
    expect(acknowledged).toBeGreaterThan(50);
    expect(lost).toBe(0);
    expect(await site.substituteVm()).toEqual({ power: 'on' });
    expect(await site.events()).toContain('スイッチオーバーが完了しました。');
  });

  it('the same seed gives the same transcript, another seed another', async () => {
    const [once, again, other] = await Promise.all(
      ['seed-1', 'seed-1', 'seed-2'].map((seed) => automaticSwitchover(seed)),
    );
    expect(again?.transcript).toEqual(once?.transcript);
    expect(await again?.writes()).toEqual(await once?.writes());
    expect(other?.transcript).not.toEqual(once?.transcript);
  });

  it('a planned switchover that waits for the journals loses nothing at all', async () => {
    const site = await replicating('planned', 'manual');
    site.workload.stop();
    await site.command({ command: 'switchover', waitForJournals: true });
    await site.until('the double has taken over', async () => (await site.status()).state === 'switchedOver');
    expect(await site.isMasterIsolated()).toBe(true);
    expect((await site.writes()).found).toBe(site.workload.count);
  });

  it('goes on where it was when the appliance is killed at any moment from Run to replication', async () => {
    const statesKilledIn = new Set<string>();
    for (let killAfterMs = 0; killAfterMs <= 240; killAfterMs += 6) {
      const site = await SimulatedSite.start({ seed: `start-${killAfterMs}` });
      await site.createScenario({ switchover: 'automatic' });
      await site.clock.advance(10_000);
      await site.command({ command: 'run' });
      await site.clock.advance(killAfterMs);
      statesKilledIn.add(site.transcript.at(-1)?.split(' → ')[1] ?? '');
      await restartAppliance(site);
      await site.until('it replicates', async () =>
        (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
      );
      await site.clock.advance(3_000);
      await site.killMaster();
      await site.until('the double has taken over', async () => (await site.status()).state === 'switchedOver');
      const { acknowledged, lost } = await site.writes();
      expect({ enough: acknowledged > 40, lost }).toEqual({ enough: true, lost: 0 });
    }
    // The moments must really have hit the copy, or the test proves nothing about it.
    expect([...statesKilledIn]).toEqual(expect.arrayContaining(['synchronizing.copying', 'preparing.creatingDisk']));
  });

  it('ends in the same place with one VM when the appliance is killed at any moment of the switchover', async () => {
    for (let killAfterMs = 0; killAfterMs <= 30_000; killAfterMs += 500) {
      const site = await replicating(`mid-switchover-${killAfterMs}`, 'manual');
      await site.clock.advance(2_000);
      await site.command({ command: 'switchover', waitForJournals: false });
      await site.clock.advance(killAfterMs);
      await restartAppliance(site);
      await site.until('the double has taken over', async () => (await site.status()).state === 'switchedOver');
      const doubles = site.model.vms().filter(({ name }) => name !== 'appliance');
      expect(doubles, `killed ${killAfterMs} ms into the switchover`).toHaveLength(1);
      expect((await site.writes()).lost).toBe(0);
    }
  });
});
