import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';

/** Virtual time passes while somebody waits for an answer. */
export async function settle<Result>(clock: SimulatedClock, answer: Promise<Result>): Promise<Result> {
  let isSettled = false;
  const end = (): void => {
    isSettled = true;
  };
  answer.then(end, end);
  await clock.runUntil(() => isSettled, 3_600_000);
  return answer;
}
