import { describe, expect, it } from 'vitest';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { answerTo, readCommand } from '#machines/scenario/commands.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const { device: _device, ...withoutDevice } = definition.fence;
const leaseOnly = { fence: withoutDevice, speculation: false };

/** Until the verdict has to be given: the second look found nobody. */
async function silent(site: ScriptedSite): Promise<void> {
  await site.runToReplicating();
  await site.tell('master.silent', { silentForMs: 60_000 });
  await site.clock.advance(240_000);
}

describe('the fence', () => {
  it('without a device waits until every lease has lapsed since the last grant', async () => {
    const sinceLastGrantMs = 130_000;
    const site = new ScriptedSite(
      { 'lease.claim': { sinceLastGrantMs: 200_000 }, 'witness.claim': { sinceLastGrantMs } },
      leaseOnly,
    );
    await silent(site);
    expect(site.state).toContain('verdict.waitingOutLease');
    await site.clock.advance(safeWaitMs(definition.fence.timing) - sinceLastGrantMs - 1);
    expect(site.wishes).not.toContain('hypervisor.createVm');
    await site.clock.advance(1);
    expect(site.state).toBe('switchedOver');
    expect(site.codes).toContain('masterLeaseLapsed');
  });

  it('a voice of the master before the proof takes everything back', async () => {
    const site = new ScriptedSite({ 'witness.claim': { sinceLastGrantMs: 100_000 } }, leaseOnly);
    await silent(site);
    expect(site.state).toContain('verdict.waitingOutLease');
    await site.tell('master.heard');
    expect(site.state).toContain(
      'replicating.flow.connected + replicating.isAlive.alive + replicating.lease.armed + replicating.scheduling.unscheduled',
    );
    expect(site.wishes).toEqual(expect.arrayContaining(['lease.release', 'witness.release']));
    expect(site.wishes).not.toContain('hypervisor.createVm');
  });

  it('the witness that still hears the master forbids it', async () => {
    const site = new ScriptedSite({ 'witness.claim': 'claimRefused' }, { speculation: false });
    await silent(site);
    expect(site.state).toMatch(/^replicating/);
    expect(site.codes).toContain('claimRefused');
    expect(site.wishes).not.toContain('fence.powerOff');
    expect(site.wishes).toContain('lease.release');
  });

  it('keeps asking the witness for its vote back while it cannot be reached', async () => {
    const site = new ScriptedSite(
      { 'witness.claim': 'unreachable', 'witness.release': 'unreachable' },
      { speculation: false },
    );
    await silent(site);
    await site.clock.advance(60_000);
    await site.clock.advance(30_000);
    expect(site.state).toContain('lease.');
    expect(site.state).not.toContain('lease.armed');
    site.script['witness.release'] = undefined;
    await site.clock.advance(30_000);
    expect(site.state).toContain('lease.armed');
  });

  it('a device that fails leaves the lapse of the lease, and without that the operator', async () => {
    const both = new ScriptedSite({ 'fence.powerOff': 'fenceDeviceRefused' }, { speculation: false });
    await silent(both);
    expect(both.state).toBe('switchedOver');
    expect(both.codes).toContain('masterLeaseLapsed');

    const guard = { node: 'master', epoch: 0, armed: false, isolated: false, isolation: 'firewall' };
    const none = new ScriptedSite(
      { 'fence.powerOff': 'fenceDeviceRefused', 'guard.describe': guard },
      { speculation: false },
    );
    await silent(none);
    expect(none.state).toContain('verdict.unproven');
    expect(none.wishes).not.toContain('hypervisor.createVm');
  });

  it('the operator vouches for the master with its typed name, and nothing else will do', async () => {
    const site = new ScriptedSite(
      { 'guard.isolate': 'unreachable' },
      { switchover: 'manual', fence: { timing: definition.fence.timing, productionAddresses: [] } },
    );
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: false });
    await site.clock.advance(3_000);
    expect(site.state).toContain('verdict.unproven');
    const snapshot = site.host.snapshot(site.id);
    expect(readCommand(snapshot, { command: 'assertMasterOff', masterName: 'mister' }, undefined).answer).toMatchObject(
      {
        accepted: false,
        code: 'wrongMasterName',
      },
    );
    expect(readCommand(snapshot, { command: 'assertMasterOff', masterName: 'master' }, undefined).answer).toEqual({
      accepted: true,
    });
    await site.tell('operator.assertMasterOff', { by: 'admin' });
    expect(site.state).toBe('switchedOver');
  });

  it('an address that somebody answers for keeps the gate shut', async () => {
    const site = new ScriptedSite({
      'addresses.probe': { answers: [{ address: '192.0.2.10', by: '00:11:22:33:44:55' }] },
    });
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: false });
    expect(site.state).toBe('switchingOver.addressAlive');
    await site.clock.advance(60_000);
    expect(site.wishes).not.toContain('hypervisor.setNicsConnected');
    site.script['addresses.probe'] = { answers: [] };
    await site.clock.advance(5_000);
    expect(site.state).toBe('switchedOver');
  });

  it('automatic switchover is refused where nothing proves the end of the master (guide 6-16)', async () => {
    const site = new ScriptedSite({}, { fence: { timing: definition.fence.timing, productionAddresses: [] } });
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    const failed = site.store.reports(0, 100).find(({ code }) => code === 'verificationFailed');
    expect(failed?.params).toMatch(/nothing here proves.*there is no witness/);
  });

  it.each([
    ['a witness on the appliance', { ...definition.fence, witness: { host: 'appliance', port: 25_000 } }],
    ['a witness on the master', { ...definition.fence, witness: { host: 'master', port: 25_000 } }],
  ])('%s is refused', async (_what, fence) => {
    const site = new ScriptedSite({}, { fence });
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
  });

  it('an announced shutdown is no silence until its time is up', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.notice', { forMs: 900_000, reason: 'reboot' });
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(899_000);
    expect(site.state).toContain('isAlive.maintenance');
    expect(site.wishes).not.toContain('master.look');
    await site.clock.advance(1_000);
    expect(site.state).toContain('isAlive.alive');
  });

  it('an announced shutdown is remembered over a restart of the appliance', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.notice', { forMs: 900_000, reason: 'reboot' });
    site.host.stop();
    await site.clock.advance(300_000);
    site.restart();
    await site.tell('appliance.restarted');
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(599_000);
    expect(site.state).toContain('isAlive.maintenance');
    expect(site.wishes).not.toContain('master.look');
  });
});

describe('speculation', () => {
  it('boots the double at half of the timeout, unplugged, and connects it only when the fence is proven', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(90_000);
    expect(site.state).toBe('takingOver.verdict.suspecting + takingOver.double.ready');
    expect(site.wishes).not.toContain('lease.claim');
    await site.clock.advance(150_000);
    expect(site.state).toBe('switchedOver');
    expect(site.wishes.indexOf('hypervisor.waitForGuest')).toBeLessThan(site.wishes.indexOf('lease.claim'));
    expect(site.wishes.filter((wish) => wish === 'hypervisor.createVm')).toHaveLength(1);
  });

  it('a false alarm costs a discarded child, and replication goes on', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(100_000);
    await site.tell('master.heard');
    expect(site.state).toContain(
      'replicating.flow.connected + replicating.isAlive.alive + replicating.lease.armed + replicating.scheduling.unscheduled',
    );
    expect(site.wishes.slice(site.wishes.lastIndexOf('hypervisor.waitForGuest') + 1)).toEqual(
      expect.arrayContaining([
        'hypervisor.powerOffVm',
        'hypervisor.unregisterVm',
        'hypervisor.deleteChildDisk',
        'hypervisor.attachDisk',
        'replica.receive',
      ]),
    );
    expect(site.host.snapshot(site.id).context.double).toBeUndefined();
    expect(answerTo(site.host.snapshot(site.id), 'switchover')).toEqual({ accepted: true });
  });

  it('undoes a double whose creation was never answered', async () => {
    const site = new ScriptedSite({ 'hypervisor.createVm': 'never' });
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(100_000);
    expect(site.state).toContain('double.creatingVm');
    site.script['hypervisor.createVm'] = {
      vmId: '2',
      name: 'web-double',
      power: 'off',
      diskPaths: [],
      nics: [],
      snapshots: 0,
    };
    await site.tell('master.heard');
    expect(site.wishes).toContain('hypervisor.unregisterVm');
    expect(site.state).toContain('flow.connected');
  });
});
