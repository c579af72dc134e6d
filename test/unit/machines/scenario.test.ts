import { describe, expect, it } from 'vitest';
import { answerTo } from '#machines/scenario/commands.ts';
import { ScriptedSite } from './scriptedSite.ts';

const steady =
  'replicating.flow.connected + replicating.isAlive.alive + replicating.lease.armed + replicating.scheduling.unscheduled';
const createdVm = { vmId: '2', name: 'web-double', power: 'off', diskPaths: [], nics: [], snapshots: 0 };

describe('the scenario chart', () => {
  it('goes from Run to replication with Is-Alive beside it and says the two sentences of guide 8-4', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    expect(site.state).toContain(steady);
    expect(site.codes).toEqual(expect.arrayContaining(['synchronizationReplicated', 'isAliveResumed']));
    expect(site.wishes).toEqual([
      'master.describe',
      'hypervisor.inspect',
      'guard.describe',
      'witness.read',
      'fence.describe',
      'hypervisor.createDisk',
      'hypervisor.attachDisk',
      'replica.receive',
      'master.watch',
      'guard.arm',
    ]);
  });

  it('switches over by itself when silence outlasts the Is-Alive timeout and the fence is proven', async () => {
    const site = new ScriptedSite({}, { speculation: false });
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(239_000);
    expect(site.state).toContain('isAlive.suspecting');
    await site.clock.advance(2_000);
    expect(site.state).toBe('switchedOver');
    expect(site.codes.slice(-2)).toEqual(['switchoverCompleted', 'scenarioStopped']);
    expect(site.wishes.slice(site.wishes.indexOf('master.look'))).toEqual([
      'master.look',
      'lease.claim',
      'witness.claim',
      'fence.powerOff',
      'replica.finish',
      'hypervisor.detachDisk',
      'hypervisor.createVm',
      'hypervisor.powerOnVm',
      'hypervisor.waitForGuest',
      'master.unwatch',
      'replica.finish',
      'addresses.probe',
      'hypervisor.setNicsConnected',
      'hypervisor.describeVm',
    ]);
  });

  it('does not switch over when the second look finds the master alive', async () => {
    const site = new ScriptedSite({ 'master.look': { alive: true, evidence: 'other version' } });
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(600_000);
    expect(site.state).toContain('replicating');
    expect(site.wishes).toContain('master.look');
    expect(site.wishes).not.toContain('lease.claim');
    expect(site.wishes).not.toContain('hypervisor.setNicsConnected');
  });

  it('tells and waits in manual mode (guide 6-16)', async () => {
    const site = new ScriptedSite({}, { switchover: 'manual' });
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(300_000);
    expect(site.state).toContain('isAlive.masterDown');
    expect(site.codes).toContain('masterDownNotified');
    await site.tell('operator.switchover', { waitForJournals: false });
    expect(site.state).toBe('switchedOver');
    // A master that confirms its isolation needs no other proof.
    expect(site.wishes).not.toContain('fence.powerOff');
  });

  it('counts no time of its own absence as silence of the master', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    site.host.stop();
    await site.clock.advance(3_600_000);
    site.restart();
    await site.tell('appliance.restarted');
    await site.clock.advance(1_000);
    expect(site.state).toContain(steady);
  });

  it('performs unanswered wishes again after a restart and takes one answer only', async () => {
    const site = new ScriptedSite({ 'hypervisor.createVm': 'never' });
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: true });
    expect(site.state).toBe('takingOver.verdict.proven + takingOver.double.creatingVm');
    site.script['hypervisor.createVm'] = createdVm;
    site.restart();
    await site.clock.advance(1_000);
    expect(site.state).toBe('switchedOver');
    expect(site.wishes.filter((wish) => wish === 'hypervisor.createVm')).toHaveLength(2);
    expect(site.wishes.filter((wish) => wish === 'hypervisor.powerOnVm')).toHaveLength(1);
  });

  it('reminds of the machine that reverse replication needs, when its check box was ticked (guide product 6.2)', async () => {
    for (const reverseAfterwards of [true, false]) {
      const site = new ScriptedSite();
      await site.runToReplicating();
      await site.tell('operator.switchover', { waitForJournals: true, reverseAfterwards });
      expect(site.state).toBe('switchedOver');
      expect(site.codes.includes('reverseAwaitsMachine')).toBe(reverseAfterwards);
    }
  });

  it('stands still where a party refuses, and goes on when the operator has mended the cause', async () => {
    const site = new ScriptedSite({ 'hypervisor.createVm': 'noSpace' });
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: true });
    expect(site.state).toBe('takingOver.verdict.proven + takingOver.double.failed');
    expect(site.codes).toContain('doubleFailed');
    site.script['hypervisor.createVm'] = createdVm;
    await site.tell('operator.switchover', { waitForJournals: true });
    expect(site.state).toBe('switchedOver');
  });

  it('goes on by itself a minute later when what was refused is mended without a word', async () => {
    const site = new ScriptedSite({ 'hypervisor.powerOnVm': 'hypervisorRefused' });
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: true });
    expect(site.state).toContain('double.failed');
    site.script['hypervisor.powerOnVm'] = undefined;
    await site.clock.advance(60_000);
    expect(site.state).toBe('switchedOver');
  });

  it('gives up a switchover that cannot be completed: the double goes, the master comes back, the claims are released', async () => {
    const site = new ScriptedSite({ 'hypervisor.powerOnVm': 'hypervisorRefused' });
    await site.runToReplicating();
    await site.tell('operator.switchover', { waitForJournals: false });
    expect(answerTo(site.host.snapshot(site.id), 'stop')).toMatchObject({ accepted: false, code: 'switchingOver' });
    await site.tell('operator.giveUpSwitchover');
    expect(site.state).toBe('stopped');
    expect(site.wishes.slice(site.wishes.lastIndexOf('master.unwatch'))).toEqual([
      'master.unwatch',
      'hypervisor.powerOffVm',
      'hypervisor.unregisterVm',
      'hypervisor.attachDisk',
      'lease.release',
      'guard.rejoin',
      'guard.disarm',
      'replica.stop',
    ]);
  });

  it('takes no harm from an answer that comes after the scenario was removed', async () => {
    const answer = Promise.withResolvers<unknown>();
    const site = new ScriptedSite({ 'master.describe': answer.promise });
    await site.tell('operator.run');
    await site.tell('operator.stop');
    site.host.remove(site.id);
    answer.resolve({});
    await site.clock.advance(0);
    expect(await site.tell('replica.reconnected')).toBe(false);
    expect(site.store.instances()).toEqual([]);
  });

  it('tells a wrong password once and does not try again', async () => {
    const site = new ScriptedSite({ 'hypervisor.inspect': 'badCredentials' });
    await site.tell('operator.run');
    await site.clock.advance(600_000);
    expect(site.state).toBe('stopped');
    expect(site.wishes.filter((wish) => wish === 'hypervisor.inspect')).toHaveLength(1);
    expect(site.codes).toContain('fault');
  });

  it('stops with the findings when verification finds errors (guide 8-2)', async () => {
    const site = new ScriptedSite({
      'master.describe': {
        hostName: 'm',
        engineVersion: '2',
        firmware: 'bios',
        cpus: 1,
        memoryMiB: 1,
        changeSource: 'trace',
        disks: [],
      },
    });
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    const failed = site.store.reports(0, 100).find(({ code }) => code === 'verificationFailed');
    expect(failed?.params).toMatch(/version 2.*Disk \/dev\/sda/);
  });

  it('records a late answer as stale and does not obey it (law L6)', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    expect(await site.tell('hypervisor.powerOnVm.done')).toBe(false);
    expect(site.store.history(site.id).at(-1)).toMatchObject({ taken: 'stale' });
  });

  it('refuses aloud what does not fit the state (law L7)', async () => {
    const site = new ScriptedSite();
    expect(answerTo(site.host.snapshot(site.id), 'switchover')).toMatchObject({
      accepted: false,
      code: 'notSynchronized',
    });
    await site.runToReplicating();
    expect(answerTo(site.host.snapshot(site.id), 'run')).toMatchObject({ accepted: false, code: 'alreadyRunning' });
    expect(answerTo(site.host.snapshot(site.id), 'switchover')).toEqual({ accepted: true });
  });
});
