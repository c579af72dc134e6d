import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { SimulatedSite } from '#simulators/site/SimulatedSite.ts';

/** A fault as a sentence: what, when, for how long. */
export type PlannedFault = {
  readonly kind: 'cut' | 'cutOneWay' | 'applianceKilled' | 'masterEngineRestarted' | 'changesLost' | 'burst';
  /** Pause before it. */
  readonly afterMs: number;
  readonly forMs: number;
};

const kinds: readonly PlannedFault['kind'][] = [
  'cut',
  'cutOneWay',
  'applianceKilled',
  'masterEngineRestarted',
  'changesLost',
  'burst',
];
/** Well below the Is-Alive timeout: a longer cut is a matter of fencing, not of riding out a storm. */
const cutMsMax = 120_000;
const pauseMsMax = 40_000;
const burstWrites = 200;

/** The same seed draws the same plan; a plan that once failed can be kept and replayed without its seed. */
export function drawStorm(random: SimulatedRandom, faults: number): PlannedFault[] {
  return Array.from({ length: faults }, () => ({
    kind: kinds[random.integer(kinds.length)] ?? 'cut',
    afterMs: 100 + random.integer(pauseMsMax),
    forMs: 50 + random.integer(cutMsMax),
  }));
}

/** Lets the plan happen to the site, one fault after the other; each is over before the next begins. */
export async function weather(site: SimulatedSite, plan: readonly PlannedFault[]): Promise<void> {
  for (const fault of plan) {
    await site.clock.advance(fault.afterMs);
    await strike(site, fault);
  }
}

async function strike(site: SimulatedSite, { kind, forMs }: PlannedFault): Promise<void> {
  switch (kind) {
    case 'cut':
    case 'cutOneWay':
      if (kind === 'cut') site.network.cut('master', 'appliance');
      else site.network.cutOneWay('master', 'appliance');
      await site.clock.advance(forMs);
      site.network.heal();
      return;
    case 'applianceKilled':
      site.appliance.kill();
      await site.clock.advance(Math.min(forMs, 10_000));
      await site.startAppliance();
      return;
    case 'masterEngineRestarted':
      return site.restartMasterEngine();
    case 'changesLost':
      site.master.loseChanges('the storm');
      return;
    case 'burst':
      for (let write = 0; write < burstWrites; write++) site.workload.writeNow();
  }
}
