import { describe, expect, it } from 'vitest';
import { explain } from '#machines/scenario/explain.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import { ScriptedSite } from './scriptedSite.ts';

const why = (site: ScriptedSite): Explanation =>
  explain({
    snapshot: site.host.snapshot(site.id),
    timers: site.store.timers(),
    outbox: site.store.outbox(site.id),
    nowMs: site.clock.nowMs(),
  });
const holding = (site: ScriptedSite): string =>
  why(site)
    .automaticSwitchover.map(({ holds }) => (holds ? 'x' : '-'))
    .join('');

describe('why, and why not', () => {
  it('tells each condition of the automatic switchover as it comes true', async () => {
    const site = new ScriptedSite({ 'master.look': 'never' }, { speculation: false });
    expect(holding(site)).toBe('x--------');
    await site.runToReplicating();
    expect(holding(site)).toBe('xxx--x---');
    await site.tell('master.silent', { silentForMs: 60_000 });
    expect(holding(site)).toBe('xxxx-x---');
    await site.clock.advance(240_000);
    expect(holding(site)).toBe('xxxxxx---');
    expect(why(site).awaiting).toEqual([{ wish: 'master.look', forMs: 0 }]);
  });

  it('names the next deadline, how far it is, and where it leads', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(40_000);
    expect(why(site).deadlines).toEqual([
      { delay: 'suspicion', inMs: 50_000, thenState: 'scenario.takingOver' },
      { delay: 'isAliveRemaining', inMs: 200_000, thenState: 'scenario.takingOver' },
    ]);
    expect(why(site).decisions).toContainEqual({
      state: 'scenario.replicating.isAlive.suspecting',
      on: 'after suspicion',
      thenState: 'scenario.takingOver',
      guards: [expect.objectContaining({ name: 'speculates', holds: true, value: 'true' })],
    });
  });

  it('in manual mode says that the operator is awaited', async () => {
    const site = new ScriptedSite({}, { switchover: 'manual' });
    await site.runToReplicating();
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(300_000);
    expect(holding(site)).toBe('-xxxxx---');
    expect(
      why(site)
        .descriptions.map(({ text }) => text)
        .join(),
    ).toContain('administrator');
    expect(why(site).commands).toMatchObject({
      switchover: { accepted: true },
      run: { accepted: false, code: 'alreadyRunning' },
    });
  });
});
