import { randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';

const timerMostMs = 2 ** 31 - 1;

/** The clock of this machine. Its timers do not keep the process alive. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, Math.min(delayMs, timerMostMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
  sleep: (delayMs) => new Promise((resolve) => void setTimeout(resolve, Math.min(delayMs, timerMostMs))),
};

export const realRandom: Random = {
  uuid: () => randomUUID(),
  integer: (below) => randomInt(below),
  digits: (count) => Array.from({ length: count }, () => String(randomInt(10))).join(''),
};
