import { fault, faultText } from '#machines/faults.ts';
import type { LeaseTiming, ScenarioDefinition, VerificationFinding } from '#machines/vocabulary.ts';

/** With the guide's Is-Alive timeout of 300 s the safe wait of these is already inside it: safety costs no time there. */
export const leaseTimingDefaults: LeaseTiming = {
  renewMs: 30_000,
  leaseMs: 120_000,
  guardPollMs: 500,
  guardRestartMs: 5_000,
  watchdogMs: 15_000,
  actuationMs: 2_000,
  roundTripMs: 2_000,
  driftPpm: 5_000,
  marginMs: 500,
};

/**
 * How long a voter waits after its last grant until the master has certainly isolated itself, milliseconds. Every lease
 * the master can hold then ended long enough ago for a living guard to isolate, a dead one to be restarted isolated, and
 * a frozen host to be reset; the factor covers two clocks that drift apart.
 */
export function safeWaitMs(timing: LeaseTiming): number {
  const { leaseMs, guardPollMs, guardRestartMs, watchdogMs, actuationMs, driftPpm, marginMs } = timing;
  const drift = driftPpm / 1e6;
  const longestMs = leaseMs + guardPollMs + guardRestartMs + watchdogMs + actuationMs;
  return Math.ceil((longestMs * (1 + drift)) / (1 - drift) + marginMs);
}

type Timed = Pick<ScenarioDefinition, 'isAlive' | 'fence'>;
type Rule = readonly [field: string, holds: boolean, inequality: string];
/** Names the field and shows the inequality with its numbers. */
export type TimingFinding = VerificationFinding & { readonly field: string };

/** What is wrong with the times of the watch, whoever decides about a takeover. */
export function isAliveFindings({ heartbeatMs, timeoutMs }: Timed['isAlive']): TimingFinding[] {
  return violated([
    [
      'isAlive.timeoutMs',
      2 * heartbeatMs < timeoutMs,
      `2 × heartbeatMs < timeoutMs: 2 × ${heartbeatMs} < ${timeoutMs}`,
    ],
  ]);
}

/** What is wrong with the times of a scenario that proves the end of its master by itself. */
export function timingFindings({ isAlive, fence }: Timed): TimingFinding[] {
  const { timing } = fence;
  const rules: readonly Rule[] = [
    ...nonPositive(timing),
    [
      'fence.timing.leaseMs',
      2 * timing.renewMs + timing.roundTripMs < timing.leaseMs,
      `2 × renewMs + roundTripMs < leaseMs: 2 × ${timing.renewMs} + ${timing.roundTripMs} < ${timing.leaseMs}`,
    ],
    [
      'fence.timing.watchdogMs',
      timing.watchdogMs < timing.leaseMs,
      `watchdogMs < leaseMs: ${timing.watchdogMs} < ${timing.leaseMs}`,
    ],
    [
      'isAlive.timeoutMs',
      fence.device !== undefined || safeWaitMs(timing) <= isAlive.timeoutMs,
      `safeWaitMs ≤ timeoutMs: ${safeWaitMs(timing)} ≤ ${isAlive.timeoutMs}`,
    ],
  ];
  return [...isAliveFindings(isAlive), ...violated(rules)];
}

const violated = (rules: readonly Rule[]): TimingFinding[] =>
  rules.flatMap(([field, holds, reason]) => (holds ? [] : [finding(field, reason)]));

function nonPositive(timing: LeaseTiming): Rule[] {
  return Object.entries(timing).map(([name, value]) => {
    const least = name === 'watchdogMs' || name === 'driftPpm' || name === 'marginMs' ? 0 : 1;
    return [`fence.timing.${name}`, Number.isFinite(value) && value >= least, `${name} ≥ ${least}: ${value}`];
  });
}

function finding(field: string, reason: string): TimingFinding {
  const value = fault('unsafeTiming', { field, reason });
  return { field, code: value.code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
}
