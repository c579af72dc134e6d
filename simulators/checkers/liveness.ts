import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import { invariant } from './observation.ts';

/** Events of the catalogue that say that protection is lost. */
const lossOfProtection = new Set([
  'masterSilent',
  'masterDown',
  'replicationInterrupted',
  'scenarioStopped',
  'scenarioFailed',
  'operatorNeeded',
]);
const unannouncedMs = 900_000;

/** What must come to be (L). */
export const livenessInvariants = [
  invariant(
    'L1',
    'After the last fault the scenario settles: it replicates, has switched over, is stopped, or says what an operator must do.',
    () => ({
      ended: ({ settled, state }) => (settled ? undefined : `it stands in ${state} and does not settle`),
    }),
  ),

  invariant(
    'L2',
    'An undisturbed loss of the master is made good within detection, fence and boot, and a tenth more.',
    (terms) => {
      let lostAtMs: number | undefined;
      let strikes = 0;
      // Whoever asks for the operator promises nothing by himself.
      let excused = false;
      let replaced = false;
      // The end of a master that never held a lease may be proven by nothing.
      let leased = false;
      const waitMs = terms.hasFenceDevice ? 60_000 : Math.max(0, safeWaitMs(terms.timing) - terms.isAlive.timeoutMs);
      const boundMs = (terms.isAlive.timeoutMs + 2 * terms.isAlive.heartbeatMs + waitMs + terms.bootMs + 60_000) * 1.1;
      return {
        strike: () => void (strikes += 1),
        grant: () => void (leased = true),
        told: ({ code }) => void (excused ||= code === 'fenceUnproven'),
        tick: ({ t }) => {
          if (lostAtMs === undefined || strikes !== 1 || excused || !leased || terms.switchover !== 'automatic')
            return undefined;
          const tookMs = t - lostAtMs;
          if (tookMs <= boundMs) return undefined;
          lostAtMs = undefined;
          return `nobody serves ${Math.round(tookMs)} ms after the loss; ${Math.round(boundMs)} ms were promised`;
        },
        host: ({ t, powered }) => {
          if (!powered && lostAtMs === undefined && !replaced) lostAtMs = t;
          if (powered) lostAtMs = undefined;
          return undefined;
        },
        vm: ({ t, role, powered, connected, production }) => {
          if (role !== 'substituteVm') return undefined;
          replaced = powered && connected && production;
          if (!replaced || lostAtMs === undefined) return undefined;
          const tookMs = t - lostAtMs;
          lostAtMs = undefined;
          return strikes === 1 && terms.switchover === 'automatic' && tookMs > boundMs
            ? `the double serves after ${Math.round(tookMs)} ms; ${Math.round(boundMs)} ms were promised`
            : undefined;
        },
      };
    },
  ),

  invariant('L5', 'A loss of protection is told.', () => {
    let unprotectedAtMs: number | undefined;
    let told = true;
    return {
      chart: ({ t, from, state }) => {
        const [was, is] = [from.startsWith('replicating'), state.startsWith('replicating')];
        if (was && !is) [unprotectedAtMs, told] = [t, false];
        if (is) unprotectedAtMs = undefined;
        return undefined;
      },
      told: ({ code }) => {
        if (code !== 'state' || lossOfProtection.has(code)) told = true;
        return undefined;
      },
      ended: ({ t, state }) =>
        unprotectedAtMs !== undefined && !told && t - unprotectedAtMs > unannouncedMs
          ? `protection is lost since ${Math.round(t - unprotectedAtMs)} ms in ${state}, and nobody was told`
          : undefined,
    };
  }),

  invariant(
    'L8',
    'One cut, one crash of an engine, a short freeze, a jump of a clock: none causes a switchover.',
    () => {
      let connected = false;
      return {
        vm: ({ role, connected: now, powered }) => {
          if (role === 'substituteVm' && now && powered) connected = true;
          return undefined;
        },
        ended: ({ onlyHarmless }) => (onlyHarmless && connected ? 'a needless switchover' : undefined),
      };
    },
  ),

  invariant('L10', 'After everything has healed somebody serves: the master, or its double.', () => {
    let masterAlive = true;
    return {
      allHealed: (seen) => void (masterAlive = seen.masterAlive),
      ended: ({ serving, settled, reason, state }) =>
        serving.length === 0 && settled && reason === undefined && (masterAlive || state.startsWith('switchedOver'))
          ? `nobody serves in ${state}, and no operator is asked`
          : undefined,
    };
  }),
];
