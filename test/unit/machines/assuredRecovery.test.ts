import { describe, expect, it } from 'vitest';
import { recordOf, verdictOf } from '#machines/assuredRecovery/facts.ts';
import type { IntegrityTest } from '#machines/assuredRecovery/facts.ts';
import { fault } from '#machines/faults.ts';
import { answerTo } from '#machines/scenario/commands.ts';
import type { Capability, ScenarioContext } from '#machines/scenario/context.ts';
import type { AssuredRecoveryDefinition, ScenarioDefinition, ServiceCheck } from '#machines/vocabulary.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const port: ServiceCheck = { kind: 'port', name: 'http', port: 80, timeoutMs: 30_000 };
const script: ServiceCheck = { kind: 'script', name: 'shop', path: '/opt/checkShop', timeoutMs: 60_000 };
const database: ServiceCheck = {
  kind: 'database',
  name: 'orders',
  system: 'postgresql',
  port: 5432,
  database: 'shop',
  user: 'checker',
  secretName: 'orders',
  query: 'select 1',
  timeoutMs: 45_000,
};
const assuredRecovery: AssuredRecoveryDefinition = { checks: [port, script, database] };
const { substituteVm } = definition;
const testNetwork = {
  substituteVm: { ...substituteVm, nicMapping: { ...substituteVm.nicMapping, assuredRecovery: [{ network: 'Test' }] } },
};
const inventory = {
  product: 'ESXi',
  version: '6.7.1',
  writable: true,
  networks: [{ name: 'VM Network' }, { name: 'Test' }],
  resourcePools: [],
  datastores: [{ name: 'datastore1', capacityBytes: 2 ** 40, freeBytes: 2 ** 40, accessible: true }],
  vms: [{ vmId: '1', name: 'appliance', power: 'on', diskPaths: [], nics: [], snapshots: 0 }],
};

async function siteUnder(
  overrides: Record<string, unknown> = {},
  changes: Partial<ScenarioDefinition> = {},
): Promise<ScriptedSite> {
  const site = new ScriptedSite(overrides, { assuredRecovery, ...changes });
  await site.runToReplicating();
  return site;
}

const contextOf = (site: ScriptedSite): ScenarioContext => site.host.snapshot(site.id).context as ScenarioContext;
const recordIn = (site: ScriptedSite) => {
  const { lastTest } = contextOf(site);
  if (!lastTest) throw new Error('nothing was recorded');
  return lastTest;
};
const steady = /^replicating\.flow\.connected/;
const discarding = ['hypervisor.powerOffVm', 'hypervisor.unregisterVm', 'hypervisor.deleteChildDisk'];
/** Nothing of the test is left, and the stream flows from where the replica stood (A5, no resynchronization). */
const expectNothingLeft = (site: ScriptedSite): void => {
  expect(contextOf(site)).toMatchObject({ double: undefined, test: undefined });
  expect(site.wishes).toEqual(expect.arrayContaining(discarding));
  expect(site.wishes.lastIndexOf('hypervisor.attachDisk')).toBeGreaterThan(site.wishes.indexOf('hypervisor.createVm'));
  expect(site.wishes).not.toContain('replica.finish');
};

describe('a manual integrity test (guide 9)', () => {
  it('9-1 … 9-6: boots a test VM without a network, waits, and leaves nothing behind', async () => {
    const site = await siteUnder();
    expect(await site.tell('operator.startTest', { mode: 'manual' })).toBe(true);
    expect(site.state).toContain('flow.testing.readyForTest');
    expect(site.codes.at(-1)).toBe('manualTestReady');
    const vm = site.asked.find(({ name }) => name === 'hypervisor.createVm')?.args;
    expect(vm).toMatchObject({ name: 'web-double-test', role: 'testVm', nics: [] });
    expect(vm).toMatchObject({ disks: [{ childOf: expect.stringContaining('disk0.vmdk') }] });
    expect(site.wishes).not.toContain('hypervisor.setNicsConnected');

    expect(await site.tell('operator.endTest', { verdict: 'passed' })).toBe(true);
    expect(site.state).toMatch(steady);
    expect(site.codes).toEqual(expect.arrayContaining(['integrityTestPassed', 'manualTestFinished']));
    expect(recordIn(site)).toMatchObject({
      verdict: 'passed',
      point: { sequence: 7 },
      discardedBytes: 4096,
      mode: 'manual',
      reasons: [],
    });
    expectNothingLeft(site);
  });

  it('without a word of whoever looked it came to no verdict', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.tell('operator.endTest');
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['notJudged'] });
  });

  it('that everybody has forgotten is ended by its deadline, without a verdict', async () => {
    const site = await siteUnder({}, { assuredRecovery: { ...assuredRecovery, testMsMax: 3_600_000 } });
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.clock.advance(3_600_000 - 1);
    expect(site.state).toContain('readyForTest');
    await site.clock.advance(1);
    expect(site.state).toMatch(steady);
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['deadline'] });
    expectNothingLeft(site);
  });
});

describe('an automatic integrity test', () => {
  it('asks every check in order, each with its own time, and passes when all say yes', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'automatic' });
    const asked = site.asked.filter(({ name }) => name === 'guest.check').map(({ args }) => args);
    expect(asked).toEqual([port, script, database].map((check) => ({ vmId: '2', check })));
    expect(recordIn(site)).toMatchObject({ verdict: 'passed', discardedBytes: 4096 });
    expect(site.codes).toContain('integrityTestPassed');
    expect(site.codes).not.toContain('manualTestFinished');
    expectNothingLeft(site);
  });

  it('fails by one no', async () => {
    const site = await siteUnder({ 'guest.check': { outcome: 'failed', evidence: 'exit 1' } });
    await site.tell('operator.startTest', { mode: 'automatic' });
    expect(recordIn(site)).toMatchObject({ verdict: 'failed' });
    expect(site.codes).toContain('integrityTestFailed');
    expectNothingLeft(site);
  });

  it('a check that is not answered within its own time passes nothing (A6)', async () => {
    const site = await siteUnder({ 'guest.check': 'never' });
    await site.tell('operator.startTest', { mode: 'automatic' });
    expect(site.state).toContain('testing.checking');
    const totalMs = port.timeoutMs + script.timeoutMs + database.timeoutMs;
    await site.clock.advance(totalMs - 1);
    expect(site.state).toContain('testing.checking');
    await site.clock.advance(1);
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['unanswered'] });
    expect(recordIn(site).results.map(({ outcome }) => outcome)).toEqual(Array(3).fill('inconclusive'));
    expectNothingLeft(site);
  });

  it.each([
    'replica.freeze',
    'hypervisor.detachDisk',
    'hypervisor.createVm',
    'hypervisor.powerOnVm',
    'hypervisor.waitForGuest',
  ])('that %s keeps from beginning is no failure of the replica', async (wish) => {
    const site = await siteUnder();
    const answer = site.script[wish];
    site.script[wish] = 'readOnlyLicense';
    await site.tell('operator.startTest', { mode: 'automatic' });
    site.script[wish] = answer;
    await site.clock.advance(60_000);
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['readOnlyLicense'] });
    expect(site.state).toMatch(steady);
    expect(contextOf(site).double).toBeUndefined();
  });

  it('without a consistent point there is nothing to test', async () => {
    const site = await siteUnder({ 'replica.freeze': { point: null } });
    await site.tell('operator.startTest', { mode: 'automatic' });
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['noConsistentPoint'] });
    expect(site.wishes).not.toContain('hypervisor.createVm');
  });
});

describe('the networks of a test VM (guide 9-3, A2)', () => {
  it('are plugged in only when they are mapped', async () => {
    const site = await siteUnder({ 'hypervisor.inspect': inventory }, testNetwork);
    await site.tell('operator.startTest', { mode: 'manual' });
    expect(site.asked.find(({ name }) => name === 'hypervisor.createVm')?.args).toMatchObject({
      nics: [{ network: 'Test', connected: false }],
    });
    expect(site.wishes).toContain('hypervisor.setNicsConnected');
    expect(site.state).toContain('readyForTest');
  });

  it('are never those of production: the verification refuses them', async () => {
    const nicMapping = { ...substituteVm.nicMapping, assuredRecovery: [{ network: 'VM Network' }] };
    const site = new ScriptedSite({}, { assuredRecovery, substituteVm: { ...substituteVm, nicMapping } });
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    expect(contextOf(site).verification.errors).toMatchObject([{ code: 'invalidSpec' }]);
  });

  it('a test that cannot be plugged in is none', async () => {
    const site = await siteUnder(
      { 'hypervisor.inspect': inventory, 'hypervisor.setNicsConnected': 'hypervisorRefused' },
      testNetwork,
    );
    await site.tell('operator.startTest', { mode: 'automatic' });
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['hypervisorRefused'] });
    expectNothingLeft(site);
  });
});

describe('a test never stands in the way', () => {
  it.each(['replica.spoolNearlyFull', 'replica.spoolFull'])('%s ends it without a verdict (A3)', async (fact) => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.tell(fact, { bytes: 90, bytesMax: 100 });
    expect(site.state).toMatch(steady);
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['spool'] });
    expect(site.codes).toContain('manualTestFinished');
    expectNothingLeft(site);
  });

  it('the end of the master: the test VM is gone and the spool applied before the double is made (A4)', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.tell('master.silent', { silentForMs: 150_000 });
    await site.clock.advance(400_000);
    expect(site.state).toBe('switchedOver');
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['interrupted'], discardedBytes: 4096 });
    const order = ['hypervisor.unregisterVm', 'hypervisor.deleteChildDisk', 'replica.receive', 'hypervisor.createVm'];
    const since = site.wishes.slice(site.wishes.indexOf('hypervisor.powerOffVm'));
    const positions = order.map((name) => since.indexOf(name));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions).not.toContain(-1);
    const made = site.asked.filter(({ name }) => name === 'hypervisor.createVm').map(({ args }) => args);
    expect(made).toMatchObject([{ role: 'testVm' }, { role: 'substituteVm', name: 'web-double' }]);
    // Without speculation too, and by the operator's command.
    const commanded = await siteUnder({}, { speculation: false });
    await commanded.tell('operator.startTest', { mode: 'manual' });
    await commanded.tell('operator.switchover', { waitForJournals: false });
    expect(commanded.state).toBe('switchedOver');
    expect(recordIn(commanded).reasons).toEqual(['interrupted']);
  });

  it('while a dead master keeps the spool from being taken up, the switchover goes on', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    site.script['replica.receive'] = 'unreachable';
    await site.tell('master.silent', { silentForMs: 150_000 });
    await site.clock.advance(400_000);
    expect(site.state).toBe('switchedOver');
  });

  it('lost changes are told, and leave the test VM to be discarded first', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.tell('replica.resynchronizing', { reason: 'overrun' });
    expect(site.state).toContain('readyForTest');
    expect(site.codes.at(-1)).toBe('changesLost');
    await site.tell('operator.endTest', { verdict: 'passed' });
    await site.tell('replica.resynchronizing', { reason: 'overrun' });
    expect(site.state).toContain('flow.resynchronizing');
    expectNothingLeft(site);
  });

  it('a stop in the middle discards it', async () => {
    const site = await siteUnder({ 'guest.check': 'never' });
    await site.tell('operator.startTest', { mode: 'automatic' });
    await site.tell('operator.stop');
    expect(site.state).toBe('stopped');
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['interrupted'] });
    expectNothingLeft(site);
  });

  it('ended before its VM was ready it came to no verdict, whatever is said of it', async () => {
    const site = await siteUnder({ 'hypervisor.waitForGuest': 'never' });
    await site.tell('operator.startTest', { mode: 'manual' });
    await site.tell('operator.endTest', { verdict: 'passed' });
    expect(recordIn(site)).toMatchObject({ verdict: 'inconclusive', reasons: ['endedEarly'] });
    expectNothingLeft(site);
  });

  it.each([
    'replica.freeze',
    'hypervisor.detachDisk',
    'hypervisor.createVm',
    'hypervisor.powerOnVm',
    'hypervisor.waitForGuest',
    'hypervisor.setNicsConnected',
    'guest.check',
    'hypervisor.powerOffVm',
    'hypervisor.unregisterVm',
    'hypervisor.deleteChildDisk',
    'hypervisor.attachDisk',
  ])('goes on after a restart of the appliance while %s is unanswered', async (wish) => {
    const site = await siteUnder({ 'hypervisor.inspect': inventory }, testNetwork);
    const answer = site.script[wish];
    site.script[wish] = 'never';
    await site.tell('operator.startTest', { mode: 'automatic' });
    expect(site.state).not.toMatch(steady);
    site.script[wish] = answer;
    site.restart();
    await site.tell('appliance.restarted');
    await site.clock.advance(10_000);
    expect(site.state).toMatch(steady);
    expect(recordIn(site)).toMatchObject({ verdict: 'passed', discardedBytes: 4096 });
    expectNothingLeft(site);
  });

  it('a restart while somebody looks changes nothing', async () => {
    const site = await siteUnder();
    await site.tell('operator.startTest', { mode: 'manual' });
    site.restart();
    await site.tell('appliance.restarted');
    expect(site.state).toContain('readyForTest');
    await site.tell('operator.endTest', { verdict: 'failed' });
    expect(recordIn(site).verdict).toBe('failed');
    expect(site.state).toMatch(steady);
  });
});

describe('the verdict', () => {
  const yes = { name: 'a', outcome: 'passed', evidence: '' } as const;
  const no = { ...yes, outcome: 'failed' } as const;
  const silent = { ...yes, outcome: 'inconclusive' } as const;
  const test: IntegrityTest = {
    mode: 'automatic',
    scheduled: false,
    startedAtMs: 0,
    guestUp: true,
    results: [],
    reasons: [],
  };
  it.each([
    ['all yes', { results: [yes, yes] }, 'passed'],
    ['a guest that is up, and nothing asked', {}, 'passed'],
    ['a guest that is not up', { guestUp: false, results: [yes] }, 'inconclusive'],
    ['silence', { results: [yes, silent] }, 'inconclusive'],
    ['one no beside silence', { results: [silent, no] }, 'failed'],
    ['one no before it was cut short', { results: [no], reasons: ['spool'] }, 'failed'],
    ['cut short', { results: [yes], reasons: ['deadline'] }, 'inconclusive'],
    ['nobody judged', { mode: 'manual' }, 'inconclusive'],
    ['judged good', { mode: 'manual', judged: 'passed' }, 'passed'],
    ['judged bad', { mode: 'manual', judged: 'failed' }, 'failed'],
  ] as const)('%s', (_, change, expected) => {
    expect(verdictOf({ ...test, ...change })).toBe(expected);
  });

  it('one that was cut short from outside has none', () => {
    expect(recordOf({ ...test, results: [yes] }, undefined, 5)).toMatchObject({
      verdict: 'inconclusive',
      reasons: ['interrupted'],
      atMs: 5,
    });
  });
});

describe('a test is refused aloud (L7)', () => {
  const refusal = async (changes: Partial<ScenarioDefinition>, capabilities?: readonly Capability[]) => {
    const site = new ScriptedSite({}, changes, capabilities);
    await site.runToReplicating();
    return { site, answer: answerTo(site.host.snapshot(site.id), 'startTest') };
  };

  it('when assured recovery was not chosen (R5)', async () => {
    const { site, answer } = await refusal({});
    expect(answer).toMatchObject({ accepted: false, code: 'assuredRecoveryNotChosen' });
    expect(await site.tell('operator.startTest', { mode: 'manual' })).toBe(false);
  });

  it('when the engine is not capable of it: at the verification', async () => {
    const { site, answer } = await refusal({ assuredRecovery }, ['speculation']);
    expect(site.state).toBe('stopped');
    expect(contextOf(site).verification.errors.map(({ code }) => code)).toEqual([
      'capabilityMissing',
      'capabilityMissing',
    ]);
    expect(answer).toMatchObject({ accepted: false, code: 'capabilityMissing' });
  });

  it('an engine that cannot ask a guest still boots it, and refuses the checks', async () => {
    const { site } = await refusal({ assuredRecovery }, ['assuredRecovery']);
    expect(contextOf(site).verification.errors).toMatchObject([{ code: 'capabilityMissing' }]);
    const bootOnly = await refusal({ assuredRecovery: { checks: [] } }, ['assuredRecovery']);
    await bootOnly.site.tell('operator.startTest', { mode: 'automatic' });
    expect(recordIn(bootOnly.site)).toMatchObject({ verdict: 'passed', results: [] });
  });

  it('while another one runs, while replication is suspended, and when nothing runs', async () => {
    const { site } = await refusal({ assuredRecovery });
    expect(answerTo(site.host.snapshot(site.id), 'endTest')).toMatchObject({ accepted: false, code: 'notTesting' });
    await site.tell('operator.startTest', { mode: 'manual' });
    const snapshot = site.host.snapshot(site.id);
    expect(answerTo(snapshot, 'startTest')).toMatchObject({ accepted: false, code: 'cannotTestNow' });
    expect(answerTo(snapshot, 'suspend')).toMatchObject({ accepted: false, code: 'cannotSuspendNow' });
    expect(answerTo(snapshot, 'endTest')).toEqual({ accepted: true });
    await site.tell('operator.endTest', { verdict: 'passed' });
    await site.tell('operator.suspend');
    expect(answerTo(site.host.snapshot(site.id), 'startTest')).toMatchObject({ code: 'cannotTestNow' });
    await site.tell('operator.stop');
    expect(answerTo(site.host.snapshot(site.id), 'startTest')).toMatchObject({ code: 'notSynchronized' });
  });

  it('a lost link: nothing is tested that is not followed', async () => {
    const { site } = await refusal({ assuredRecovery });
    await site.tell('replica.disconnected', { reason: 'cut' });
    expect(await site.tell('operator.startTest', { mode: 'manual' })).toBe(false);
    await site.tell('replica.failed', { fault: fault('diskFull', { path: '/' }) });
    expect(site.state).toBe('stopped');
  });
});
