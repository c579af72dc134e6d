import { describe, expect, it } from 'vitest';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const { device: _device, ...withoutDevice } = definition.fence;
const leaseOnly = { fence: withoutDevice, speculation: false };
const yearMs = 365 * 86_400_000;
const safeMs = safeWaitMs(definition.fence.timing);

const leaseSite = (): ScriptedSite =>
  new ScriptedSite({ 'lease.claim': { sinceLastGrantMs: 0 }, 'witness.claim': { sinceLastGrantMs: 0 } }, leaseOnly);

type Jump = { readonly afterMs: number; readonly byMs: number };

/** When each state was entered, by a clock that nobody can set; the wall clock jumps on the way. */
async function timedStates(jumps: readonly Jump[]): Promise<readonly string[]> {
  const site = leaseSite();
  await site.runToReplicating();
  await site.tell('master.silent', { silentForMs: 60_000 });
  const seen: string[] = [];
  const startedNs = site.clock.monotonicNs();
  for (let ms = 0; ms <= 600_000; ms += 1000) {
    for (const { byMs } of jumps.filter(({ afterMs }) => afterMs === ms)) {
      site.clock.stepWallClock(byMs);
      // Any commit looks at all timers anew.
      await site.tell('operator.unknown');
    }
    const state = `${site.state} at ${Number(site.clock.monotonicNs() - startedNs) / 1e9} s`;
    if (seen.at(-1)?.startsWith(`${site.state} at `) !== true) seen.push(state);
    await site.clock.advance(1000);
  }
  expect(site.state).toBe('switchedOver');
  return seen;
}

describe('a wall clock that is set', () => {
  it.each<[string, readonly Jump[]]>([
    ['back a year while the master is silent', [{ afterMs: 100_000, byMs: -yearMs }]],
    ['on a year while the master is silent', [{ afterMs: 100_000, byMs: yearMs }]],
    ['on a year while the leases run out', [{ afterMs: 250_000, byMs: yearMs }]],
    ['back a year while the leases run out', [{ afterMs: 250_000, byMs: -yearMs }]],
    [
      'to and fro',
      [
        { afterMs: 20_000, byMs: yearMs },
        { afterMs: 120_000, byMs: -2 * yearMs },
        { afterMs: 260_000, byMs: 3_600_000 },
      ],
    ],
  ])('%s changes no time: neither Is-Alive nor the proof comes earlier or later', async (_what, jumps) => {
    const undisturbed = await timedStates([]);
    expect(undisturbed.join('\n')).toContain('waitingOutLease');
    expect(await timedStates(jumps)).toEqual(undisturbed);
  });

  it.each([yearMs, -yearMs, safeMs - 1])(
    'by %s ms while the engine is down: the leases are waited out whole, and once',
    async (byMs) => {
      const site = leaseSite();
      await site.runToReplicating();
      await site.tell('master.silent', { silentForMs: 60_000 });
      await site.clock.advance(240_000);
      expect(site.state).toContain('waitingOutLease');
      site.host.stop();
      site.clock.stepWallClock(byMs);
      site.restart();
      await site.clock.advance(safeMs - 1);
      expect(site.state).toContain('waitingOutLease');
      await site.clock.advance(1);
      expect(site.state).toBe('switchedOver');
      expect(site.codes.filter((code) => code === 'masterLeaseLapsed')).toHaveLength(1);
    },
  );
});

/** What the world tells in each state until the double serves. */
async function driveOn(site: ScriptedSite): Promise<void> {
  const { state } = site;
  if (state === 'stopped') await site.tell('operator.run');
  else if (state.startsWith('synchronizing')) await site.tell('replica.synchronized', { bytes: 1 });
  else if (state.startsWith('drainingSpool'))
    await site.tell('replica.caughtUp', { point: { sequence: 1, atNs: '1' } });
  else if (state.includes('isAlive.alive')) await site.tell('master.silent', { silentForMs: 60_000 });
  else await site.clock.advance(5_000);
}

/** From Run to the double, killed once at this commit, and taken up by the next process. */
async function killedAt(commit: number, when: 'before' | 'after'): Promise<ScriptedSite> {
  const site = leaseSite();
  const { store } = site;
  const write = store.commit.bind(store);
  let left = commit;
  let killed = false;
  store.commit = (change) => {
    const dies = left-- === 0;
    if (!dies || when === 'after') write(change);
    if (!dies) return;
    // Whoever is dead hears nothing and begins nothing: not even an error is thrown into him.
    killed = true;
    site.host.stop();
  };
  for (let turn = 0; turn < 500 && site.state !== 'switchedOver'; turn++) {
    await driveOn(site);
    if (!killed) continue;
    killed = false;
    site.store = store.reopen();
    site.restart();
    await site.tell('appliance.restarted');
  }
  return site;
}

describe('a process that is killed', () => {
  it('at any commit from Run to the double, before or after it is durable: the same end', async () => {
    const whole = await killedAt(Number.POSITIVE_INFINITY, 'after');
    const commits = whole.store.commits;
    const end = (site: ScriptedSite): unknown => {
      const { takeover, substituteVmId, synchronized } = site.host.snapshot(site.id).context;
      const { timers, outbox } = { timers: site.store.timers(), outbox: site.store.outbox() };
      return [site.state, takeover?.proof, takeover?.cause, substituteVmId, synchronized, timers, outbox];
    };
    expect(commits).toBeGreaterThan(25);
    for (let commit = 0; commit < commits - 1; commit++)
      for (const when of ['before', 'after'] as const) {
        const site = await killedAt(commit, when);
        expect(end(site), `killed ${when} commit ${commit}`).toEqual(end(whole));
        expect(site.codes.filter((code) => code === 'switchoverCompleted')).toHaveLength(1);
      }
  });

  it('with a store that forgets its timers does not come to that end: the test can fail', async () => {
    const site = leaseSite();
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    site.store.timers = () => [];
    site.restart();
    await site.clock.advance(10_000_000);
    expect(site.state).toContain('isAlive.suspecting');
  });
});
