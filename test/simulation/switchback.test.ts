import { expect, it } from 'vitest';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { doubleAddress, hardwareId, kitAddress, targetSerial } from '#simulators/site/SimulatedWayBack.ts';
import {
  accepted,
  expectCaughtUp,
  expectSwitchedOver,
  replicatingSite,
  told,
  untilReplicating,
  untilState,
} from './runs.ts';

const diskId = '/dev/sda';

/** From now on every instant at which both, or the wrong one, serve is remembered. */
function watchSides(site: SimulatedSite): { readonly both: string[] } {
  const both: string[] = [];
  const look = (): void => {
    const doubles = site.model
      .vms()
      .filter(({ name, power }) => name === 'web-double' && power === 'poweredOn')
      .filter(({ devices }) => devices.some((device) => device.kind === 'nic' && device.connected));
    if (site.masterHost.serving && doubles.length > 0) both.push(site.transcript.at(-1) ?? 'before anything');
    site.clock.after(10, look);
  };
  look();
  return { both };
}

/** The master has died, its double serves, and the dead machine's hardware follows it. */
async function reversed(seed: string, speculation = true): Promise<SimulatedSite> {
  const site = await replicatingSite({ seed, speculation });
  await site.clock.advance(10_000);
  await site.killMaster();
  await expectSwitchedOver(site);
  site.wayBack.bootKit();
  await accepted(site, { command: 'reverse', target: kitAddress, source: doubleAddress });
  await untilState(site, 'awaitingMapping');
  expect(site.wayBack.kit?.contentOf(targetSerial)).toBeUndefined();
  await accepted(site, { command: 'confirmMapping', hardwareId, mapping: [{ diskId, serial: targetSerial }] });
  await untilState(site, 'reverseReplicating.connected');
  return site;
}

it.each([true, false])(
  'switches over, back, and protects the restored master again (speculation: %s)',
  async (speculation) => {
    const site = await reversed(`way-back-${speculation}`, speculation);
    const { both } = watchSides(site);
    await accepted(site, { command: 'switchback' });
    await untilState(site, 'switchedBack');
    expect(site.masterHost.serving).toBe(true);
    expect(await site.substituteVm()).toEqual({ power: 'off' });

    await accepted(site, { command: 'refreshVolumes' });
    await untilState(site, 'refreshingVolumes.awaitingConfirmation');
    await accepted(site, { command: 'confirmVolumes', diskIds: [diskId] });
    await untilState(site, 'stopped');
    expect(await site.substituteVm()).toBeUndefined();
    expect(site.model.disks.all().filter(({ parent }) => parent !== undefined)).toEqual([]);

    await accepted(site, { command: 'run' });
    await untilReplicating(site);
    await site.clock.advance(20_000);
    expect(both).toEqual([]);
    await expectCaughtUp(site);
  },
);

it('takes the double back when the restored machine does not come up', async () => {
  const site = await reversed('hangs');
  const { both } = watchSides(site);
  site.wayBack.hangsAtBoot = true;
  await accepted(site, { command: 'switchback' });
  await untilState(site, 'switchedOver');
  expect(site.masterHost.serving).toBe(false);
  expect(await site.substituteVm()).toEqual({ power: 'on' });
  expect(await told(site, 'switchbackUndone')).toBe(1);
  expect(both).toEqual([]);
  // The machine was proven off by its own power, and stays so.
  expect(site.wayBack.holdsMachine).toBe(false);
});

it('a lost write on the machine is found before it boots, and the double serves again', async () => {
  const site = await reversed('swallows');
  const kit = site.wayBack.kit;
  if (!kit) throw new Error('no kit was booted');
  kit.loseWrites = true;
  site.wayBack.scribble(0, new Uint8Array(4096).fill(77));
  await accepted(site, { command: 'switchback' });
  await untilState(site, 'switchedOver');
  expect(await told(site, 'switchbackDiffers')).toBe(1);
  expect(kit.calls.countOf('restart')).toBe(0);
  expect(await site.substituteVm()).toEqual({ power: 'on' });
});

it('goes on where it was when the appliance is killed on the way back', async () => {
  const site = await reversed('killed');
  const { both } = watchSides(site);
  await accepted(site, { command: 'switchback' });
  for (let kills = 0; kills < 5; kills++) {
    await site.clock.advance(7_000);
    site.appliance.kill();
    await site.clock.advance(3_000);
    await site.startAppliance();
  }
  await untilState(site, 'switchedBack');
  expect(site.masterHost.serving).toBe(true);
  expect(both).toEqual([]);
});
