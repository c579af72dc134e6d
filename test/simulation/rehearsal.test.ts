import { expect, it } from 'vitest';
import { accepted, expectSwitchedOver, replicatingSite, siteWithScenario } from './runs.ts';

it('a rehearsal voices just the wishes of the switchover that follows, and performs none', async () => {
  const site = await replicatingSite({ seed: 'rehearsed', switchover: 'manual' });
  const { scenarioId } = site.scenario;
  const before = JSON.stringify(site.model.save());
  const commits = site.transcript.length;
  const rehearsal = await site.request('scenario.rehearse', { scenarioId, waitForJournals: true });
  expect(JSON.stringify(site.model.save().vms)).toBe(JSON.stringify(JSON.parse(before).vms));
  expect(site.transcript).toHaveLength(commits);
  expect(await site.isMasterIsolated()).toBe(false);
  expect(rehearsal).toMatchObject({ answer: { accepted: true }, findings: [], endsIn: 'switchedOver' });

  await accepted(site, { command: 'switchover', waitForJournals: true });
  await expectSwitchedOver(site);
  const answered = site.transcript
    .slice(commits)
    .filter((line) => !line.includes('[guard]'))
    .flatMap((line) => /(\w+\.\w+)\.done/.exec(line)?.[1] ?? []);
  expect(answered).toEqual(rehearsal.wishes?.map(({ name }) => name));
});

it('a rehearsal names what is in the way: not synchronized, and an appliance with a snapshot', async () => {
  const site = await siteWithScenario({ seed: 'hindered' });
  const { scenarioId } = site.scenario;
  const appliance = site.model.vms().find(({ name }) => name === 'appliance');
  site.model.createSnapshot(appliance?.id ?? '', { name: 'backup', description: '' });
  const rehearsal = await site.request('scenario.rehearse', { scenarioId, waitForJournals: true });
  expect(rehearsal.answer).toMatchObject({ accepted: false, code: 'notSynchronized' });
  expect(rehearsal.findings.map(({ code }) => code)).toEqual(['snapshotBlocks']);
  expect(rehearsal.wishes).toBeUndefined();
});
