import { expect, it } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import { accepted, expectCaughtUp, replicatingSite, untilReplicating, untilState } from './runs.ts';

it('after a switchover that could not go on was given up, Run protects the master again', async () => {
  const site = await replicatingSite({ seed: 'given-up', switchover: 'manual' });
  site.appliance.failHypervisor({
    method: 'detachDisk',
    nth: 1,
    when: 'before',
    fault: new PartyFault('hypervisorRefused', { host: 'esxi', reason: 'planned' }),
  });
  await accepted(site, { command: 'switchover', waitForJournals: true });
  await untilState(site, 'takingOver.verdict.proven + takingOver.double.failed');
  expect(await site.isMasterIsolated()).toBe(true);
  await accepted(site, { command: 'giveUpSwitchover' });
  await untilState(site, 'stopped');
  expect(await site.isMasterIsolated()).toBe(false);
  const { epoch } = await site.status();
  await accepted(site, { command: 'run' });
  await untilReplicating(site);
  expect((await site.status()).epoch).toBe(epoch + 1);
  await expectCaughtUp(site);
});
