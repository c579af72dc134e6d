import { expect, it } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import { accepted, expectCaughtUp, replicatingSite, untilReplicating, untilState } from './runs.ts';

it('after a halted switchover was given up, Run protects the master again', async () => {
  const site = await replicatingSite({ seed: 'given-up', switchover: 'manual' });
  site.appliance.failHypervisor({
    method: 'detachDisk',
    nth: 1,
    when: 'before',
    fault: new PartyFault('hypervisorRefused', { host: 'esxi', reason: 'planned' }),
  });
  await accepted(site, { command: 'switchover', waitForJournals: true });
  await untilState(site, 'switchingOver.halted');
  await accepted(site, { command: 'stop' });
  await untilState(site, 'stopped');
  const { epoch } = await site.status();
  await accepted(site, { command: 'run' });
  await untilReplicating(site);
  expect((await site.status()).epoch).toBe(epoch);
  await expectCaughtUp(site);
});
