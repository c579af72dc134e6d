import { describe, expect, it } from 'vitest';
import {
  accepted,
  codes,
  expectCaughtUp,
  expectSwitchedOver,
  replicatingSite,
  siteWithScenario,
  told,
  untilPassing,
  untilReplicating,
  writeNow,
} from './runs.ts';

const KiB = 1024;
const blockBytes = 4096;
const spoolBytesMax = 128 * KiB;

describe('a link that is cut for a minute', () => {
  it('is lost and restored aloud; nothing is copied anew, and nobody switches over', async () => {
    const site = await replicatingSite({ seed: 'cut' });
    await site.clock.advance(5_000);
    const before = await site.status();
    const writesBefore = site.workload.count;
    site.network.cut('appliance', 'master');
    await site.clock.advance(60_000);
    expect((await site.status()).state).toMatch(/flow\.disconnected/);
    expect((await site.status()).link).toBe('disconnected');
    expect((await site.status()).replicationLagMs).toBeGreaterThan(55_000);
    site.network.heal();
    await site.clock.advance(30_000);
    await expectCaughtUp(site);
    const { replicatedBytes = 0 } = await site.status();
    const writtenBytes = (site.workload.count - writesBefore) * blockBytes;
    expect(replicatedBytes - (before.replicatedBytes ?? 0)).toBeLessThanOrEqual(writtenBytes + 64 * KiB);
    expect(await told(site, 'linkLost')).toBe(1);
    expect(await told(site, 'linkRestored')).toBe(1);
    const events = await site.events();
    expect(events.some((event) => /^マスタとの接続が切断されました \(.+\)。自動的に再接続します。$/.test(event))).toBe(
      true,
    );
    expect(events).toContain('マスタとの接続が回復しました。');
    for (const code of ['changesLost', 'masterDown', 'switchoverStarted', 'fault'])
      expect(await codes(site)).not.toContain(code);
  });

  it('in one direction only is no different', async () => {
    for (const [from, to] of [
      ['appliance', 'master'],
      ['master', 'appliance'],
    ] as const) {
      const site = await replicatingSite({ seed: `cut-from-${from}` });
      await site.clock.advance(5_000);
      site.network.cutOneWay(from, to);
      await site.clock.advance(60_000);
      site.network.heal();
      await site.clock.advance(30_000);
      await expectCaughtUp(site);
      expect([await told(site, 'linkLost'), await told(site, 'linkRestored')]).toEqual([1, 1]);
      expect(await codes(site)).not.toContain('changesLost');
      expect(await codes(site)).not.toContain('switchoverStarted');
    }
  });

  it('during the copy of the volumes only delays it', async () => {
    const site = await siteWithScenario({ seed: 'cut-during-copy' });
    writeNow(site, 300);
    await accepted(site, { command: 'run' });
    await untilPassing(site, 'synchronizing.copying');
    site.network.cut('appliance', 'master');
    await site.clock.advance(60_000);
    site.network.heal();
    await untilReplicating(site);
    await expectCaughtUp(site);
    expect(await codes(site)).not.toContain('fault');
  });
});

describe('a spool that is full', () => {
  const options = { spoolBytesMax, writesPerSecond: 8 };

  it('becomes a map of changes: told, and caught up after the link is back', async () => {
    const site = await replicatingSite({ seed: 'spool-full', ...options });
    await site.clock.advance(5_000);
    site.network.cut('appliance', 'master');
    await site.clock.advance(60_000);
    site.network.heal();
    await untilReplicating(site);
    await site.clock.advance(10_000);
    expect(await told(site, 'spoolFull')).toBe(1);
    expect(await site.events()).toContain('スプールの上限に達しました。変更箇所の記録に切り替え、保護は継続します。');
    expect(await codes(site)).not.toContain('changesLost');
    await expectCaughtUp(site);
    const { spool } = await site.status();
    expect(spool?.bytesMax).toBe(spoolBytesMax);
    expect(spool?.bytes).toBeLessThanOrEqual(spoolBytesMax);
  });

  it('and a master that dies before the link is back: the double has the last point before the cut', async () => {
    const site = await replicatingSite({ seed: 'spool-full-then-dead', ...options });
    await site.clock.advance(5_000);
    site.network.cut('appliance', 'master');
    const writesBefore = site.workload.count;
    await site.clock.advance(60_000);
    await site.killMaster();
    await expectSwitchedOver(site);
    const { acknowledged, found } = await site.writes();
    expect(acknowledged).toBeGreaterThan(30);
    expect(found).toBeLessThanOrEqual(writesBefore + 1);
  });

  it('and a master that dies while it is caught up: the double has a state that the master had', async () => {
    for (let diesAfterMs = 0; diesAfterMs <= 6_000; diesAfterMs += 400) {
      const site = await replicatingSite({ seed: `spool-full-catching-up-${diesAfterMs}`, ...options });
      await site.clock.advance(5_000);
      site.network.cut('appliance', 'master');
      await site.clock.advance(60_000);
      site.network.heal();
      await site.clock.advance(diesAfterMs);
      await site.killMaster();
      await expectSwitchedOver(site);
    }
  });
});
