import { expect } from 'vitest';
import type { ScenarioCommand } from '#engine/protocol/messages.ts';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import type { SimulatedSiteOptions } from '#simulators/site/siteOptions.ts';
import type { ScenarioChoice } from '#simulators/site/site.ts';

/** The beginnings and ends that the tests of the whole flow share. */

type Beginning = SimulatedSiteOptions & Partial<ScenarioChoice>;

export async function siteWithScenario(options: Beginning): Promise<SimulatedSite> {
  const site = await SimulatedSite.start(options);
  await site.createScenario({ switchover: 'automatic', ...options });
  return site;
}

export async function replicatingSite(options: Beginning): Promise<SimulatedSite> {
  const site = await siteWithScenario(options);
  await accepted(site, { command: 'run' });
  await untilReplicating(site);
  return site;
}

export async function accepted(site: SimulatedSite, command: ScenarioCommand): Promise<void> {
  expect(await site.command(command)).toEqual({ accepted: true });
}

export const untilReplicating = (site: SimulatedSite): Promise<void> =>
  site.until('it replicates', async () =>
    (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
  );

export const untilState = (site: SimulatedSite, state: string): Promise<void> =>
  site.until(`it is ${state}`, async () => (await site.status()).state === state);

/** `kill -9` of the appliance's engine, which is started again a little later. */
export async function restartAppliance(site: SimulatedSite): Promise<void> {
  site.appliance.kill();
  await site.clock.advance(3_000);
  await site.startAppliance();
}

/** Moves time in small steps until the chart stands there: for states that are over in a moment. */
export async function untilPassing(site: SimulatedSite, state: string): Promise<void> {
  for (let step = 0; step < 200_000; step++) {
    if (site.transcript.at(-1)?.includes(`→ ${state}`)) return;
    await site.clock.advance(1);
  }
  throw new Error(`within 200 s it did not pass ${state}; the last event was ${site.transcript.at(-1)}`);
}

/** The workload writes so much in one instant, which gives a copy or a comparison something to do. */
export function writeNow(site: SimulatedSite, writes: number): void {
  for (let write = 0; write < writes; write++) site.workload.writeNow();
}

export const codes = async (site: SimulatedSite): Promise<readonly string[]> =>
  (await site.reports()).map(({ code }) => code).filter((code) => code !== 'state');

/** How often an event of this code was told. */
export const told = async (site: SimulatedSite, code: string): Promise<number> =>
  (await codes(site)).filter((one) => one === code).length;

/** Protection goes on: once the workload pauses, the replica is the disk as it was after its very last write. */
export async function expectCaughtUp(site: SimulatedSite): Promise<void> {
  site.workload.stop();
  await site.clock.advance(20_000);
  expect((await site.status()).state).toMatch(/^replicating/);
  expect(await site.writes()).toEqual({ acknowledged: site.workload.count, found: site.workload.count, lost: 0 });
}

/** The end of every switchover: one double, switched on, with everything that was acknowledged. */
export async function expectSwitchedOver(site: SimulatedSite): Promise<void> {
  await untilState(site, 'switchedOver');
  const doubles = site.model.vms().filter(({ name }) => name !== 'appliance');
  expect(doubles.map(({ name, power }) => ({ name, power }))).toEqual([{ name: 'web-double', power: 'poweredOn' }]);
  expect((await site.writes()).lost).toBe(0);
  expect(await site.events()).toContain('スイッチオーバーが完了しました。');
}
