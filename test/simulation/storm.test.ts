import { describe, expect, it } from 'vitest';
import { drawStorm, weather } from '#simulators/faults/storm.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { expectSwitchedOver, replicatingSite } from './runs.ts';

const faultsAStorm = 8;
/** `KAGEMUSHA_STORMS=500 npx vitest run test/simulation/storm.test.ts` weathers more. */
const storms = Number(process.env['KAGEMUSHA_STORMS'] ?? 25);

async function weathered(seed: string): Promise<SimulatedSite> {
  const site = await replicatingSite({ seed, switchover: 'automatic' });
  await weather(site, drawStorm(new SimulatedRandom(`${seed}/storm`), faultsAStorm));
  return site;
}

describe('a storm that leaves the master alive', () => {
  it.each(Array.from({ length: storms }, (_, index) => `storm-${index}`))(
    '%s: no needless switchover, it settles, and the double then holds every acknowledged write',
    async (seed) => {
      const site = await weathered(seed);
      await site.until('it replicates at a point of now', async () => {
        const { state, replicationLagMs } = await site.status();
        return state.includes('flow.connected + replicating.isAlive.alive') && (replicationLagMs ?? Infinity) < 5_000;
      });
      expect(
        site.transcript.some((line) => line.includes('switchingOver')),
        'the master lived all the time',
      ).toBe(false);
      await site.killMaster();
      await expectSwitchedOver(site);
    },
  );

  it('the same seed gives the same transcript', async () => {
    const [once, again] = [await weathered('twice'), await weathered('twice')];
    expect(again.transcript).toEqual(once.transcript);
  });
});
