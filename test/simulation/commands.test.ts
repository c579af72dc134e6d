import { describe, expect, it } from 'vitest';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import {
  accepted,
  codes,
  expectSwitchedOver,
  replicatingSite,
  siteWithScenario,
  untilPassing,
  writeNow,
} from './runs.ts';

const alreadyRunning = { accepted: false, code: 'alreadyRunning', ja: 'シナリオは既に実行中です。' };
const notSynchronized = {
  accepted: false,
  code: 'notSynchronized',
  ja: 'データの同期が完了していないため実行できません。状態が「実行中」になるまで待ってください。',
};
const underWay = { accepted: false, code: 'switchoverUnderWay', ja: 'スイッチオーバーは既に実行されています。' };
const notStoppable = {
  accepted: false,
  code: 'switchingOver',
  ja: 'スイッチオーバー中は停止できません。完了を待つか、スイッチオーバーを中止してください。',
};
const switchedOver = {
  accepted: false,
  code: 'switchedOver',
  ja: 'スイッチオーバー済みのため実行できません。スイッチバックが完了するまで、このシナリオは代替仮想マシンで稼働しています。',
};

const edit = (site: SimulatedSite) =>
  site.request('scenario.define', {
    definition: { ...site.scenario, substituteVm: { ...site.scenario.substituteVm, name: 'edited' } },
  });

/** Refused aloud, and nothing has moved. */
async function refusedInPlace(site: SimulatedSite, ask: () => Promise<unknown>, answer: object): Promise<void> {
  const { state } = await site.status();
  const before = site.transcript.length;
  expect(await ask()).toMatchObject(answer);
  expect((await site.status()).state).toBe(state);
  expect(site.transcript.slice(before).filter((line) => line.includes('operator.'))).toEqual([]);
}

describe('commands that do not fit the state are refused aloud', () => {
  it('before a scenario runs', async () => {
    const site = await siteWithScenario({ seed: 'stopped' });
    await refusedInPlace(site, () => site.command({ command: 'stop' }), { accepted: false, code: 'notRunning' });
    const switchover = () => site.command({ command: 'switchover', waitForJournals: false });
    await refusedInPlace(site, switchover, notSynchronized);
    expect(await edit(site)).toEqual({ accepted: true });
  });

  it('before the synchronization is complete', async () => {
    const site = await siteWithScenario({ seed: 'before-synchronization' });
    writeNow(site, 300);
    await accepted(site, { command: 'run' });
    await untilPassing(site, 'synchronizing.copying');
    // Holds the copy where it is.
    site.network.cut('appliance', 'master');
    const switchover = () => site.command({ command: 'switchover', waitForJournals: false });
    await refusedInPlace(site, switchover, notSynchronized);
    await refusedInPlace(site, () => site.command({ command: 'run' }), alreadyRunning);
    await refusedInPlace(site, () => edit(site), alreadyRunning);
  });

  it('while it replicates: neither a second Run nor an edit (R1)', async () => {
    const site = await replicatingSite({ seed: 'replicating' });
    await refusedInPlace(site, () => site.command({ command: 'run' }), alreadyRunning);
    await refusedInPlace(site, () => edit(site), alreadyRunning);
    const { commands } = await site.status();
    expect(commands).toMatchObject({ run: alreadyRunning, stop: { accepted: true }, switchover: { accepted: true } });
  });

  it('during and after a switchover: neither stop nor another one, nor an edit (R1, R2)', async () => {
    const site = await replicatingSite({ seed: 'switching-over', switchover: 'manual' });
    await site.clock.advance(5_000);
    await accepted(site, { command: 'switchover', waitForJournals: false });
    const switchover = () => site.command({ command: 'switchover', waitForJournals: false });
    await untilPassing(site, 'takingOver.verdict.proven + takingOver.double.waitingForGuest');
    await refusedInPlace(site, () => site.command({ command: 'stop' }), notStoppable);
    await refusedInPlace(site, switchover, underWay);
    await refusedInPlace(site, () => edit(site), alreadyRunning);

    await expectSwitchedOver(site);
    await refusedInPlace(site, switchover, underWay);
    await refusedInPlace(site, () => site.command({ command: 'run' }), switchedOver);
    await refusedInPlace(site, () => edit(site), switchedOver);
    expect((await codes(site)).filter((code) => code === 'switchoverStarted')).toHaveLength(1);
    expect(site.model.vms().some(({ name }) => name === 'edited')).toBe(false);
  });
});
