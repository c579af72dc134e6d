import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { needsLease } from '#machines/masterGuard/guardSetup.ts';
import type { MasterGuardContext } from '#machines/masterGuard/guardSetup.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import {
  armedWith,
  delaysOf,
  forbid,
  fromMasterToAppliance,
  fromMasterToWitness,
  guardKnowsNoBoot,
  guardsOf,
} from './mutant.ts';
import { isolation, masterDies, minuteMs, only, stateOf } from './mutant.ts';
import type { Mutant } from './mutant.ts';
import {
  manualOf,
  crashAppliance,
  mutant,
  calls,
  longAgoMs,
  manual,
  engineDead,
  heardInTime,
} from './plannedMutant.ts';

/** A look that takes some kinds of life for death; the own vote, which would know better, is not asked how quiet it was. */
const blindLook = (isBlind: (evidence: string) => boolean) => (): void => {
  const [look, claim] = [calls['master.look'], calls['lease.claim']];
  calls['lease.claim'] = (parties, _, intent) => claim(parties, { quietForMs: 0 }, intent);
  calls['master.look'] = async (parties, args, intent) => {
    const found = await look(parties, args, intent);
    return isBlind(found.evidence) ? { ...found, alive: false } : found;
  };
};

/** Who serves: the vote, the proof, the guard, on the whole site. */
export const voteMutants: readonly Mutant[] = [
  mutant(
    'the own vote is not claimed',
    'S2',
    () => (calls['lease.claim'] = () => Promise.resolve({ sinceLastGrantMs: longAgoMs })),
    masterDies(),
  ),
  mutant(
    'the witness is not asked',
    'S2',
    () => (calls['witness.claim'] = () => Promise.resolve({ sinceLastGrantMs: longAgoMs })),
    masterDies(),
  ),
  mutant(
    'the own vote is claimed after the witness',
    'S2',
    () => {
      const [own, witness] = [calls['lease.claim'], calls['witness.claim']];
      calls['lease.claim'] = () => Promise.resolve({ sinceLastGrantMs: longAgoMs });
      calls['witness.claim'] = async (parties, args, intent) => {
        const promised = await witness(parties, args, intent);
        void own(parties, { quietForMs: 0 }, intent);
        return promised;
      };
    },
    [
      ...only({ kind: 'crash', process: 'masterEngine', disk: 'kept' }, 10 * minuteMs),
      ...fromMasterToAppliance(49_000),
      ...fromMasterToAppliance(10 * minuteMs, 5 * minuteMs + 65_000),
      ...fromMasterToWitness(10 * minuteMs),
      { when: { wish: 'witness.claim' }, action: { kind: 'cut', from: 'appliance', to: 'witness' }, forMs: 17_000 },
      { when: { wish: 'witness.claim' }, action: { kind: 'cut', from: 'witness', to: 'appliance' }, forMs: 17_000 },
    ],
  ),
  mutant(
    'the witness of the whole site may promise right after it has granted',
    'S9',
    () => {
      const claim = calls['witness.claim'];
      calls['witness.claim'] = (parties, args, intent) => claim(parties, { ...args, quietForMs: 0 }, intent);
    },
    fromMasterToAppliance(3 * minuteMs),
  ),
  mutant(
    'one cut is enough for a switchover',
    'L8',
    () => {
      const claim = calls['witness.claim'];
      calls['witness.claim'] = (parties, args, intent) => claim(parties, { ...args, quietForMs: 0 }, intent);
    },
    only({ kind: 'cut', from: 'master', to: 'appliance' }, 5 * minuteMs),
  ),
  mutant(
    'half the safe wait is waited',
    'S2',
    () => {
      const whole = delaysOf(scenarioChart)['safeWaitRemaining'] as (...scope: unknown[]) => number;
      delaysOf(scenarioChart)['safeWaitRemaining'] = (...scope) => whole(...scope) / 2;
    },
    [...fromMasterToAppliance(10 * minuteMs), ...fromMasterToWitness(10 * minuteMs, 5 * minuteMs + 22_000)],
  ),
  mutant(
    'the safe wait is much longer than promised',
    'L2',
    () =>
      (delaysOf(scenarioChart)['safeWaitRemaining'] = ({ context }: { context: ScenarioContext }) =>
        safeWaitMs(context.definition.fence.timing) + 3 * minuteMs),
    masterDies(),
  ),
  mutant(
    'the double is connected without a proof',
    'S2',
    () => {
      guardsOf(scenarioChart)['isFenceProven'] = () => true;
    },
    masterDies(),
  ),
  mutant(
    'a fence device proves without an armed guard',
    'S1',
    () =>
      (guardsOf(scenarioChart)['deviceProves'] = ({ context }: { context: ScenarioContext }) =>
        context.definition.fence.device !== undefined),
    [{ when: { message: 'guard.arm' }, action: { kind: 'powerOff', host: 'master' }, forMs: 4 * minuteMs }],
    { fenceDevice: true },
  ),
  mutant(
    'the power is not read back',
    'S1',
    () => (calls['fence.powerOff'] = () => Promise.resolve()),
    only({ kind: 'freezeHost', host: 'master' }, 4 * minuteMs),
    { fenceDevice: true, watchdog: false },
  ),
  mutant(
    'the guard confirms an isolation that it did not make',
    'S1',
    () => (calls['guard.isolate'] = () => Promise.resolve()),
    [
      ...manualOf('switchoverWithoutJournals', 5 * minuteMs),
      {
        when: { state: 'waitingForGuest', afterMs: 15_000 },
        action: { kind: 'freezeHost', host: 'master' },
        forMs: 13_000,
      },
    ],
    manual,
  ),
  mutant(
    "the operator's word is enough, whatever the witness may grant later",
    'S1',
    () => (guardsOf(scenarioChart)['witnessMayGrant'] = () => false),
    [
      ...masterDies(10 * minuteMs),
      ...fromMasterToAppliance(20 * minuteMs),
      ...only({ kind: 'cut', from: 'appliance', to: 'witness' }, 20 * minuteMs),
      ...only({ kind: 'cut', from: 'witness', to: 'appliance' }, 20 * minuteMs),
      ...manualOf('switchoverWithoutJournals', 6 * minuteMs),
      ...manualOf('assertMasterOff', 7.5 * minuteMs),
    ],
    manual,
  ),
  mutant(
    'somebody answers for the address, and the double is connected',
    'S8',
    () => forbid(scenarioChart, 'switchingOver.probing', 'addresses.probe.done', 0),
    [
      ...isolation(20 * minuteMs),
      ...manualOf('switchoverWithoutJournals', 6 * minuteMs),
      ...manualOf('assertMasterOff', 9 * minuteMs),
    ],
    manual,
  ),
  mutant(
    'an old answer of the address probe counts',
    'S8',
    () => forbid(scenarioChart, 'switchingOver.probing', 'addresses.probe.done', 1),
    [
      ...masterDies(),
      {
        when: { wish: 'addresses.probe', afterMs: 287 },
        action: { kind: 'freezeHost', host: 'appliance' },
        forMs: 40_000,
      },
    ],
  ),
  mutant(
    'a dead engine is taken for a dead master',
    'S9',
    blindLook((evidence) => !/engine \S+ answers/.test(evidence)),
    engineDead,
  ),
  mutant(
    'a refused connection is taken for death',
    'S9',
    blindLook((evidence) => evidence.includes('ECONNREFUSED')),
    engineDead,
  ),
  mutant(
    'a takeover has no epoch of its own',
    'L2',
    () => void (stateOf(scenarioChart, 'takingOver').entry as unknown[]).shift(),
    masterDies(),
  ),
  mutant(
    'claims are not taken back after a false alarm',
    'L10',
    () => {
      calls['lease.release'] = () => Promise.resolve();
      calls['witness.release'] = () => Promise.resolve();
      // A guard that is armed anew would consume them.
      const arm = calls['guard.arm'];
      let armed: Promise<void> | undefined;
      calls['guard.arm'] = (parties, args, intent) => (armed ??= arm(parties, args, intent));
    },
    heardInTime,
  ),
  mutant(
    'a voter of the whole site grants on after it has promised',
    'S3',
    () => {
      const { renew } = LeaseVoter.prototype;
      LeaseVoter.prototype.renew = async function (renewal) {
        const answer = await renew.call(this, renewal);
        return answer.granted || answer.reason === 'replaced' ? answer : { granted: true };
      };
    },
    heardInTime,
  ),
  mutant(
    'a promise is answered before it is durable',
    'S3',
    () => {
      const { write } = SimulatedFiles.prototype;
      SimulatedFiles.prototype.write = function (path, bytes) {
        const isPromise = path.startsWith('/witness') && new TextDecoder().decode(bytes).includes('"claim"');
        return isPromise ? Promise.resolve() : write.call(this, path, bytes);
      };
    },
    [
      ...heardInTime,
      {
        when: { wish: 'witness.claim', afterMs: 300 },
        action: { kind: 'crash', process: 'witness', disk: 'kept' },
        forMs: 100,
      },
    ],
  ),
  mutant(
    'a lease lasts a round trip longer',
    'S4',
    armedWith((terms) => ({
      ...terms,
      timing: { ...terms.timing, leaseMs: terms.timing.leaseMs + terms.timing.roundTripMs },
    })),
    [],
  ),
  mutant(
    'the guard of the whole site goes on after a boot as if nothing had been',
    'S7',
    guardKnowsNoBoot,
    masterDies(4 * minuteMs),
  ),
  mutant(
    'the guard of a manual scenario asks nobody after a boot',
    'S1',
    () =>
      (guardsOf(masterGuardChart)['mustAskAnew'] = ({ context }: { context: MasterGuardContext }) =>
        needsLease(context.terms)),
    [...masterDies(20 * minuteMs), ...manualOf('switchoverWithoutJournals', 8 * minuteMs)],
    { ...manual, fenceDevice: true },
  ),
  mutant(
    'an announced silence is forgotten over a restart',
    'S11',
    () => void stateOf(scenarioChart, 'replicating.isAlive.maintenance').transitions.delete('appliance.restarted'),
    [
      ...only({ kind: 'notice', maintenanceMs: 15 * minuteMs }),
      ...crashAppliance(5_000, 5 * minuteMs + 20_000),
      ...only({ kind: 'powerOff', host: 'master' }, 0, 5 * minuteMs + 30_000),
    ],
  ),
];
