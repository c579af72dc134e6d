import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#machines/parties/clock.ts';

/** The machine's own clock: trace events carry its monotonic time. */
export const machineClock: Clock = {
  nowMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
  sleep: (delayMs) => sleep(delayMs),
};
