import { expect, it } from 'vitest';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { accepted, expectCaughtUp, expectSwitchedOver, replicatingSite, restartAppliance, told } from './runs.ts';
import { untilReplicating } from './runs.ts';

const checks = [
  { name: 'web', kind: 'port', port: 443, timeoutMs: 60_000 },
  { name: 'mail', kind: 'port', port: 25, timeoutMs: 60_000 },
] as const;

const testingSite = (seed: string): Promise<SimulatedSite> => replicatingSite({ seed, assuredRecovery: { checks } });
const testVms = (site: SimulatedSite) =>
  site.model.vms().filter((vm) => vm.extraConfig['guestinfo.kagemusha.role'] === 'testVm');
const untilFlow = (site: SimulatedSite, flow: string): Promise<void> =>
  site.until(`the flow is ${flow}`, async () => (await site.status()).state.includes(`flow.${flow} +`));

/** Whatever a test VM writes, it writes to the disks that it was given. */
function scribble(site: SimulatedSite): number {
  const paths = testVms(site).flatMap(({ devices }) =>
    devices.flatMap((device) => (device.kind === 'disk' ? [device.path] : [])),
  );
  for (const path of paths) site.appliance.contentsOf(path)?.write(0, new Uint8Array(8192).fill(255));
  return paths.length;
}

it('a manual test changes nothing: the replica is byte for byte what it would be', async () => {
  const site = await testingSite('manual-test');
  await site.clock.advance(10_000);
  await accepted(site, { command: 'startTest', mode: 'manual' });
  await untilFlow(site, 'testing.readyForTest');
  expect(scribble(site)).toBe(1);
  const writtenBefore = site.workload.count;
  await site.clock.advance(60_000);
  expect(site.workload.count).toBeGreaterThan(writtenBefore);
  await accepted(site, { command: 'endTest', verdict: 'passed' });
  await untilReplicating(site);
  expect(await told(site, 'integrityTestPassed')).toBe(1);
  expect(testVms(site)).toEqual([]);
  expect(site.model.disks.all().filter(({ parent }) => parent !== undefined)).toEqual([]);
  await expectCaughtUp(site);
  const [replica] = site.model.disks.all().map(({ path }) => site.appliance.contentsOf(path));
  const master = site.master.disk('/dev/sda');
  expect(Buffer.from(replica?.read(0, master.bytes) ?? []).equals(master.read(0, master.bytes))).toBe(true);
});

it('an automatic test passes only when every check said yes', async () => {
  const site = await testingSite('automatic-test');
  await accepted(site, { command: 'startTest', mode: 'automatic' });
  await site.until('the test is over', async () => (await told(site, 'integrityTestPassed')) === 1);
  await untilReplicating(site);
  site.guests.answers.set('mail', { outcome: 'failed', evidence: 'nobody listens' });
  await accepted(site, { command: 'startTest', mode: 'automatic' });
  await site.until('the test is over', async () => (await told(site, 'integrityTestFailed')) === 1);
  expect([await told(site, 'integrityTestPassed'), await told(site, 'integrityTestInconclusive')]).toEqual([1, 0]);
});

it.each([
  ['the master dies', (site: SimulatedSite) => site.killMaster()],
  [
    'the master dies and the appliance with it',
    async (site: SimulatedSite) => {
      await site.killMaster();
      await restartAppliance(site);
    },
  ],
])('%s during a test: the test VM is gone before the double serves', async (_what, happens) => {
  const site = await testingSite(`dies-${_what}`);
  await site.clock.advance(10_000);
  await accepted(site, { command: 'startTest', mode: 'manual' });
  await untilFlow(site, 'testing.readyForTest');
  scribble(site);
  let beside = 0;
  site.model.onChanged(() => {
    const connected = site.model
      .vms()
      .some(
        ({ name, devices }) =>
          name === 'web-double' && devices.some((device) => device.kind === 'nic' && device.connected),
      );
    if (connected && testVms(site).length > 0) beside += 1;
  });
  await happens(site);
  await expectSwitchedOver(site);
  expect(beside).toBe(0);
  expect(testVms(site)).toEqual([]);
});

it('a scheduled test begins by itself, and nobody judges it', async () => {
  const site = await replicatingSite({
    seed: 'scheduled-test',
    data: 'writeIds',
    assuredRecovery: { checks },
    schedule: { task: 'assuredRecovery', utcOffsetMinutes: 540, excludedDates: [], everyHours: 1 },
  });
  await site.clock.advance(2 * 3_600_000);
  await untilReplicating(site);
  expect(await told(site, 'integrityTestPassed')).toBeGreaterThanOrEqual(1);
});
