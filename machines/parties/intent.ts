import type { Epoch, ScenarioId } from '#machines/vocabulary.ts';

/** Carried by every mutating call of every party. */
export type Intent = {
  /** Idempotency key: the same ticket twice has one effect and one answer. */
  readonly ticket: string;
  readonly scenarioId: ScenarioId;
  /** Actuators refuse an older epoch with `staleEpoch`. */
  readonly epoch: Epoch;
  /** Wall-clock milliseconds after which the caller no longer wants the effect. */
  readonly deadlineAtMs: number;
};
