import { describe, expect, it } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { HypervisorMethod } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import {
  accepted,
  codes,
  expectCaughtUp,
  expectSwitchedOver,
  replicatingSite,
  siteWithScenario,
  told,
  untilReplicating,
  untilState,
} from './runs.ts';

const MiB = 2 ** 20;
const hourMs = 3_600_000;

const badCredentials =
  '障害が発生しました: esxi のユーザー名またはパスワードが正しくありません。アカウントのロックを避けるため再試行しません。資格情報を修正して再度実行してください。';
const unreachable =
  '障害が発生しました: esxi に接続できません: ETIMEDOUT。ネットワークとサービスの状態を確認してください。';

async function runUntilStopped(site: SimulatedSite): Promise<void> {
  await accepted(site, { command: 'run' });
  await untilState(site, 'stopped');
}

const doubleFailed = 'takingOver.verdict.proven + takingOver.double.failed';

describe('a wrong password of the hypervisor', () => {
  it('is tried once and told, until it is typed again', async () => {
    const site = await siteWithScenario({ seed: 'wrong-password', typedPassword: 'mistyped' });
    await runUntilStopped(site);
    expect(await site.events()).toContain(badCredentials);
    expect(await told(site, 'fault')).toBe(1);
    expect((await site.status()).lastFault).toMatchObject({ code: 'badCredentials', duration: 'permanent' });
    await site.clock.advance(hourMs);
    await runUntilStopped(site);
    expect(site.model.sessions.attempts).toBe(1);
    expect(await told(site, 'fault')).toBe(2);

    await site.putPassword();
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    expect(site.model.sessions.attempts).toBe(2);
    await expectCaughtUp(site);
  });

  it('of a host whose password was changed meanwhile halts the switchover until it is typed', async () => {
    const site = await replicatingSite({ seed: 'password-changed', switchover: 'manual' });
    await site.clock.advance(5_000);
    const fault = new PartyFault('badCredentials', { host: 'esxi' });
    for (let nth = 1; nth <= 100; nth++)
      site.appliance.failHypervisor({ method: 'detachDisk', nth, when: 'before', fault });
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await untilState(site, doubleFailed);
    expect((await site.status()).lastFault).toMatchObject({ code: 'badCredentials' });
    expect(await told(site, 'doubleFailed')).toBe(1);
    await site.clock.advance(hourMs);
    expect(await site.substituteVm()).toBeUndefined();
    await site.putPassword();
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await expectSwitchedOver(site);
  });

  it('is not tried again and again by whoever looks at the hypervisor', async () => {
    const site = await siteWithScenario({ seed: 'wrong-password-looked-at', typedPassword: 'mistyped' });
    const look = () => site.request('hypervisor.inspect', { hypervisor: site.scenario.hypervisor });
    for (let time = 0; time < 6; time++)
      await expect(look()).rejects.toThrow(/user name or password for esxi is wrong/);
    expect(site.model.sessions.attempts).toBe(1);
    await runUntilStopped(site);
    expect(site.model.sessions.attempts).toBe(1);
    await site.putPassword();
    expect((await look()).vms.map(({ name }) => name)).toEqual(['appliance']);
  });
});

describe('a hypervisor that cannot be reached', () => {
  it('at Run is asked again for a minute, then told; nothing was changed', async () => {
    const site = await siteWithScenario({ seed: 'unreachable' });
    site.appliance.hypervisorReachable = false;
    const startedMs = site.clock.nowMs();
    await runUntilStopped(site);
    const tookMs = site.clock.nowMs() - startedMs;
    expect(tookMs).toBeGreaterThan(30_000);
    expect(tookMs).toBeLessThanOrEqual(76_000);
    expect(site.appliance.hypervisor?.callsOf('inspect')).toBeGreaterThanOrEqual(5);
    expect(await site.events()).toContain(unreachable);
    expect(await told(site, 'fault')).toBe(1);
    expect(await site.replicaDisks()).toBe(0);

    site.appliance.hypervisorReachable = true;
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    await expectCaughtUp(site);
  });

  it('for a while at Run is nobody’s trouble', async () => {
    const site = await siteWithScenario({ seed: 'unreachable-a-while' });
    site.appliance.hypervisorReachable = false;
    await accepted(site, { command: 'run' });
    await site.clock.advance(20_000);
    site.appliance.hypervisorReachable = true;
    await untilReplicating(site);
    expect(await told(site, 'fault')).toBe(0);
  });

  it.each([0, 40, 80, 120, 160, 1_000, 10_000])(
    'during the switchover (from %i ms on) and back again: one double',
    async (afterMs) => {
      const site = await replicatingSite({ seed: `cut-off-${afterMs}`, switchover: 'manual' });
      await site.clock.advance(5_000);
      await accepted(site, { command: 'switchover', waitForJournals: false });
      await site.clock.advance(afterMs);
      site.appliance.hypervisorReachable = false;
      await site.clock.advance(120_000);
      site.appliance.hypervisorReachable = true;
      await expectSwitchedOver(site);
      expect(await told(site, 'doubleFailed')).toBe(0);
    },
  );

  it('for longer than the switchover waits: it halts aloud and is performed again', async () => {
    const site = await replicatingSite({ seed: 'cut-off-for-long', switchover: 'manual' });
    await site.clock.advance(5_000);
    site.appliance.hypervisorReachable = false;
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await untilState(site, doubleFailed);
    expect((await site.status()).lastFault).toMatchObject({ code: 'unreachable' });
    expect(await site.substituteVm()).toBeUndefined();
    site.appliance.hypervisorReachable = true;
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await expectSwitchedOver(site);
  });
});

describe('a lost answer of the hypervisor', () => {
  const methods: readonly HypervisorMethod[] = ['createDisk', 'attachDisk', 'detachDisk', 'createVm', 'powerOnVm'];
  it.each(methods)('to %s is reconciled: nothing is made twice', async (method) => {
    const site = await siteWithScenario({ seed: `lost-${method}` });
    for (const nth of [1, 2]) site.appliance.failHypervisor({ method, nth, when: 'after' });
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    await site.clock.advance(5_000);
    await site.killMaster();
    await expectSwitchedOver(site);
    expect(await site.replicaDisks()).toBe(1);
    expect(site.appliance.hypervisor?.callsOf(method)).toBe(3);
    expect(await codes(site)).not.toContain('fault');
  });
});

describe('what the hypervisor’s host refuses', () => {
  it('a changed certificate stops the run with the sentence, and no password is sent', async () => {
    const site = await siteWithScenario({ seed: 'certificate' });
    const fault = new PartyFault('untrustedCertificate', { host: 'esxi', fingerprint: 'ab:cd' });
    site.appliance.failHypervisor({ method: 'inspect', nth: 1, when: 'before', fault });
    await runUntilStopped(site);
    expect(await site.events()).toContain(
      '障害が発生しました: esxi の証明書が登録時と異なります (ab:cd)。変更が正当であることを確認し、シナリオの証明書を登録し直してください。',
    );
    expect(site.appliance.hypervisor?.callsOf('inspect')).toBe(1);
    expect(site.model.sessions.attempts).toBe(0);
    expect(await site.replicaDisks()).toBe(0);
  });

  it('a datastore that is too small is found before anything is made, with its bytes', async () => {
    const site = await siteWithScenario({ seed: 'small', datastoreBytes: 3 * MiB });
    await runUntilStopped(site);
    expect(await codes(site)).toContain('verificationFailed');
    expect(await site.events()).toContain(
      `シナリオの検証でエラーが見つかりました: データストア datastore1 の空き容量が不足しています: 必要 ${4 * MiB} バイト、空き ${3 * MiB} バイト。空き容量を増やすか別のデータストアを選択してください。`,
    );
    expect(await site.replicaDisks()).toBe(0);
  });

  it('space that somebody else took meanwhile stops the run, and Run again goes on when it is back', async () => {
    const site = await siteWithScenario({ seed: 'filled', datastoreBytes: 10 * MiB });
    const rival = '[datastore1] rival.vmdk';
    site.model.createDisk({ path: rival, bytes: 8 * MiB, thin: false });
    await runUntilStopped(site);
    expect(await site.events()).toContain(
      `障害が発生しました: データストア datastore1 の空き容量が不足しています: 必要 ${4 * MiB} バイト、空き ${2 * MiB} バイト。空き容量を増やすか別のデータストアを選択してください。`,
    );
    expect((await site.status()).lastFault).toMatchObject({ code: 'noSpace' });
    site.model.disks.remove(rival);
    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    await expectCaughtUp(site);
  });
});
