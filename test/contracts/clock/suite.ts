import { describe, expect, test } from 'vitest';
import type { Clock } from '#machines/parties/clock.ts';

export type ClockBench = {
  readonly clock: Clock;
  /** Lets this much of the clock's time pass, and a little more. */
  readonly pass: (ms: number) => Promise<void>;
};

const year2020Ms = 1_577_836_800_000;
const thirtyDaysMs = 30 * 24 * 60 * 60 * 1000;

export function clockContract(name: string, bench: () => ClockBench): void {
  describe(`${name} keeps the contract of Clock`, () => {
    test('the wall clock is in this age and whole milliseconds', () => {
      const { clock } = bench();
      expect(clock.nowMs()).toBeGreaterThan(year2020Ms);
      expect(Number.isInteger(clock.nowMs())).toBe(true);
    });

    test('monotonic time goes on with time and never back', async () => {
      const { clock, pass } = bench();
      const before = clock.monotonicNs();
      await pass(5);
      expect(clock.monotonicNs() - before).toBeGreaterThanOrEqual(5_000_000n);
    });

    test('a timer fires once, not before its time, and not while it is being armed', async () => {
      const { clock, pass } = bench();
      const startNs = clock.monotonicNs();
      const firedAtNs: bigint[] = [];
      clock.after(10, () => firedAtNs.push(clock.monotonicNs()));
      clock.after(0, () => firedAtNs.push(clock.monotonicNs()));
      expect(firedAtNs).toEqual([]);
      await pass(40);
      expect(firedAtNs).toHaveLength(2);
      expect(firedAtNs[1]).toBeGreaterThanOrEqual(startNs + 10_000_000n);
    });

    test('timers fire in the order in which they are due', async () => {
      const { clock, pass } = bench();
      const fired: string[] = [];
      clock.after(30, () => fired.push('third'));
      clock.after(2, () => fired.push('first'));
      clock.after(16, () => fired.push('second'));
      await pass(60);
      expect(fired).toEqual(['first', 'second', 'third']);
    });

    test('a cancelled timer does not fire; cancelling again, or late, does nothing', async () => {
      const { clock, pass } = bench();
      let fired = 0;
      const cancel = clock.after(5, () => fired++);
      const cancelLate = clock.after(5, () => (fired += 10));
      cancel();
      cancel();
      await pass(20);
      cancelLate();
      expect(fired).toBe(10);
    });

    test('a timer of more than 24 days does not fire at once', async () => {
      const { clock, pass } = bench();
      let fired = false;
      const cancel = clock.after(thirtyDaysMs, () => (fired = true));
      await pass(20);
      expect(fired).toBe(false);
      cancel();
    });

    test('sleep resolves after its time', async () => {
      const { clock, pass } = bench();
      const startNs = clock.monotonicNs();
      let woke: bigint | undefined;
      void clock.sleep(8).then(() => (woke = clock.monotonicNs()));
      await pass(30);
      expect(woke).toBeGreaterThanOrEqual(startNs + 8_000_000n);
    });
  });
}
