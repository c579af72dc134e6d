import type { ConsistentPoint } from '#machines/vocabulary.ts';

export type TestMode = 'manual' | 'automatic';
/** `inconclusive`: nothing was proven either way. Only an answer makes the other two (guide product 9). */
export type TestVerdict = 'passed' | 'failed' | 'inconclusive';
export type CheckResult = { readonly name: string; readonly outcome: TestVerdict; readonly evidence: string };

/** An integrity test under way. */
export type IntegrityTest = {
  readonly mode: TestMode;
  readonly scheduled: boolean;
  readonly startedAtMs: number;
  /** The guest of the test VM has reported itself up. */
  readonly guestUp: boolean;
  readonly results: readonly CheckResult[];
  /** Why it could not be finished; a test with one of these never passes. */
  readonly reasons: readonly string[];
  /** What the operator has found (manual). */
  readonly judged?: 'passed' | 'failed';
  readonly verdict?: TestVerdict;
};

/** What a test has found about the recovery point it was made from (guide product 14, P20). */
export type TestRecord = {
  readonly mode: TestMode;
  readonly scheduled: boolean;
  /** Absent when the test ended before the replica stood still. */
  readonly point?: ConsistentPoint;
  readonly verdict: TestVerdict;
  readonly startedAtMs: number;
  /** When the verdict was given. */
  readonly atMs: number;
  /** All that the test VM wrote (guide 9); grows while it is being discarded. */
  readonly discardedBytes: number;
  readonly results: readonly CheckResult[];
  readonly reasons: readonly string[];
};

export type AssuredRecoveryContext = {
  /** Stays until the test VM is gone. */
  readonly test?: IntegrityTest | undefined;
  readonly lastTest?: TestRecord | undefined;
  readonly scheduledForMs?: number | undefined;
  /** The suspension under way ends by itself. */
  readonly suspendedBySchedule?: boolean;
};

export type AssuredRecoveryFact =
  | { type: 'operator.startTest'; atMs: number; mode: TestMode }
  /** Guide 9-5. A manual test is judged by whoever looked; without a word of his it stays inconclusive. */
  | { type: 'operator.endTest'; atMs: number; verdict?: 'passed' | 'failed' }
  /** The spool of a replica that stands still is running full: whoever holds it lets go. */
  | { type: 'replica.spoolNearlyFull'; atMs: number; bytes: number; bytesMax: number }
  /** Raised by the chart itself when the scheduled task is due. */
  | { type: 'schedule.due'; atMs: number };

/** When something happened, as the event says; a chart has no clock (law L11). */
export const timeOf = (event: { readonly type: string }): number =>
  'atMs' in event && typeof event.atMs === 'number' ? event.atMs : 0;

/** One answer "no" is a failure; everything else that is not wholly "yes" proves nothing, a deadline least of all. */
export function verdictOf({ mode, guestUp, results, reasons, judged }: IntegrityTest): TestVerdict {
  if (judged === 'failed' || results.some(({ outcome }) => outcome === 'failed')) return 'failed';
  if (!guestUp || reasons.length > 0 || results.some(({ outcome }) => outcome !== 'passed')) return 'inconclusive';
  return mode === 'automatic' || judged === 'passed' ? 'passed' : 'inconclusive';
}

/** The test that is over, as it is remembered; one that was cut short has no verdict of its own. */
export function recordOf(test: IntegrityTest, point: ConsistentPoint | undefined, atMs: number): TestRecord {
  const { mode, scheduled, startedAtMs, results, verdict = 'inconclusive' } = test;
  const cutShort = test.verdict === undefined ? ['interrupted'] : [];
  const unanswered = results.some(({ outcome }) => outcome === 'inconclusive') ? ['unanswered'] : [];
  return {
    mode,
    scheduled,
    startedAtMs,
    atMs,
    verdict,
    discardedBytes: 0,
    results,
    reasons: [...test.reasons, ...cutShort, ...unanswered],
    ...(point === undefined ? {} : { point }),
  };
}
