import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { drawRun } from './drawPlan.ts';
import { buildFenceSite, fenceSiteWith } from './fenceSite.ts';
import {
  armedWith,
  fromMasterToAppliance,
  guardKnowsNoBoot,
  guardsOf,
  isolation,
  masterDies,
  minuteMs,
  only,
} from './mutant.ts';
import type { Mutant } from './mutant.ts';
import type { PlanEntry, Run } from './plan.ts';

/** Drawn in the fence's profile, with what makes this bug show added to each plan. */
const drawn =
  (extra: readonly PlanEntry[], site: Partial<Run['site']> = {}) =>
  (seed: string): Run => {
    const run = drawRun(seed, 'fence', new SimulatedRandom(seed));
    return {
      ...run,
      site: { ...run.site, switchover: 'automatic', ...site },
      hours: 0.5,
      plan: [...extra, ...run.plan],
    };
  };

const fence = (
  name: string,
  catches: string,
  apply: () => void,
  extra: readonly PlanEntry[],
  site: Partial<Run['site']> = {},
): Mutant => ({ name, catches, apply, build: buildFenceSite, run: drawn(extra, site) });

const claimant = (
  name: string,
  catches: string,
  error: Parameters<typeof fenceSiteWith>[0],
  extra: readonly PlanEntry[],
): Mutant => ({ name, catches, build: fenceSiteWith(error), run: drawn(extra) });

/** Of guard, leases and voters by themselves, with a plain claimant. */
export const fenceMutants: readonly Mutant[] = [
  fence(
    'a voter grants on after it has promised',
    'S3',
    () => {
      const { renew } = LeaseVoter.prototype;
      LeaseVoter.prototype.renew = async function (renewal) {
        const answer = await renew.call(this, renewal);
        return answer.granted || answer.reason === 'replaced' ? answer : { granted: true };
      };
    },
    isolation(75_000),
  ),
  fence(
    'a lease lasts twice as long as it was granted for',
    'S4',
    armedWith((terms) => ({ ...terms, timing: { ...terms.timing, leaseMs: 6 * terms.timing.leaseMs } })),
    isolation(5 * minuteMs),
  ),
  fence(
    'the guard does not isolate when its lease ends',
    'S4',
    () => (guardsOf(masterGuardChart)['losesItsLease'] = () => false),
    isolation(5 * minuteMs),
  ),
  fence('the guard goes on after a boot as if nothing had been', 'S7', guardKnowsNoBoot, masterDies(4 * minuteMs)),
  fence(
    'the guard isolates in a manual scenario',
    'S10',
    armedWith((terms) => ({ ...terms, policy: 'automatic' })),
    isolation(2 * minuteMs),
    { switchover: 'manual' },
  ),
  claimant('it takes over from a master that was never armed', 'S1', 'unarmed', [
    { when: { message: 'guard.arm' }, action: { kind: 'powerOff', host: 'master' }, forMs: 4 * minuteMs },
  ]),
  claimant('it connects without the witness', 'S2', 'noWitness', masterDies()),
  claimant('it connects before the leases are over', 'S2', 'noWait', [
    ...fromMasterToAppliance(5 * minuteMs),
    ...isolation(4 * minuteMs)
      .slice(2)
      .map((entry) => ({ ...entry, when: { atMs: 5 * minuteMs + 35_000 } })),
  ]),
  claimant('its epoch is lost with its process', 'S5', 'forgetsEpoch', [
    ...fromMasterToAppliance(0),
    ...isolation(2 * minuteMs),
    { when: { state: 'takingOver' }, action: { kind: 'crash', process: 'appliance', disk: 'kept' }, forMs: 1_000 },
  ]),
  claimant('it connects without asking who answers', 'S8', 'noProbe', masterDies()),
  claimant('it claims although the second look found life', 'S9', 'noLook', [
    ...only({ kind: 'crash', process: 'masterEngine', disk: 'kept' }, 3 * minuteMs),
  ]),
  claimant('the witness may promise right after it has granted', 'S9', 'noQuiet', fromMasterToAppliance(2 * minuteMs)),
  claimant('a claim is never taken back', 'L1', 'noRelease', isolation(55_000)),
];
