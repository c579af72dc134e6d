import { describe, expect, it } from 'vitest';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import {
  accepted,
  codes,
  expectCaughtUp,
  expectSwitchedOver,
  replicatingSite,
  restartAppliance,
  siteWithScenario,
  told,
  untilPassing,
  untilReplicating,
  untilState,
  writeNow,
} from './runs.ts';

const MiB = 2 ** 20;
const hourMs = 3_600_000;

const diskMissing = 'マスタのディスク /dev/sda が見つかりません。シナリオのボリューム設定を確認してください。';
const diskShrunk = `マスタのディスク /dev/sda のサイズが変わりました: 登録時 ${4 * MiB} バイト、現在 ${2 * MiB} バイト。シナリオのボリューム設定を更新してください。`;
const otherVersion =
  '障害が発生しました: master のエンジンのバージョン 0.2.0 は、このエンジンのバージョン 0.1.0 と異なります。両方を同じバージョンにしてください。';

async function expectRunRefused(site: SimulatedSite, sentence: string): Promise<void> {
  await accepted(site, { command: 'run' });
  await untilState(site, 'stopped');
  expect(await site.events()).toContain(sentence);
  expect(await site.replicaDisks()).toBe(0);
}

describe('the disks of the master', () => {
  it('one that is missing is found before anything is made', async () => {
    const site = await siteWithScenario({ seed: 'missing' });
    site.workload.stop();
    site.master.removeDisk('/dev/sda');
    await expectRunRefused(site, `シナリオの検証でエラーが見つかりました: ${diskMissing}`);
  });

  it('one that shrank is found before anything is made, with both sizes', async () => {
    const site = await siteWithScenario({ seed: 'shrunk' });
    await site.shrinkMasterDisk();
    await expectRunRefused(site, `シナリオの検証でエラーが見つかりました: ${diskShrunk}`);
  });

  it.each([
    ['goes missing', 'diskMissing', diskMissing, (site: SimulatedSite) => site.master.removeDisk('/dev/sda')],
    ['shrinks', 'diskChanged', diskShrunk, (site: SimulatedSite) => site.master.shrinkDisk('/dev/sda', 2 * MiB)],
  ])('one that %s during replication stops the scenario and switches nothing over', async (_, code, sentence, harm) => {
    const site = await replicatingSite({ seed: `harm-${code}` });
    await site.clock.advance(5_000);
    const { consistentPoint } = await site.status();
    site.workload.stop();
    writeNow(site, 1);
    harm(site);
    await untilState(site, 'stopped');
    expect((await site.status()).lastFault).toMatchObject({ code });
    expect(await site.events()).toContain(`障害が発生しました: ${sentence}`);
    await site.clock.advance(hourMs);
    expect(await codes(site)).not.toContain('switchoverStarted');
    expect(consistentPoint).toBeDefined();
    expect(await site.replicaDisks()).toBe(1);
  });
});

describe('an engine of another version on the master', () => {
  it('is refused at Run, with both versions', async () => {
    const site = await siteWithScenario({ seed: 'other-version', masterEngineVersion: '0.2.0' });
    await expectRunRefused(site, otherVersion);
    expect((await site.status()).lastFault).toMatchObject({
      code: 'versionMismatch',
      params: { theirs: '0.2.0', ours: '0.1.0' },
    });
    await site.restartMasterEngine();
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
  });

  it('that appears during replication is told, and never taken for a dead master', async () => {
    const site = await replicatingSite({ seed: 'updated' });
    await site.clock.advance(5_000);
    await site.restartMasterEngine('0.2.0');
    await site.clock.advance(hourMs);
    expect(await site.events()).toContain(otherVersion);
    expect(await codes(site)).not.toContain('masterDown');
    expect(await codes(site)).not.toContain('switchoverStarted');
    expect(await site.substituteVm()).toBeUndefined();
    expect(await site.isMasterIsolated()).toBe(false);
    await site.restartMasterEngine();
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    await expectCaughtUp(site);
  });

  it('is a sign of life to Is Alive, whatever the data stream does', async () => {
    const site = await replicatingSite({ seed: 'updated-in-doubt' });
    site.network.cut('appliance', 'master');
    await site.restartMasterEngine('0.2.0');
    await site.clock.advance(200_000);
    await untilPassing(site, 'takingOver.verdict.lookingAgain + takingOver.double.ready');
    site.network.heal();
    await site.clock.advance(hourMs);
    expect(site.transcript.some((line) => /master\.look\.done → replicating/.test(line))).toBe(true);
    expect(site.transcript.some((line) => line.includes('lease.claim'))).toBe(false);
    expect(await codes(site)).not.toContain('switchoverStarted');
    expect(await site.events()).toContain(otherVersion);
  });
});

describe('a kernel that does not permit tracing', () => {
  it('is told, and comparing reaches a state the master had', async () => {
    const site = await siteWithScenario({ seed: 'no-trace', traceNotPermitted: true });
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    expect(await codes(site)).toContain('traceNotPermitted');
    expect((await site.events()).join()).toMatch(
      /ブロックトレースを使用できません \(master\)。全ブロックの比較で変更を検出します。/,
    );
    expect(await site.events()).toContain('シナリオの検証に成功しました (警告 1 件)。');
    await site.clock.advance(60_000);
    await expectCaughtUp(site);
    await site.killMaster();
    await expectSwitchedOver(site);
    expect((await site.writes()).found).toBe(site.workload.count);
  });
});

describe('changes that the kernel lost', () => {
  it('are found by comparing: told, then caught up', async () => {
    const site = await replicatingSite({ seed: 'changes-lost' });
    await site.clock.advance(5_000);
    writeNow(site, 20);
    site.master.loseChanges('ring buffer overrun');
    await site.clock.advance(1_000);
    expect(await told(site, 'changesLost')).toBe(1);
    expect(await site.events()).toContain(
      '変更の記録に欠落が見つかりました (ring buffer overrun)。すべてのブロックを比較し直します。',
    );
    await untilReplicating(site);
    expect(await codes(site)).not.toContain('linkLost');
    await expectCaughtUp(site);
  });

  it('leave the replica bootable at its last point, whenever the master dies', async () => {
    for (let diesAfterMs = 0; diesAfterMs <= 60; diesAfterMs += 5) {
      const site = await replicatingSite({ seed: `lost-then-dead-${diesAfterMs}` });
      await site.clock.advance(5_000);
      writeNow(site, 60);
      site.master.loseChanges('ring buffer overrun');
      await site.clock.advance(diesAfterMs);
      await site.killMaster();
      await expectSwitchedOver(site);
      expect((await site.writes()).acknowledged).toBeGreaterThan(20);
    }
  });

  it('by an engine that was restarted are found by comparing, too', async () => {
    const site = await replicatingSite({ seed: 'engine-restarted' });
    await site.clock.advance(5_000);
    await site.restartMasterEngine();
    writeNow(site, 20);
    await untilReplicating(site);
    await site.clock.advance(10_000);
    expect(await told(site, 'changesLost')).toBe(1);
    expect(await told(site, 'linkRestored')).toBe(await told(site, 'linkLost'));
    expect(await codes(site)).not.toContain('switchoverStarted');
    await expectCaughtUp(site);
  });

  it('are still being looked for after a restart of the appliance: that is what it says', async () => {
    const site = await replicatingSite({ seed: 'appliance-restarted-while-comparing' });
    await site.clock.advance(5_000);
    writeNow(site, 100);
    await site.restartMasterEngine();
    await untilPassing(site, 'replicating.flow.resynchronizing + replicating.isAlive.alive + replicating.lease.armed');
    const before = site.transcript.length;
    await restartAppliance(site);
    await untilReplicating(site);
    const states = site.transcript.slice(before).map((line) => line.split(' → ')[1] ?? '');
    const firstConnected = states.findIndex((state) => state.includes('flow.connected'));
    expect(states.slice(0, firstConnected).some((state) => state.includes('flow.resynchronizing'))).toBe(true);
    await expectCaughtUp(site);
  });
});
