import { describe, expect, it } from 'vitest';
import { eventText } from '#control/eventLog/eventText.ts';
import { fault } from '#machines/faults.ts';
import { answerTo } from '#machines/scenario/commands.ts';
import { ScriptedSite } from './scriptedSite.ts';

const GiB = 2 ** 30;
const exported = { seedId: 'seed-1', folder: '/var/lib/kagemusha/offline/4009412486', bytes: GiB };
const methodsAsked = (site: ScriptedSite): unknown[] =>
  site.asked
    .filter(({ name }) => name === 'replica.receive')
    .map(({ args }) => (args as { readonly method: string }).method);

/** OS-1 … OS-5: until the folders on the appliance are ready. */
async function toAwaiting(overrides: Record<string, unknown> = {}): Promise<ScriptedSite> {
  const site = new ScriptedSite(overrides, { syncMethod: 'offline' });
  await site.tell('operator.run');
  await site.tell('offline.seedExported', exported);
  return site;
}

describe('offline synchronization (guide, appendix)', () => {
  it('OS-1 … OS-8: exports, waits for the carrier, adopts, and sends only the difference', async () => {
    const site = new ScriptedSite({}, { syncMethod: 'offline' });
    await site.tell('operator.run');
    expect(site.state).toBe('synchronizing.writingSeed');
    expect(site.asked.find(({ name }) => name === 'offline.exportSeed')?.args).toMatchObject({ diskIds: ['/dev/sda'] });
    expect(site.wishes).not.toContain('replica.receive');

    await site.tell('offline.seedExported', exported);
    expect(site.state).toBe('synchronizing.awaitingSeed');
    const folders = site.store.reports(0, 1000).filter(({ code }) => code === 'seedFolderReady');
    expect(folders.map(({ code, params }) => eventText(code, JSON.parse(params), 'ja'))).toEqual([
      "ルート ディレクトリ '/dev/sda' はレプリカ上で '/var/lib/kagemusha/vm/4009412486/sda' にマウントされており、マスタからデータをコピーする準備ができています。",
    ]);

    await site.tell('operator.seedArrived');
    expect(site.state).toBe('synchronizing.placingSeed');
    expect(site.asked.find(({ name }) => name === 'offline.adoptSeed')?.args).toMatchObject({
      seedId: 'seed-1',
      disks: [{ diskId: '/dev/sda', locator: { wwn: '6000c29' } }],
    });
    expect(site.wishes).not.toContain('replica.receive');

    await site.tell('offline.seedAdopted', { bytes: GiB });
    expect(site.state).toBe('synchronizing.copying');
    expect(methodsAsked(site)).toEqual(['blockLevel']);
    await site.tell('replica.synchronized', { bytes: 4096 });
    expect(site.state).toMatch(/^drainingSpool/);
    await site.tell('replica.caughtUp', { point: { sequence: 1, atNs: '1' } });
    expect(site.state).toMatch(/^replicating/);
  });

  it('a full spool on the way does not start it over: it is told, and the map of dirty blocks goes on', async () => {
    const site = await toAwaiting();
    await site.tell('offline.spoolFull');
    expect(site.codes.at(-1)).toBe('spoolFull');
    expect(site.state).toBe('synchronizing.awaitingSeed');
  });

  it('a wrong manifest is refused before anything is written, and may be brought again', async () => {
    const site = await toAwaiting({ 'offline.adoptSeed': 'seedRefused' });
    await site.tell('operator.seedArrived');
    expect(site.state).toBe('synchronizing.awaitingSeed');
    expect(site.codes.at(-1)).toBe('seedRefused');
    site.script['offline.adoptSeed'] = undefined;
    await site.tell('operator.seedArrived');
    expect(site.state).toBe('synchronizing.placingSeed');
  });

  it('a block that differs from its digest is refused too; nothing counts as adopted', async () => {
    const site = await toAwaiting();
    await site.tell('operator.seedArrived');
    await site.tell('offline.seedRefused', { fault: fault('seedRefused', { reason: 'block 7' }) });
    expect(site.state).toBe('synchronizing.awaitingSeed');
    expect(site.wishes).not.toContain('replica.receive');
  });

  it('any other fault ends the run, with its reason', async () => {
    for (const overrides of [{ 'offline.exportSeed': 'diskMissing' }, { 'offline.stageSeed': 'diskFull' }]) {
      const site = await toAwaiting(overrides);
      expect(site.state).toBe('stopped');
      expect(site.codes).toContain('fault');
    }
    const site = await toAwaiting({ 'offline.adoptSeed': 'replicaDiskUnproven' });
    await site.tell('operator.seedArrived');
    expect(site.state).toBe('stopped');
  });

  it.each(['offline.exportSeed', 'offline.stageSeed', 'offline.adoptSeed'])(
    'goes on after a restart of the appliance while %s is unanswered',
    async (wish) => {
      const site = new ScriptedSite({}, { syncMethod: 'offline' });
      const answer = site.script[wish];
      site.script[wish] = 'never';
      await site.tell('operator.run');
      await site.tell('offline.seedExported', exported);
      await site.tell('operator.seedArrived');
      const before = site.state;
      site.script[wish] = answer;
      site.restart();
      await site.tell('appliance.restarted');
      expect(site.state).not.toBe(before);
      expect(site.codes).toContain('synchronizationResumed');
      await site.tell('offline.seedExported', exported);
      await site.tell('operator.seedArrived');
      await site.tell('offline.seedAdopted', { bytes: GiB });
      expect(site.state).toBe('synchronizing.copying');
    },
  );

  it('a restart loses no milestone: what is under way outside is asked for again', async () => {
    const site = new ScriptedSite({}, { syncMethod: 'offline' });
    await site.tell('operator.run');
    await site.tell('appliance.restarted');
    expect(site.wishes.filter((name) => name === 'offline.exportSeed')).toHaveLength(2);
    await site.tell('offline.seedExported', exported);
    await site.tell('appliance.restarted');
    expect(site.state).toBe('synchronizing.awaitingSeed');
    await site.tell('operator.seedArrived');
    await site.tell('appliance.restarted');
    expect(site.wishes.filter((name) => name === 'offline.adoptSeed')).toHaveLength(2);
    await site.tell('offline.seedAdopted', { bytes: GiB });
    await site.tell('appliance.restarted');
    expect(site.state).toBe('synchronizing.copying');
    expect(methodsAsked(site)).toEqual(['blockLevel', 'blockLevel']);
  });

  it('can be stopped at any time; the next run begins with a new export', async () => {
    const site = await toAwaiting();
    await site.tell('operator.stop');
    expect(site.state).toBe('stopped');
    await site.tell('operator.run');
    expect(site.state).toBe('synchronizing.writingSeed');
  });

  it('is refused by an engine that has none (R11 is for engines of files; this one copies blocks)', async () => {
    const site = new ScriptedSite({}, { syncMethod: 'offline' }, ['speculation']);
    await site.tell('operator.run');
    expect(site.state).toBe('stopped');
    expect(site.codes).toContain('verificationFailed');
  });

  it('data that nobody awaits are refused aloud (L7)', async () => {
    const site = new ScriptedSite();
    expect(answerTo(site.host.snapshot(site.id), 'seedArrived')).toMatchObject({ code: 'noSeedAwaited' });
    const awaiting = await toAwaiting();
    expect(answerTo(awaiting.host.snapshot(awaiting.id), 'seedArrived')).toEqual({ accepted: true });
  });
});

describe('the Run dialog (guide 8-3)', () => {
  it('chooses the method of this run alone', async () => {
    const site = new ScriptedSite();
    await site.tell('operator.run', { syncMethod: 'blockLevel' });
    await site.tell('operator.stop');
    await site.tell('operator.run');
    expect(methodsAsked(site)).toEqual(['blockLevel', 'volumeLevel']);
  });

  it('may choose offline, which the verification then looks at', async () => {
    const site = new ScriptedSite();
    await site.tell('operator.run', { syncMethod: 'offline' });
    expect(site.state).toBe('synchronizing.writingSeed');
    const incapable = new ScriptedSite({}, {}, ['speculation']);
    await incapable.tell('operator.run', { syncMethod: 'fileLevel' });
    expect(incapable.state).toBe('stopped');
    expect(incapable.codes).toContain('verificationFailed');
  });

  it('"ignore files of the same size and time" goes with file level only', async () => {
    const site = new ScriptedSite();
    const last = () => site.asked.findLast(({ name }) => name === 'replica.receive')?.args;
    await site.tell('operator.run', { syncMethod: 'fileLevel', ignoreSameSizeAndTime: true });
    expect(last()).toMatchObject({ method: 'fileLevel', ignoreSameSizeAndTime: true });
    await site.tell('operator.stop');
    await site.tell('operator.run', { syncMethod: 'blockLevel', ignoreSameSizeAndTime: true });
    expect(last()).not.toHaveProperty('ignoreSameSizeAndTime');
  });
});
