import { Witness } from '#engine/witness/Witness.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { GuardSite, id, otherId, safeMs, terms, timing } from './guardSite.ts';

let site: GuardSite;
beforeEach(async () => {
  site = await GuardSite.start();
});

/** When the master went off its network, milliseconds after now. */
const untilIsolated = (limitMs = 120_000): Promise<number> => site.clock.runUntil(() => !site.serving, limitMs);

describe('a guard that is armed', () => {
  it('serves as long as one of its voters grants, and renews', async () => {
    await site.arm();
    expect(site.state).toBe('serving');
    expect(site.guard.describe(id)).toMatchObject({ armed: true, isolated: false, epoch: 1, isolation: 'firewall' });
    site.network.cut('master', 'appliance');
    await site.clock.advance(120_000);
    expect(site.serving).toBe(true);
    site.network.heal();
    await site.clock.advance(10_000);
    site.network.cut('master', 'witness');
    await site.clock.advance(120_000);
    expect(site.serving).toBe(true);
    expect(site.states).not.toContain('isolating.blocking');
  });

  it('isolates its host when neither does, within the time every voter waits, and comes back by itself', async () => {
    await site.arm();
    await site.clock.advance(12_345);
    site.cutOff();
    const sinceGrantMs = site.voters.witness.read(id).sinceLastGrantMs;
    const tookMs = await untilIsolated();
    expect(tookMs + sinceGrantMs).toBeGreaterThan(timing.leaseMs - timing.roundTripMs);
    expect(tookMs).toBeLessThan(timing.leaseMs + timing.guardPollMs + timing.actuationMs);
    expect(tookMs).toBeLessThan(safeMs);
    expect(site.guard.describe(id)).toMatchObject({ isolated: true, actuationMs: 50 });
    await site.clock.advance(60_000);
    site.network.heal();
    await site.clock.advance(2 * timing.roundTripMs);
    expect([site.state, site.serving]).toEqual(['serving', true]);
  });

  it('counts a lease from its request: an answer that took long gives no more time', async () => {
    await site.arm();
    site.network.slow('appliance', 'master', 1_500);
    site.network.slow('witness', 'master', 1_500);
    await site.clock.advance(30_000);
    // The next requests are answered, the answers under way when the way out is cut.
    const before = site.voters.appliance.read(id).sinceLastGrantMs;
    await site.clock.runUntil(() => site.voters.appliance.read(id).sinceLastGrantMs < before, 10_000);
    const grantedAgoMs = site.voters.appliance.read(id).sinceLastGrantMs;
    site.network.cutOneWay('master', 'appliance');
    site.network.cutOneWay('master', 'witness');
    const tookMs = await untilIsolated();
    // From the grant on; counted from the reply it would be 1.5 s more.
    expect(tookMs + grantedAgoMs).toBeLessThanOrEqual(timing.leaseMs + timing.guardPollMs + 50);
  });

  it('in a manual scenario, or without a witness, never isolates by itself, not even after a restart', async () => {
    for (const change of [{ policy: 'manual' as const }, { witness: undefined }]) {
      site = await GuardSite.start();
      const { witness, ...rest } = terms;
      await site.settle(
        site.remote.arm({ ...rest, ...('witness' in change ? {} : { witness: witness!, ...change }) }, site.intent(1)),
      );
      site.cutOff();
      await site.clock.advance(600_000);
      site.killGuard();
      await site.startGuard();
      await site.clock.advance(60_000);
      expect([site.state, site.serving]).toEqual(['serving', true]);
      expect(site.states.filter((state) => state.startsWith('isolat'))).toEqual([]);
    }
  });

  it('is not armed before it has a lease, and says so', async () => {
    site.network.cut('master', 'appliance');
    site.network.cut('master', 'witness');
    site.network.heal('appliance', 'master');
    await site.voters.appliance.claim({ quietForMs: 0 }, site.intent(5));
    expect(await site.faultOf(site.remote.arm(terms, site.intent(1)))).toBe('timedOut');
    expect(site.guard.describe(id)).toMatchObject({ armed: false, isolated: false });
    await site.voters.appliance.release(site.intent(5));
    await site.arm();
    expect(site.guard.describe(id)).toMatchObject({ armed: true });
  });

  it('a claim of both voters lets its leases run out; released, it serves again', async () => {
    await site.arm();
    await site.voters.appliance.claim({ quietForMs: 0 }, site.intent(2));
    await site.voters.witness.claim({ quietForMs: 0 }, site.intent(2));
    expect(await untilIsolated()).toBeLessThan(safeMs);
    await site.clock.advance(60_000);
    expect(site.state).toBe('isolated.lapsed');
    await site.voters.appliance.release(site.intent(2));
    await site.clock.advance(2 * timing.roundTripMs);
    expect([site.state, site.serving]).toEqual(['serving', true]);
  });

  it('that hears it was replaced leaves at once, and stays away from restart to restart until it is pardoned', async () => {
    await site.arm();
    await site.voters.appliance.claim({ quietForMs: 0 }, site.intent(2));
    await site.voters.appliance.consume(site.intent(2));
    expect(await untilIsolated()).toBeLessThan(timing.renewMs + 1_000);
    await site.resetHost();
    await site.clock.advance(120_000);
    expect([site.state, site.serving]).toEqual(['isolated.replaced', false]);
    // A lease of the witness alone does not bring it back.
    expect(site.voters.witness.read(id).sinceLastGrantMs).toBeLessThan(timing.renewMs);
    await site.settle(site.remote.rejoin({ ...terms.at, commandedIn: 2 }, site.intent(3)));
    await site.clock.advance(2 * timing.roundTripMs);
    expect([site.state, site.serving]).toEqual(['serving', true]);
  });
});

describe('a guard that starts', () => {
  it('isolates an armed host until it has a lease', async () => {
    await site.arm();
    site.cutOff();
    site.hostNetwork.restartHost();
    site.killGuard();
    await site.startGuard();
    await site.clock.advance(1_000);
    expect([site.state, site.serving]).toEqual(['isolated.lapsed', false]);
    site.network.heal();
    await site.clock.advance(2 * timing.roundTripMs);
    expect(site.serving).toBe(true);
  });

  it('does not let a half-done rejoining go through without a lease', async () => {
    await site.arm();
    site.cutOff();
    await untilIsolated();
    site.hostNetwork.actuationMs = 5_000;
    site.network.heal();
    await site.clock.runUntil(() => site.state.startsWith('rejoining'), 30_000);
    site.cutOff();
    site.killGuard();
    await site.startGuard();
    await site.clock.advance(60_000);
    expect([site.state, site.serving]).toEqual(['isolated.lapsed', false]);
  });

  it('on other hardware is the double: what it inherited binds it to nothing', async () => {
    await site.arm();
    site.killGuard();
    await site.startGuard('vm-of-the-double');
    site.cutOff();
    await site.clock.advance(120_000);
    expect(site.serving).toBe(true);
    expect(site.guard.describe(id)).toMatchObject({ epoch: 0, armed: false });
  });
});

describe('a host that freezes', () => {
  it('past its lease looks at the deadline first when it thaws, though its voters would grant', async () => {
    await site.arm();
    site.watchdog.disarm();
    site.freeze();
    await site.clock.advance(60_000);
    site.states.length = 0;
    site.thaw();
    await site.clock.advance(1_000);
    expect(site.states[0]).toBe('isolating.blocking');
    await site.clock.advance(10_000);
    expect([site.state, site.serving]).toEqual(['serving', true]);
  });

  it('is reset by its watchdog before any voter stops waiting, and comes back isolated', async () => {
    await site.arm();
    site.freeze();
    await site.voters.appliance.claim({ quietForMs: 0 }, site.intent(2));
    await site.voters.witness.claim({ quietForMs: 0 }, site.intent(2));
    const tookMs = await site.clock.runUntil(() => site.resets > 0, 120_000);
    expect(tookMs).toBeLessThan(safeMs);
    await site.clock.advance(5_000);
    expect([site.state, site.serving]).toEqual(['isolated.lapsed', false]);
  });

  it('for a moment only goes on as if nothing had been', async () => {
    await site.arm();
    site.freeze();
    await site.clock.advance(8_000);
    site.thaw();
    await site.clock.advance(60_000);
    expect(site.resets).toBe(0);
    expect(site.states.filter((state) => state.startsWith('isolat'))).toEqual([]);
  });
});

describe('a network that cannot be blocked', () => {
  it('is tried on, and left to the watchdog as long as no block is confirmed', async () => {
    await site.arm();
    site.hostNetwork.failures = 1_000;
    site.cutOff();
    const tookMs = await site.clock.runUntil(() => site.resets > 0, 120_000);
    expect(tookMs).toBeLessThan(safeMs);
    expect(site.states).toContain('isolating.overdue');
  });

  it('that works at the second time is no reason for a reset', async () => {
    await site.arm();
    site.hostNetwork.failures = 1;
    site.cutOff();
    await untilIsolated();
    await site.clock.advance(120_000);
    expect([site.resets, site.state]).toEqual([0, 'isolated.lapsed']);
  });

  it('is not unblocked while a block is under way: a lease that comes meanwhile waits for its answer', async () => {
    await site.arm();
    site.hostNetwork.actuationMs = 1_500;
    site.cutOff();
    await site.clock.runUntil(() => site.state === 'isolating.blocking', 60_000);
    site.network.heal();
    site.states.length = 0;
    await site.clock.advance(20_000);
    expect(site.states.findIndex((state) => state.startsWith('rejoining'))).toBeGreaterThan(
      site.states.indexOf('isolating.blocking'),
    );
    expect([site.state, site.serving]).toEqual(['serving', true]);
  });

  it('is blocked also by a guard that cannot write any more what it decides; the watchdog has the last word', async () => {
    await site.arm();
    site.cutOff();
    site.store.crashAfter(0, 'before');
    expect(await untilIsolated()).toBeLessThan(timing.leaseMs + timing.guardPollMs + timing.actuationMs);
    await site.clock.runUntil(() => site.resets > 0, 2 * timing.watchdogMs);
    await site.clock.advance(1_000);
    expect([site.state, site.serving]).toEqual(['isolated.lapsed', false]);
  });

  it('tells whoever commanded it that it is not off, with the effect unknown', async () => {
    site.hostNetwork.failures = 1_000;
    expect(await site.faultOf(site.remote.isolate(terms.at, site.intent(2)))).toBe('internal');
    expect(site.guard.describe(id).isolated).toBe(false);
  });
});

describe('a commanded isolation (guide 10-2)', () => {
  it('is answered when the host is off, stays over restarts and leases, and ends by command only', async () => {
    await site.arm();
    await site.settle(site.remote.isolate(terms.at, site.intent(2)));
    expect(site.serving).toBe(false);
    await site.settle(site.remote.isolate(terms.at, site.intent(2)));
    await site.settle(site.remote.disarm(terms.at, site.intent(2)));
    await site.resetHost();
    await site.clock.advance(60_000);
    expect([site.state, site.serving]).toEqual(['isolated.commanded', false]);
    const rejoin = (commandedIn: number, epoch: number) =>
      site.remote.rejoin({ ...terms.at, commandedIn }, site.intent(epoch));
    expect(await site.faultOf(rejoin(2, 1))).toBe('staleEpoch');
    // Whoever speaks of another isolation speaks to another machine.
    expect(await site.faultOf(rejoin(3, 3))).toBe('staleEpoch');
    expect(site.serving).toBe(false);
    await site.settle(rejoin(2, 3));
    expect([site.state, site.serving]).toEqual(['disarmed', true]);
    expect(await site.faultOf(site.remote.isolate(terms.at, site.intent(2)))).toBe('staleEpoch');
  });

  it('in the epoch of the takeover does not make the guard ask for leases in it', async () => {
    await site.arm();
    await site.voters.appliance.claim({ quietForMs: 0 }, site.intent(2));
    await site.settle(site.remote.isolate(terms.at, site.intent(2)));
    await site.clock.advance(60_000);
    expect(site.voters.appliance.read(id)).toMatchObject({ claimedEpoch: 2 });
    expect(site.voters.witness.read(id)).toMatchObject({ epoch: 1 });
  });

  it('is not obeyed for a caller that has given up, unless it is so already; one ticket has one effect', async () => {
    const late = { ...site.intent(1), deadlineAtMs: site.clock.nowMs() - 1 };
    const isolate = site.guard.handlers()['guard.isolate']!;
    const caller = undefined as never;
    expect(await site.faultOf(Promise.resolve(isolate({ intent: late }, caller)))).toBe('timedOut');
    expect(site.serving).toBe(true);
    const once = site.intent(1);
    await site.settle(Promise.resolve(isolate({ intent: once }, caller)));
    expect(await site.faultOf(Promise.resolve(isolate({ intent: late }, caller)))).toBe('none');
    await site.settle(site.remote.rejoin({ ...terms.at, commandedIn: 1 }, site.intent(1)));
    await site.settle(Promise.resolve(isolate({ intent: once }, caller)));
    expect(site.serving).toBe(true);
  });

  it('of one scenario is not lifted by another', async () => {
    const { 'guard.isolate': isolate, 'guard.rejoin': rejoin } = site.guard.handlers();
    const caller = undefined as never;
    await site.settle(Promise.resolve(isolate!({ intent: site.intent(7) }, caller)));
    await site.settle(Promise.resolve(isolate!({ intent: site.intent(1, otherId) }, caller)));
    await site.settle(Promise.resolve(rejoin!({ commandedIn: 7, intent: site.intent(7) }, caller)));
    expect([site.state, site.serving]).toEqual(['disarmed', false]);
    await site.settle(Promise.resolve(rejoin!({ commandedIn: 1, intent: site.intent(1, otherId) }, caller)));
    expect(site.serving).toBe(true);
  });
});

describe('what the guard keeps', () => {
  it('armed is durable before it is answered', async () => {
    for (let commits = 0; commits < 8; commits += 1) {
      site = await GuardSite.start();
      let answered = false;
      const arming = site.remote.arm(terms, site.intent(1)).then(
        () => (answered = true),
        () => {},
      );
      await site.clock.advance(commits);
      site.killGuard();
      await site.settle(arming);
      await site.startGuard();
      if (answered) expect(site.guard.describe(id).armed).toBe(true);
    }
  });

  it('a planned shutdown is told to the appliances of armed scenarios, and may stop the watchdog', async () => {
    expect(await site.settle(site.guard.announce({ forMs: 600_000, reason: 'shutdown' }))).toEqual({ told: 0, of: 0 });
    await site.arm();
    expect(await site.settle(site.guard.announce({ forMs: 600_000, reason: 'shutdown' }))).toEqual({ told: 1, of: 1 });
    expect(site.notices).toEqual([{ scenarioId: id, forMs: 600_000, reason: 'shutdown' }]);
    site.cutOff();
    expect(await site.settle(site.guard.announce({ forMs: 600_000, reason: 'shutdown' }))).toEqual({ told: 0, of: 1 });
    await site.guard.disarmWatchdog();
    site.guard.stop();
    await site.clock.advance(120_000);
    expect(site.resets).toBe(0);
  });

  it('a witness that has lost its memory gives no lease before the appliance has asked it again', async () => {
    const { witness } = site.voters;
    expect([witness.knows(id), witness.knows(otherId)]).toEqual([true, false]);
    const handlers = new Witness({ node: 'witness', voter: witness }).handlers();
    const caller = undefined as never;
    const renew = async () => handlers['lease.renew']!({ scenarioId: otherId, epoch: 1, state: 'serving' }, caller);
    expect(await site.faultOf(renew())).toBe('notFound');
    await handlers['witness.read']!({ scenarioId: otherId }, caller);
    expect(await renew()).toEqual({ granted: true });
  });
});
