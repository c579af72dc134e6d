import { afterEach, expect, test } from 'vitest';
import type { EventView } from '#control/eventLog/eventLog.ts';
import { ControlSite } from './site.ts';

let site: ControlSite;
afterEach(() => site.close());

const mirrored = async (): Promise<unknown[]> => {
  const events = (await site.ask('GET', '/api/events')).body as EventView[];
  return events.filter(({ code }) => code === 'synchronizationCompleted').map(({ params }) => params['bytes']);
};

test('reports are mirrored once each, in order, across a restart and repeated pages', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  const report = (bytes: number): void => site.appliance.report(scenarioId, 'synchronizationCompleted', { bytes });
  for (const bytes of [1, 2, 3]) report(bytes);
  await site.clock.advance(1_000);
  expect(await mirrored()).toEqual([1, 2, 3]);
  await site.stopControl();
  for (const bytes of [4, 5]) report(bytes);
  site.appliance.repeated = 3;
  await site.startControl();
  report(6);
  await site.clock.advance(1_000);
  expect(await mirrored()).toEqual([1, 2, 3, 4, 5, 6]);
});

test('reports made while the link is cut arrive once it is back', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.network.cut('control', 'appliance');
  await site.clock.advance(60_000);
  site.appliance.report(scenarioId, 'synchronizationCompleted', { bytes: 1 });
  site.network.heal();
  await site.clock.advance(30_000);
  expect(await mirrored()).toEqual([1]);
});

test('an engine that was installed again numbers from 1: nothing is lost, nothing doubled, and it is told', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  const report = (bytes: number): void => site.appliance.report(scenarioId, 'synchronizationCompleted', { bytes });
  for (const bytes of [1, 2, 3]) report(bytes);
  await site.clock.advance(1_000);
  site.network.kill('appliance');
  await site.clock.advance(5_000);
  site.appliance.reports.length = 0;
  for (const bytes of [4, 5]) report(bytes);
  await site.startAppliance();
  await site.clock.advance(20_000);
  expect(await mirrored()).toEqual([1, 2, 3, 4, 5]);
  await site.stopControl();
  await site.startControl();
  expect(await mirrored()).toEqual([1, 2, 3, 4, 5]);
  const events = (await site.ask('GET', '/api/events')).body as EventView[];
  expect(events.filter(({ code }) => code === 'applianceReplaced')).toHaveLength(1);
});

test('a mirrored event carries its sentence in both languages and its severity', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.appliance.report(scenarioId, 'switchoverCompleted');
  await site.clock.advance(1_000);
  const events = (await site.ask('GET', `/api/scenarios/${scenarioId}/events?after=0`)).body as EventView[];
  expect(events).toMatchObject([
    {
      code: 'switchoverCompleted',
      severity: 'significant',
      ja: 'スイッチオーバーが完了しました。',
      en: 'Switchover completed.',
    },
  ]);
});

test('a status is known while it is heard and unknown, with its age, after 5 s of silence', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.appliance.statuses.set(scenarioId, {
    state: 'replicating.flow.connected + replicating.isAlive.alive',
    running: true,
    replicationLagMs: 120,
  });
  await site.clock.advance(2_000);
  expect(await site.view(scenarioId)).toMatchObject({ known: true, status: { replicationLagMs: 120 } });
  site.network.cut('control', 'appliance');
  await site.clock.advance(8_000);
  const silent = await site.view(scenarioId);
  expect(silent).toMatchObject({
    known: false,
    label: { ja: '不明', en: 'Unknown' },
    lastKnown: { state: 'replicating.flow.connected + replicating.isAlive.alive' },
    commands: { run: { accepted: false, code: 'statusUnknown' } },
  });
  expect(silent).not.toHaveProperty('status');
  expect(silent.ageMs).toBeGreaterThan(5_000);
  site.network.heal();
  await site.clock.advance(15_000);
  expect((await site.view(scenarioId)).known).toBe(true);
});

test('what an earlier process heard is never shown as the present, whatever the wall clock says', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  await site.stopControl();
  site.network.kill('appliance');
  site.clock.stepWallClock(-3_600_000);
  await site.startControl();
  expect(await site.view(scenarioId)).toMatchObject({ known: false, ageMs: 0, lastKnown: { state: 'stopped' } });
});

test('a scenario that the appliance no longer holds is unknown', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  expect((await site.view(scenarioId)).known).toBe(true);
  site.appliance.definitions.clear();
  await site.clock.advance(6_000);
  expect((await site.view(scenarioId)).known).toBe(false);
});

test('a lost and regained appliance is told in the event log and in the list of engines', async () => {
  site = await ControlSite.start();
  const engine = async (): Promise<unknown> => ((await site.ask('GET', '/api/engines')).body as unknown[])[0];
  expect(await engine()).toMatchObject({ which: 'appliance', state: 'connected' });
  site.network.powerOff('appliance');
  await site.clock.advance(20_000);
  expect(await engine()).toMatchObject({ state: 'disconnected' });
  site.network.powerOn('appliance');
  await site.startAppliance();
  await site.clock.advance(20_000);
  expect(await engine()).toMatchObject({ state: 'connected' });
  const events = (await site.ask('GET', '/api/events')).body as EventView[];
  expect(events.map(({ code }) => code)).toEqual(['applianceReachable', 'applianceUnreachable', 'applianceReachable']);
});
