import { expect, it } from 'vitest';
import { beganAt } from '#engine/core/beganAt.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';

it.each([
  ['stays', 0, 40_000],
  ['was set back', -3_600_000, 40_000],
  ['was set forward', 3_600_000, 3_640_000],
])('a wall clock that %s never makes it younger', async (_, stepMs, ageMs) => {
  const clock = new SimulatedClock();
  const began = beganAt(clock);
  await clock.advance(15_000);
  clock.stepWallClock(stepMs);
  await clock.advance(25_000);
  expect(clock.nowMs() - began()).toBe(ageMs);
});
