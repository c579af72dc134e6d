import { describe, expect, it } from 'vitest';
import { answerTo } from '#machines/scenario/commands.ts';
import type { OperatorCommand } from '#machines/scenario/operatorCommands.ts';
import { definitionFromDraft } from '#control/scenarios/draft.ts';
import { draft } from '#test/unit/control/site.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

/**
 * The rules of the guide (steps, R1–R16), each refused aloud or surpassed on purpose. R1 to R3 as edits and R10 are
 * control's too (test/unit/control/api.test.ts); R14 is in dataRecovery.test.ts.
 */
const refusal = (site: ScriptedSite, command: OperatorCommand): string => {
  const answer = answerTo(site.host.snapshot(site.id), command);
  return answer.accepted ? 'accepted' : answer.code;
};

async function replicating(changes = {}, answers = {}): Promise<ScriptedSite> {
  const site = new ScriptedSite(answers, changes);
  await site.runToReplicating();
  return site;
}

describe('the rules of the guide', () => {
  it('R1: nothing is run or changed between switchover and switchback', async () => {
    const site = await replicating();
    await site.tell('operator.switchover', { waitForJournals: true });
    expect([refusal(site, 'run'), refusal(site, 'stop')]).toEqual(['switchedOver', 'notRunning']);
  });

  it('R2: a running scenario takes no other definition', async () => {
    expect(refusal(await replicating(), 'run')).toBe('alreadyRunning');
  });

  it('R4: the system volume cannot be excluded (guide 6-9)', async () => {
    const [data] = definition.master.disks;
    const disks = [
      { diskId: '/dev/sda', bytes: data!.bytes, system: true },
      { diskId: '/dev/sdb', bytes: data!.bytes, system: false },
    ];
    const master = { hostName: 'm', engineVersion: '1', firmware: 'bios', cpus: 1, memoryMiB: 1, bootId: 'b' };
    const site = new ScriptedSite(
      { 'master.describe': { ...master, changeSource: 'trace', disks } },
      { master: { ...definition.master, disks: disks.slice(1) } },
    );
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    expect(site.store.reports(0, 100).find(({ code }) => code === 'verificationFailed')?.params).toContain('guide 6-9');
  });

  it('R5: no integrity test where assured recovery was not chosen at creation (guide 6-5)', async () => {
    expect(refusal(await replicating(), 'startTest')).toBe('assuredRecoveryNotChosen');
    expect(refusal(await replicating({ assuredRecovery: { checks: [] } }), 'startTest')).toBe('accepted');
  });

  it('R6 is surpassed: data recovery does not stop a running scenario', async () => {
    expect(refusal(new ScriptedSite(), 'recoverData')).toBe('accepted');
    expect(refusal(await replicating(), 'recoverData')).toBe('accepted');
  });

  it('R7: reverse replication only from a scenario that is switched over (guide 11.1-7)', async () => {
    const site = await replicating();
    expect(refusal(site, 'reverse')).toBe('notSwitchedOver');
    await site.tell('operator.switchover', { waitForJournals: true });
    expect(refusal(site, 'reverse')).toBe('accepted');
  });

  it('R8 is surpassed: a full system can announce its maintenance, and nothing is concluded from its silence', async () => {
    const site = await replicating();
    expect(refusal(site, 'announceMaintenance')).toBe('accepted');
    expect(refusal(new ScriptedSite(), 'announceMaintenance')).toBe('notSynchronized');
  });

  it('R9: no suspension during synchronization, and one at a time', async () => {
    const site = new ScriptedSite();
    await site.tell('operator.run');
    expect([site.state, refusal(site, 'suspend')]).toEqual(['synchronizing.copying', 'notSynchronized']);
    await site.tell('replica.synchronized', { bytes: 1 });
    await site.tell('replica.caughtUp', { point: { sequence: 1, atNs: '1' } });
    await site.tell('operator.suspend');
    expect([refusal(site, 'suspend'), refusal(site, 'resume')]).toEqual(['cannotSuspendNow', 'accepted']);
  });

  it('R11: an offline synchronization that the engine cannot do is refused before anything is touched', async () => {
    const site = new ScriptedSite({}, { syncMethod: 'offline' }, []);
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    expect(site.codes).toContain('verificationFailed');
  });

  it('R12: no switchover before the data are synchronized', async () => {
    const site = new ScriptedSite();
    expect(refusal(site, 'switchover')).toBe('notSynchronized');
    await site.tell('operator.run');
    expect(refusal(site, 'switchover')).toBe('notSynchronized');
  });

  it('R13: no other redirection than the addresses of the NIC mapping: a field for one is named and refused', () => {
    const id = definition.scenarioId;
    const defaults = { appliance: { host: 'appliance', port: 25_000 } };
    expect(() => definitionFromDraft({ ...draft, redirection: { moveIp: true } }, id, defaults)).toThrow(/redirection/);
  });

  it('R16: engines of different versions do not work together, and both versions are named', async () => {
    const described = { hostName: 'm', engineVersion: '2', firmware: 'bios', cpus: 1, memoryMiB: 1, bootId: 'b' };
    const site = new ScriptedSite({
      'master.describe': { ...described, changeSource: 'trace', disks: definition.master.disks },
    });
    await site.tell('operator.run');
    const failed = site.store.reports(0, 100).find(({ code }) => code === 'verificationFailed');
    expect(failed?.params).toMatch(/version 2.*1/);
  });
});
