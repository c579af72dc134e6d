import { describe, expect, it } from 'vitest';
import { isConnected, isOn } from '#simulators/harness/siteObserver.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { accepted, codes, expectSwitchedOver, replicatingSite, told, untilReplicating, untilState } from './runs.ts';

const minuteMs = 60_000;

/** Who serves the production network now. */
const serving = (site: SimulatedSite): readonly string[] => [
  ...(site.masterHost.serving ? ['master'] : []),
  ...site.model
    .vms()
    .filter((vm) => vm.name === 'web-double' && isOn(vm) && isConnected(vm))
    .map(({ name }) => name),
];

/** Lets time pass and looks after every single event: two active copies of one server are unforgivable. */
async function passWatching(site: SimulatedSite, ms: number): Promise<void> {
  const untilMs = site.clock.nowMs() + ms;
  await site.clock.runUntil(() => {
    if (serving(site).length > 1) throw new Error(`two active sides at ${site.transcript.at(-1)}`);
    return site.clock.nowMs() >= untilMs;
  }, ms + 1);
}

const untilUnproven = (site: SimulatedSite): Promise<void> =>
  site.until('nothing proves it', async () => (await site.status()).state.includes('verdict.unproven'));

type Row = {
  readonly cut: readonly (readonly [string, string])[];
  readonly says: string;
  readonly serves: 'master' | 'web-double' | 'nobody';
};

/** Reachability, link by link, and who serves a quarter of an hour later. */
const truth: readonly Row[] = [
  { cut: [], says: 'nothing is cut', serves: 'master' },
  { cut: [['master', 'appliance']], says: 'the witness hears the master', serves: 'master' },
  { cut: [['master', 'witness']], says: 'the appliance hears the master', serves: 'master' },
  { cut: [['appliance', 'witness']], says: 'both hear the master', serves: 'master' },
  {
    cut: [
      ['master', 'appliance'],
      ['master', 'witness'],
    ],
    says: 'nobody hears the master',
    serves: 'web-double',
  },
  {
    cut: [
      ['master', 'appliance'],
      ['appliance', 'witness'],
    ],
    says: 'the appliance is alone',
    serves: 'master',
  },
  {
    cut: [
      ['master', 'witness'],
      ['appliance', 'witness'],
    ],
    says: 'the witness is alone',
    serves: 'master',
  },
  {
    cut: [
      ['master', 'appliance'],
      ['master', 'witness'],
      ['appliance', 'witness'],
    ],
    says: 'everybody is alone: nobody may take over, and the master cannot know that',
    serves: 'nobody',
  },
];

describe.each(['device', 'lease'] as const)('who serves, with a proof by %s', (fence) => {
  it.each(truth)('$says: $serves', async ({ cut, says, serves }) => {
    const site = await replicatingSite({ seed: `${fence} ${says}`, data: 'writeIds', fence });
    // The device is on the appliance's side of the site.
    for (const [a, b] of cut) site.network.cut(a, b);
    await passWatching(site, 15 * minuteMs);
    expect(serving(site)).toEqual(serves === 'nobody' ? [] : [serves]);
    if (serves === 'web-double') return expectSwitchedOver(site);
    // What was cut comes back: the master serves, is protected, and nothing is left over.
    site.network.heal();
    await passWatching(site, 15 * minuteMs);
    expect(serving(site)).toEqual(['master']);
    await untilReplicating(site);
    expect(await site.substituteVm()).toBeUndefined();
  });

  it.each([
    ['master', 'appliance'],
    ['appliance', 'master'],
  ])('one way only, from %s to %s: as if it were cut both ways, and the witness decides', async (from, to) => {
    const site = await replicatingSite({ seed: `${fence} ${from} ${to}`, data: 'writeIds', fence });
    site.network.cutOneWay(from, to);
    await passWatching(site, 15 * minuteMs);
    expect(serving(site)).toEqual(['master']);
  });
});

describe('the end of the master', () => {
  it.each(['device', 'lease'] as const)('power loss: the double serves, proven by %s', async (fence) => {
    const site = await replicatingSite({ seed: `power ${fence}`, data: 'writeIds', fence });
    await site.killMaster();
    await passWatching(site, 10 * minuteMs);
    await expectSwitchedOver(site);
    expect(await codes(site)).toContain(fence === 'device' ? 'masterPoweredOff' : 'masterLeaseLapsed');
  });

  it('a master that comes back after the switchover stays off its network, over every restart', async () => {
    const site = await replicatingSite({ seed: 'comes back', data: 'writeIds' });
    await site.killMaster();
    await untilState(site, 'switchedOver');
    for (let boot = 0; boot < 3; boot++) {
      await site.bootMaster();
      await passWatching(site, 10 * minuteMs);
      expect(serving(site)).toEqual(['web-double']);
      await site.killMaster();
    }
  });

  it('a master that was restarted before anybody took over gets its lease again and serves', async () => {
    const site = await replicatingSite({ seed: 'restarted', data: 'writeIds' });
    await site.killMaster();
    await passWatching(site, minuteMs);
    await site.bootMaster();
    await passWatching(site, 10 * minuteMs);
    expect(serving(site)).toEqual(['master']);
    expect(await codes(site)).not.toContain('switchoverStarted');
    await untilReplicating(site);
  });

  it('a frozen master is reset by its watchdog and never thaws into a second copy', async () => {
    const site = await replicatingSite({ seed: 'frozen', data: 'writeIds', fence: 'lease' });
    site.masterHost.freeze();
    await passWatching(site, 20 * minuteMs);
    expect(serving(site)).toHaveLength(1);
  });

  it('a frozen master without a watchdog: the fence device takes its power first', async () => {
    const site = await replicatingSite({ seed: 'frozen for long', data: 'writeIds', watchdog: false });
    site.masterHost.freeze();
    await passWatching(site, 10 * minuteMs);
    await expectSwitchedOver(site);
    site.masterHost.thaw();
    await passWatching(site, minuteMs);
    expect(serving(site)).toEqual(['web-double']);
  });
});

describe('what is not the end of the master', () => {
  it('the death of its engine', async () => {
    const site = await replicatingSite({ seed: 'engine', data: 'writeIds' });
    site.masterHost.killEngine();
    await passWatching(site, 30 * minuteMs);
    expect(serving(site)).toEqual(['master']);
    expect(await codes(site)).not.toContain('switchoverStarted');
  });

  it('the death of its guard, which is started again', async () => {
    const site = await replicatingSite({ seed: 'guard', data: 'writeIds' });
    site.masterHost.killGuard();
    await passWatching(site, 30 * minuteMs);
    expect(serving(site)).toEqual(['master']);
    expect(await codes(site)).not.toContain('switchoverStarted');
  });

  it('a shutdown that it announced', async () => {
    const site = await replicatingSite({ seed: 'announced', data: 'writeIds' });
    await site.settle(site.masterHost.announce({ forMs: 20 * minuteMs, reason: 'kernel update' }));
    await site.killMaster();
    await passWatching(site, 19 * minuteMs);
    expect(await codes(site)).not.toContain('switchoverStarted');
    await site.bootMaster();
    await passWatching(site, 10 * minuteMs);
    expect(serving(site)).toEqual(['master']);
    await untilReplicating(site);
  });

  it('a witness that is away for a day, however often it comes and goes', async () => {
    const site = await replicatingSite({ seed: 'witness', data: 'writeIds' });
    for (let time = 0; time < 6; time++) {
      site.witness.kill();
      await passWatching(site, 4 * 60 * minuteMs);
      await site.settle(site.witness.start());
      await passWatching(site, 10 * minuteMs);
    }
    expect(serving(site)).toEqual(['master']);
    expect(await codes(site)).not.toContain('switchoverStarted');
  });
});

describe('the operator', () => {
  it('switches over a living master: it confirms its isolation first', async () => {
    const site = await replicatingSite({ seed: 'planned', data: 'writeIds', switchover: 'manual', fence: 'none' });
    await accepted(site, { command: 'switchover', waitForJournals: true });
    await passWatching(site, 5 * minuteMs);
    await expectSwitchedOver(site);
    expect(await site.isMasterIsolated()).toBe(true);
  });

  it('vouches for a master that nothing else can prove dead; before that nothing is plugged in', async () => {
    const site = await replicatingSite({ seed: 'vouched', data: 'writeIds', switchover: 'manual', fence: 'none' });
    await site.killMaster();
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await passWatching(site, 30 * minuteMs);
    expect((await site.status()).state).toContain('verdict.unproven');
    expect(serving(site)).toEqual([]);
    expect(await site.command({ command: 'assertMasterOff', masterName: 'mastre' })).toMatchObject({ accepted: false });
    await accepted(site, { command: 'assertMasterOff', masterName: 'master', by: 'admin' });
    await passWatching(site, 5 * minuteMs);
    await expectSwitchedOver(site);
  });

  it('vouches while the witness is away: the master that is switched on again after all finds no lease there', async () => {
    const site = await replicatingSite({ seed: 'vouched alone', data: 'writeIds', switchover: 'manual' });
    site.network.cut('appliance', 'witness');
    await site.killMaster();
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await untilUnproven(site);
    await accepted(site, { command: 'assertMasterOff', masterName: 'master', by: 'admin' });
    await passWatching(site, 5 * minuteMs);
    expect(serving(site)).toEqual([]);
    expect((await site.status()).state).toContain('switchingOver.securing');
    expect(await codes(site)).toContain('witnessUnpromised');
    site.network.heal();
    await passWatching(site, 5 * minuteMs);
    await expectSwitchedOver(site);
    site.network.cut('master', 'appliance');
    await site.bootMaster();
    await passWatching(site, 15 * minuteMs);
    expect(serving(site)).toEqual(['web-double']);
  });

  it('vouches for a witness that is gone for good as well, by a second word of his', async () => {
    const site = await replicatingSite({ seed: 'vouched twice', data: 'writeIds', switchover: 'manual' });
    site.network.cut('appliance', 'witness');
    await site.killMaster();
    await accepted(site, { command: 'switchover', waitForJournals: false });
    await site.until('it asks the witness', async () =>
      (await site.status()).state.includes('verdict.claimingWitness'),
    );
    await accepted(site, { command: 'assertMasterOff', masterName: 'master', by: 'admin' });
    await site.until('it waits', async () => (await site.status()).state.includes('waitingForWitness'));
    await accepted(site, { command: 'assertMasterOff', masterName: 'master', by: 'admin' });
    await site.clock.advance(1_000);
    await expectSwitchedOver(site);
  });

  it('is asked when the witness has lost its memory: no attempt follows the other for ever', async () => {
    const site = await replicatingSite({ seed: 'forgotten', data: 'writeIds', fence: 'lease' });
    await site.killMaster();
    site.witness.kill();
    site.witness.forget();
    await site.settle(site.witness.start());
    await site.clock.advance(60 * minuteMs);
    expect((await site.status()).state).toContain('takingOver');
    expect(await told(site, 'takeoverBegun')).toBe(1);
    await untilUnproven(site);
    await accepted(site, { command: 'assertMasterOff', masterName: 'master', by: 'admin' });
    await passWatching(site, 5 * minuteMs);
    await expectSwitchedOver(site);
    expect(await codes(site)).toContain('witnessPromised');
  });
});
