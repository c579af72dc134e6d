import { expect, it } from 'vitest';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { accepted, expectCaughtUp, expectSwitchedOver, replicatingSite, restartAppliance, told } from './runs.ts';

const target = { host: 'master', port: 25_000 };
const untilRecovery = (site: SimulatedSite, state: string): Promise<void> =>
  site.until(`the recovery is ${state}`, async () => (await site.status()).state.endsWith(`dataRecovery.${state}`));
const filesOf = (site: SimulatedSite) => Object.fromEntries(site.past.targets.get('master')?.files ?? []);

async function mounted(seed: string): Promise<SimulatedSite> {
  const site = await replicatingSite({ seed });
  await accepted(site, { command: 'recoverData' });
  await untilRecovery(site, 'choosing');
  await accepted(site, { command: 'mountRecoveryPoint', pointId: 'yesterday' });
  await untilRecovery(site, 'mounted');
  return site;
}

it('files come back from a recovery point while the scenario replicates', async () => {
  const site = await mounted('restore');
  const items = [{ volume: '/home', path: 'folder' }];
  await accepted(site, { command: 'restoreFiles', items, target, folder: 'restored' });
  await site.until('they are restored', async () => (await told(site, 'recoveryCompleted')) === 1);
  expect(filesOf(site)).toEqual({
    '/home/restored/folder/b.txt': 'folder/b.txt yesterday',
    '/home/restored/folder/c.txt': 'folder/c.txt yesterday',
  });
  await accepted(site, { command: 'endRecovery' });
  await untilRecovery(site, 'idle');
  expect(site.past.mounted).toBeUndefined();
  await expectCaughtUp(site);
});

it('a restore that the death of the appliance interrupts goes on by itself', async () => {
  const site = await mounted('restore-killed');
  await accepted(site, { command: 'restoreFiles', items: [{ volume: '/home', path: '' }], target });
  await restartAppliance(site);
  await site.until('they are restored', async () => (await told(site, 'recoveryCompleted')) === 1);
  expect(Object.keys(filesOf(site))).toHaveLength(3);
});

it('the double never waits for a restore', async () => {
  const site = await mounted('restore-death');
  await site.killMaster();
  await expectSwitchedOver(site);
  expect(site.past.mounted).toBeUndefined();
});
