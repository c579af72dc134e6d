import { afterEach, expect, test } from 'vitest';
import { leaseTimingDefaults } from '#machines/masterGuard/leaseTiming.ts';
import { commandTable } from '#control/scenarios/commandTable.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import type { ProblemDetails } from '#control/api/problems.ts';
import type { ScenarioView } from '#control/scenarios/scenarioView.ts';
import { alreadyRunning } from './fakeAppliance.ts';
import { ControlSite, draft } from './site.ts';

let site: ControlSite;
afterEach(() => site.close());

test('a scenario is created, defined at the appliance and listed', async () => {
  site = await ControlSite.start();
  const { status, body } = await site.ask('POST', '/api/scenarios', { body: draft });
  expect(status).toBe(201);
  const { scenarioId, definition } = body as ScenarioView;
  expect(scenarioId).toMatch(/^\d{10}$/);
  expect(site.appliance.definitions.get(scenarioId)).toEqual(definition);
  expect(body).toMatchObject({ known: false, label: { ja: '不明' } });
  expect(body).not.toHaveProperty('ageMs');
  expect(definition).toMatchObject({
    appliance: { host: 'appliance', port: 25_000 },
    isAlive: { heartbeatMs: 30_000, timeoutMs: 300_000 },
    switchover: 'automatic',
    speculation: true,
    runAfterReboot: true,
    fence: { timing: leaseTimingDefaults, productionAddresses: [] },
    syncMethod: 'volumeLevel',
  });
  expect(definition.master.guardPort).toBe(25_001);
  expect(definition.substituteVm.nicMapping).toEqual({ highAvailability: [], assuredRecovery: [] });
  const list = await site.ask('GET', '/api/scenarios');
  expect((list.body as ScenarioView[]).map((view) => view.scenarioId)).toEqual([scenarioId]);
});

test('the same idempotency key makes one scenario', async () => {
  site = await ControlSite.start();
  const headers = { 'idempotency-key': 'once' };
  const first = (await site.ask('POST', '/api/scenarios', { body: draft, headers })).body as ScenarioView;
  const second = (await site.ask('POST', '/api/scenarios', { body: draft, headers })).body as ScenarioView;
  expect(second.scenarioId).toBe(first.scenarioId);
  expect(site.appliance.definitions.size).toBe(1);
});

test('every wrong field of a draft is named with the reason and the way out, in both languages', async () => {
  site = await ControlSite.start();
  const body = {
    ...draft,
    name: ' ',
    hypervisor: { ...draft.hypervisor, certificateSha256: 'abc', password: 'hunter2' },
    fence: { device: { kind: 'redfish', host: 'bmc' }, productionAddresses: ['10.0.0.300'] },
  };
  const { status, type, body: answer } = await site.ask('POST', '/api/scenarios', { body });
  const problem = answer as ProblemDetails;
  expect(status).toBe(400);
  expect(type).toContain('application/problem+json');
  expect(problem.code).toBe('invalidScenario');
  expect(problem.findings?.map(({ field }) => field).sort()).toEqual([
    'fence.device.certificateSha256',
    'fence.device.secretName',
    'fence.device.systemId',
    'fence.device.user',
    'fence.productionAddresses.0',
    'hypervisor.certificateSha256',
    'hypervisor.password',
    'name',
  ]);
  expect(problem.detail).toContain('Give an IPv4 address.');
  expect(problem.detailJa).toContain('IPv4 アドレスを指定してください。');
  expect(problem.detail).toContain('POST /api/secrets');
  expect(JSON.stringify(problem)).not.toContain('hunter2');
});

const refusedField = async (change: object): Promise<ProblemDetails> => {
  const { status, body } = await site.ask('POST', '/api/scenarios', { body: { ...draft, ...change } });
  expect(status).toBe(400);
  return body as ProblemDetails;
};

test('times that break the safe wait are not saved: field, inequality with its numbers, way out', async () => {
  site = await ControlSite.start();
  const tooShort = await refusedField({ isAlive: { heartbeatMs: 5_000, timeoutMs: 100_000 } });
  expect(tooShort.findings?.map(({ field }) => field)).toEqual(['isAlive.timeoutMs']);
  expect(tooShort.detail).toMatch(/safeWaitMs ≤ timeoutMs: \d+ ≤ 100000.*Make timeoutMs longer/);
  expect(tooShort.detailJa).toMatch(/safeWaitMs ≤ timeoutMs: \d+ ≤ 100000.*timeoutMs を長くするか/);
  const lease = await refusedField({ fence: { timing: { renewMs: 60_000 } } });
  expect(lease.detail).toContain('2 × renewMs + roundTripMs < leaseMs: 2 × 60000 + 2000 < 120000');
  // Manual switchover rests on no lease; the watch itself still has to make sense.
  const manual = { switchover: 'manual', isAlive: { heartbeatMs: 1_000, timeoutMs: 3_000 } };
  expect((await site.ask('POST', '/api/scenarios', { body: { ...draft, ...manual } })).status).toBe(201);
  const watch = await refusedField({ switchover: 'manual', isAlive: { heartbeatMs: 1_000, timeoutMs: 1_500 } });
  expect(watch.detail).toContain('2 × heartbeatMs < timeoutMs: 2 × 1000 < 1500');
});

test('tests and schedules are saved as they are given, and a second task is refused (R10)', async () => {
  site = await ControlSite.start();
  const given = {
    assuredRecovery: { checks: [{ kind: 'port', name: 'web', port: 443, timeoutMs: 5_000 }] },
    schedule: { task: 'assuredRecovery', utcOffsetMinutes: 540, excludedDates: ['2026-12-31'], days: [0], hours: [3] },
  };
  const { body } = await site.ask('POST', '/api/scenarios', { body: { ...draft, ...given } });
  expect((body as ScenarioView).definition).toMatchObject(given);
  const both = { ...given.schedule, everyHours: 36 };
  expect((await refusedField({ schedule: both })).findings?.map(({ field }) => field)).toEqual(['schedule']);
});

test('a witness on the master or on the appliance is not saved', async () => {
  site = await ControlSite.start();
  for (const host of ['master', 'appliance']) {
    const problem = await refusedField({ fence: { witness: { host } } });
    expect(problem.findings?.map(({ field }) => field)).toEqual(['fence.witness.host']);
    expect(problem.detail).toContain('Choose a host that is neither.');
  }
});

test('a stopped scenario is changed, and the appliance holds the same definition', async () => {
  site = await ControlSite.start();
  const { scenarioId, definition } = await site.create();
  const body = { ...definition, switchover: 'manual', isAlive: { heartbeatMs: 10_000, timeoutMs: 60_000 } };
  const { status, body: changed } = await site.ask('PUT', `/api/scenarios/${scenarioId}`, { body });
  expect(status).toBe(200);
  expect((changed as ScenarioView).definition).toEqual(body);
  expect(site.appliance.definitions.get(scenarioId)).toEqual(body);
});

test('properties are frozen while it runs and after a switchover, the id for ever', async () => {
  site = await ControlSite.start();
  const { scenarioId, definition } = await site.create();
  const change = async (body: object) => {
    const answer = await site.ask('PUT', `/api/scenarios/${scenarioId}`, { body: { ...definition, ...body } });
    return [answer.status, (answer.body as ProblemDetails).code];
  };
  expect(await change({ scenarioId: '0123456789' })).toEqual([409, 'scenarioIdFixed']);
  site.appliance.statuses.set(scenarioId, { state: 'replicating', running: true });
  await site.clock.advance(2_000);
  expect(await change({ switchover: 'manual' })).toEqual([409, 'editWhileRunning']);
  site.appliance.statuses.set(scenarioId, { state: 'switchedOver', running: false, substituteVmId: 'vm-1' });
  await site.clock.advance(2_000);
  expect(await change({ switchover: 'manual' })).toEqual([409, 'propertiesFrozen']);
  expect((await site.view(scenarioId)).definition).toEqual(definition);
});

test('a change that the engine refuses is not kept, one whose answer is lost is sent again', async () => {
  site = await ControlSite.start();
  const { scenarioId, definition } = await site.create();
  const body = { ...definition, name: 'renamed' };
  site.appliance.answer = alreadyRunning;
  expect((await site.ask('PUT', `/api/scenarios/${scenarioId}`, { body })).status).toBe(409);
  expect((await site.view(scenarioId)).name).toBe(definition.name);
  site.appliance.answer = { accepted: true };
  site.network.cutOneWay('appliance', 'control');
  expect((await site.ask('PUT', `/api/scenarios/${scenarioId}`, { body })).status).toBe(504);
  site.appliance.definitions.set(scenarioId, definition);
  site.network.heal();
  await site.clock.advance(30_000);
  expect(site.appliance.definitions.get(scenarioId)?.name).toBe('renamed');
});

test('no two commands share a route', () => {
  const paths = operatorCommands.map((command) => commandTable[command].path);
  expect(new Set(paths).size).toBe(paths.length);
  for (const path of paths) expect(path).toMatch(/^[a-z]+(-[a-z]+)*$/);
});

test('every command of the chart has its route, and tells what it was told', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  const give = (path: string, body?: unknown) =>
    site.ask('POST', `/api/scenarios/${scenarioId}/${path}`, body === undefined ? {} : { body });
  expect((await give('assert-master-off', { masterName: 'master', by: 'sato' })).status).toBe(200);
  expect((await give('maintenance', { forMs: 60_000 })).status).toBe(200);
  for (const path of ['give-up-switchover', 'suspend', 'resume', 'end-maintenance'])
    expect((await give(path)).status).toBe(200);
  expect(site.appliance.commands.map(({ command }) => command)).toEqual([
    { command: 'assertMasterOff', masterName: 'master', by: 'sato' },
    { command: 'announceMaintenance', forMs: 60_000 },
    { command: 'giveUpSwitchover' },
    { command: 'suspend' },
    { command: 'resume' },
    { command: 'endMaintenance' },
  ]);
  const slip = await give('assert-master-off');
  expect([slip.status, (slip.body as ProblemDetails).findings?.[0]?.field]).toEqual([400, 'masterName']);
  const odd = await give('stop', { really: true });
  expect([odd.status, (odd.body as ProblemDetails).findings?.[0]?.field]).toEqual([400, 'really']);
});

test('a command reaches the appliance once, under the idempotency key', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  const answer = await site.ask('POST', `/api/scenarios/${scenarioId}/switchover`, {
    body: { waitForJournals: false },
    headers: { 'idempotency-key': 'key-1' },
  });
  expect(answer.status).toBe(200);
  expect(site.appliance.commands).toEqual([
    {
      scenarioId,
      commandId: 'key-1',
      command: { command: 'switchover', waitForJournals: false, reverseAfterwards: false },
    },
  ]);
});

test('a switchover waits for the journals unless it is told not to', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  await site.ask('POST', `/api/scenarios/${scenarioId}/switchover`);
  expect(site.appliance.commands.map(({ command }) => command)).toEqual([
    { command: 'switchover', waitForJournals: true, reverseAfterwards: false },
  ]);
});

test('a refused command is 409 with the reason of the engine in both languages', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.appliance.answer = alreadyRunning;
  const { status, type, body } = await site.ask('POST', `/api/scenarios/${scenarioId}/run`);
  expect(status).toBe(409);
  expect(type).toContain('application/problem+json');
  expect(body).toMatchObject({
    type: 'urn:kagemusha:problem:alreadyRunning',
    code: 'alreadyRunning',
    title: 'The command was refused',
    titleJa: 'コマンドは受け付けられませんでした',
    detail: alreadyRunning.accepted ? '' : alreadyRunning.en,
    detailJa: alreadyRunning.accepted ? '' : alreadyRunning.ja,
  });
});

test('with no engine in reach a command is 503 and says that it was not given', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.network.kill('appliance');
  await site.clock.advance(1_000);
  const { status, body } = await site.ask('POST', `/api/scenarios/${scenarioId}/stop`);
  expect(status).toBe(503);
  expect((body as ProblemDetails).detail).toContain('The command was not given.');
  expect((body as ProblemDetails).detailJa).toContain('指示は送信されていません。');
  expect(site.appliance.commands).toEqual([]);
});

test('a command whose answer is lost is 504: nobody is told that nothing happened', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  site.network.cut('control', 'appliance');
  const { status, body } = await site.ask('POST', `/api/scenarios/${scenarioId}/run`);
  expect(status).toBe(504);
  expect((body as ProblemDetails).code).toBe('outcomeUnknown');
});

test('a scenario that cannot be defined is not kept', async () => {
  site = await ControlSite.start({ applianceUp: false });
  expect((await site.ask('POST', '/api/scenarios', { body: draft })).status).toBe(503);
  expect((await site.ask('GET', '/api/scenarios')).body).toEqual([]);
});

test('a definition whose answer was lost is sent again', async () => {
  site = await ControlSite.start();
  site.network.cutOneWay('appliance', 'control');
  expect((await site.ask('POST', '/api/scenarios', { body: draft })).status).toBe(504);
  site.appliance.definitions.clear();
  site.network.heal();
  await site.clock.advance(30_000);
  expect(site.appliance.definitions.size).toBe(1);
});

test('a removed scenario is gone at the appliance too, its events stay', async () => {
  site = await ControlSite.start();
  const { scenarioId } = await site.create();
  expect((await site.ask('DELETE', `/api/scenarios/${scenarioId}`)).status).toBe(204);
  expect(site.appliance.definitions.size).toBe(0);
  expect((await site.ask('GET', `/api/scenarios/${scenarioId}`)).status).toBe(404);
  const events = (await site.ask('GET', '/api/events')).body as { code: string; scenarioId?: string }[];
  expect(events.filter((event) => event.scenarioId === scenarioId).map(({ code }) => code)).toEqual([
    'scenarioRemoved',
  ]);
});

test('a secret goes to the appliance and nowhere else', async () => {
  site = await ControlSite.start();
  const answer = await site.ask('POST', '/api/secrets', { body: { name: 'esxi', value: 'correct horse' } });
  expect(answer).toMatchObject({ status: 204, body: undefined });
  expect(site.appliance.secrets.get('esxi')).toBe('correct horse');
  for (const url of ['/api/events', '/api/scenarios', '/api/engines']) {
    expect(JSON.stringify((await site.ask('GET', url)).body)).not.toContain('correct horse');
  }
  const wrong = await site.ask('POST', '/api/secrets', { body: { name: 'not a name', value: 'correct horse' } });
  expect(wrong.status).toBe(400);
  expect(JSON.stringify(wrong.body)).not.toContain('correct horse');
});

test('a body that is no JSON is refused without being quoted', async () => {
  site = await ControlSite.start();
  const send = (type: string): Promise<{ statusCode: number; body: string }> =>
    site.during(
      site.control.app.inject({
        method: 'POST',
        url: '/api/secrets',
        headers: { 'content-type': type },
        payload: '{"value":"hunter2"',
      }),
    );
  for (const type of ['application/json', 'text/plain']) {
    const { statusCode, body } = await send(type);
    expect(statusCode).toBe(400);
    expect(body).not.toContain('hunter2');
  }
});

test('pages of other sites are refused', async () => {
  site = await ControlSite.start();
  const rebound = await site.ask('GET', '/api/scenarios', { headers: { host: 'evil.example:8088' } });
  const foreign = await site.ask('GET', '/api/scenarios', {
    headers: { host: '127.0.0.1:8088', origin: 'http://evil.example' },
  });
  const own = await site.ask('GET', '/api/scenarios', {
    headers: { host: '127.0.0.1:8088', origin: 'http://127.0.0.1:8088' },
  });
  expect([rebound.status, foreign.status, own.status]).toEqual([403, 403, 200]);
});

test('an unknown path, id and engine are 404 with problem details', async () => {
  site = await ControlSite.start();
  for (const url of ['/api/nothing', '/api/scenarios/0000000000', '/api/hosts/master/describe']) {
    const { status, body } = await site.ask('GET', url);
    expect(status).toBe(404);
    expect((body as ProblemDetails).detailJa).not.toBe('');
  }
  expect((await site.ask('GET', '/api/scenarios/12')).status).toBe(400);
  expect((await site.ask('GET', '/api/hosts/appliance/describe')).body).toMatchObject({ hostName: 'appliance' });
});
