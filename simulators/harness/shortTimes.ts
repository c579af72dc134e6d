import type { LeaseTiming } from '#machines/vocabulary.ts';

/** Many decisions an hour, in the proportions of the guide's times. */
export const shortTiming: LeaseTiming = {
  renewMs: 5_000,
  leaseMs: 20_000,
  guardPollMs: 500,
  guardRestartMs: 5_000,
  watchdogMs: 15_000,
  actuationMs: 2_000,
  roundTripMs: 2_000,
  driftPpm: 5_000,
  marginMs: 500,
};
export const shortIsAlive = { heartbeatMs: 5_000, timeoutMs: 45_000 };
