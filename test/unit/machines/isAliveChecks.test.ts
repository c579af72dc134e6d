import { describe, expect, it } from 'vitest';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import type { IsAliveChecks, ScenarioDefinition } from '#machines/vocabulary.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const script = { kind: 'script', name: 'shop', path: '/opt/checkShop', timeoutMs: 10_000 } as const;
const notify: IsAliveChecks = { script, action: 'notify' };
const takeOver: IsAliveChecks = { script, action: 'switchover' };
const { timeoutMs } = definition.isAlive;
const ailment = { check: 'shop', evidence: 'exit 3' };

async function siteWith(
  checks: IsAliveChecks,
  overrides: Record<string, unknown> = {},
  changes: Partial<ScenarioDefinition> = {},
): Promise<ScriptedSite> {
  const site = new ScriptedSite(overrides, { isAlive: { ...definition.isAlive, checks }, ...changes });
  await site.runToReplicating();
  return site;
}

const count = (site: ScriptedSite, code: string): number => site.codes.filter((told) => told === code).length;

describe('a script or a database beside Is-Alive (guide product 5)', () => {
  it('is asked for with the watch', async () => {
    const site = await siteWith(notify);
    expect(site.asked.find(({ name }) => name === 'master.watch')?.args).toMatchObject({ checks: notify });
    const without = new ScriptedSite();
    await without.runToReplicating();
    expect(without.asked.find(({ name }) => name === 'master.watch')?.args).not.toHaveProperty('checks');
  });

  it('an ailing application on a living master is told at once, and again after the timeout; it is no dead master', async () => {
    const site = await siteWith(notify);
    await site.tell('master.unwell', ailment);
    expect(site.codes.at(-1)).toBe('masterUnwell');
    expect(site.state).toContain('isAlive.unwell');
    await site.clock.advance(timeoutMs - 1);
    expect(site.codes).not.toContain('masterUnwellNotified');
    await site.clock.advance(1);
    expect(site.codes.at(-1)).toBe('masterUnwellNotified');
    await site.clock.advance(10 * timeoutMs);
    expect(site.state).toContain('isAlive.unwellNotified');
    expect(site.state).toContain('flow.connected');
    expect(site.wishes).not.toContain('lease.claim');
    await site.tell('master.well');
    expect(site.state).toContain('isAlive.alive');
    expect(site.codes.at(-1)).toBe('masterWell');
  });

  it('well again before the timeout, nothing follows', async () => {
    const site = await siteWith(takeOver);
    await site.tell('master.unwell', ailment);
    await site.clock.advance(timeoutMs - 1);
    await site.tell('master.well');
    await site.clock.advance(10 * timeoutMs);
    expect(site.state).toContain('isAlive.alive');
    expect(site.wishes).not.toContain('guard.isolate');
  });

  it('takes over from a living master that confirms its isolation, when that was chosen', async () => {
    const site = await siteWith(takeOver);
    await site.tell('master.unwell', ailment);
    await site.clock.advance(timeoutMs);
    expect(site.state).toBe('switchedOver');
    expect(site.codes).toContain('masterIsolated');
    expect(site.wishes).not.toContain('master.look');
    expect(site.wishes).not.toContain('fence.powerOff');
    // A voter that has just heard the master must not refuse: everybody knows that it lives.
    expect(site.asked.find(({ name }) => name === 'lease.claim')?.args).toEqual({ quietForMs: 0 });
    expect(site.wishes.indexOf('hypervisor.createVm')).toBeGreaterThan(site.wishes.indexOf('guard.isolate'));
  });

  it('does not take over in manual mode', async () => {
    const site = await siteWith(takeOver, {}, { switchover: 'manual' });
    await site.tell('master.unwell', ailment);
    await site.clock.advance(10 * timeoutMs);
    expect(site.state).toContain('isAlive.unwellNotified');
    expect(site.wishes).not.toContain('guard.isolate');
  });

  it.each(['unreachable', 'never'])(
    'withdraws when the isolation is refused (%s), fences nobody, and tries no more before it was well',
    async (answer) => {
      const site = await siteWith(takeOver, { 'guard.isolate': answer });
      await site.tell('master.unwell', ailment);
      await site.clock.advance(timeoutMs + 5_000);
      expect(site.codes).toContain('takeoverWithdrawn');
      expect(site.state).toContain('flow.connected');
      expect(site.wishes).toEqual(expect.arrayContaining(['lease.release', 'guard.rejoin']));
      expect(site.wishes).not.toContain('fence.powerOff');
      expect(site.wishes).not.toContain('witness.claim');
      expect(site.wishes).not.toContain('replica.finish');

      // The watch tells again what it finds.
      await site.tell('master.unwell', ailment);
      await site.clock.advance(3 * timeoutMs);
      expect(count(site, 'takeoverBegun')).toBe(1);
      expect(site.codes).toContain('masterUnwellNotified');

      site.script['guard.isolate'] = undefined;
      await site.tell('master.well');
      await site.tell('master.unwell', ailment);
      await site.clock.advance(timeoutMs);
      expect(site.state).toBe('switchedOver');
    },
  );

  it('well again before the master was told anything: withdrawn', async () => {
    const site = await siteWith(takeOver, { 'lease.claim': 'never' });
    await site.tell('master.unwell', ailment);
    await site.clock.advance(timeoutMs);
    expect(site.state).toContain('verdict.claiming');
    await site.tell('master.well');
    expect(site.state).toContain('flow.connected');
    expect(site.wishes).not.toContain('guard.isolate');
  });

  it('an unwell master that falls silent is a silent one', async () => {
    const site = await siteWith(notify);
    await site.tell('master.unwell', ailment);
    await site.tell('master.silent', { silentForMs: 60_000 });
    expect(site.state).toContain('isAlive.suspecting');
    await site.tell('master.heard');
    expect(site.state).toContain('isAlive.unwell');
    await site.tell('master.silent', { silentForMs: 60_000 });
    await site.clock.advance(timeoutMs);
    expect(site.state).toBe('switchedOver');
    expect(site.codes).toContain('masterDown');
  });

  it('a restart of the appliance asks anew and gives the whole time again', async () => {
    const site = await siteWith(takeOver);
    await site.tell('master.unwell', ailment);
    await site.clock.advance(timeoutMs - 1);
    site.restart();
    await site.tell('appliance.restarted');
    expect((site.host.snapshot(site.id).context as ScenarioContext).unwell).toBeUndefined();
    await site.tell('master.unwell', ailment);
    await site.clock.advance(timeoutMs - 1);
    expect(site.wishes).not.toContain('guard.isolate');
    await site.clock.advance(1);
    expect(site.state).toBe('switchedOver');
  });

  it('is refused at the verification by an engine that has none, and with a path that is none', async () => {
    const isAlive = { ...definition.isAlive, checks: notify };
    const incapable = new ScriptedSite({}, { isAlive }, ['speculation']);
    await incapable.tell('operator.run');
    expect(incapable.state).toBe('stopped');
    const relative = new ScriptedSite(
      {},
      { isAlive: { ...isAlive, checks: { ...notify, script: { ...script, path: 'checkShop' } } } },
    );
    await relative.tell('operator.run');
    expect(relative.state).toBe('stopped');
  });
});
