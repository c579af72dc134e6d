import type { Clock } from '#machines/parties/clock.ts';

/**
 * Takes the time now. What it answers later: when that was, wall-clock milliseconds that fit the wall clock of then. A
 * clock that was set meanwhile, or a standstill, may make it look older, never fresher.
 */
export function beganAt(clock: Clock): () => number {
  const [wallMs, startedNs] = [clock.nowMs(), clock.monotonicNs()];
  return () => Math.min(wallMs, clock.nowMs() - Math.ceil(Number(clock.monotonicNs() - startedNs) / 1e6));
}
