import { describe, expect, test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { clockContract } from './suite.ts';

clockContract('SystemClock', () => ({
  clock: new SystemClock(),
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 5)),
}));
clockContract('SimulatedClock', () => {
  const clock = new SimulatedClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});
clockContract('ProcessClock', () => {
  const clock = new SimulatedClock();
  return { clock: clock.process(), pass: (ms) => clock.advance(ms) };
});

describe('virtual time', () => {
  test('stands still by itself and moves exactly as far as it is told', async () => {
    const clock = new SimulatedClock({ startMs: 1_700_000_000_000 });
    await clock.advance(1234);
    expect(clock.nowMs()).toBe(1_700_000_001_234);
    expect(clock.monotonicNs()).toBe(1_234_000_000n);
  });

  test('passes days in no time, each timer at its own instant', async () => {
    const clock = new SimulatedClock({ startMs: 0 });
    const fired: number[] = [];
    for (const days of [40, 10, 30, 20]) clock.after(days * 86_400_000, () => fired.push(clock.nowMs() / 86_400_000));
    await clock.advance(35 * 86_400_000);
    expect(fired).toEqual([10, 20, 30]);
  });

  test('ties fire in the order of arming, and all promise work settles between them', async () => {
    const clock = new SimulatedClock();
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      clock.after(5, () => {
        seen.push(name);
        let chain = Promise.resolve();
        for (let link = 0; link < 50; link++) chain = chain.then(() => {});
        void chain.then(() => seen.push(`${name} settled`));
      });
    }
    await clock.advance(5);
    expect(seen).toEqual(['a', 'a settled', 'b', 'b settled', 'c', 'c settled']);
  });

  test('a timer armed by promise work before the target still fires within the same advance', async () => {
    const clock = new SimulatedClock();
    let woke = 0;
    void (async () => {
      for (;;) {
        await clock.sleep(10);
        woke++;
      }
    })();
    await clock.advance(100);
    expect(woke).toBe(10);
  });

  test('runUntil stops at the instant the predicate holds, and rejects at its limit', async () => {
    const clock = new SimulatedClock();
    let done = false;
    clock.after(70, () => (done = true));
    expect(await clock.runUntil(() => done, 1000)).toBe(70);
    await expect(clock.runUntil(() => false, 50)).rejects.toThrow('within 50 ms');
  });

  test('keeps order with thousands of timers and cancellations', async () => {
    const clock = new SimulatedClock({ startMs: 0 });
    const fired: number[] = [];
    for (let at = 0; at < 3000; at++) {
      const dueMs = (at * 7919) % 1009;
      const cancel = clock.after(dueMs, () => fired.push(dueMs));
      if (at % 3 === 0) cancel();
    }
    await clock.advance(2000);
    expect(fired).toHaveLength(2000);
    expect(fired).toEqual([...fired].sort((a, b) => a - b));
  });

  test('a killed process has no timers any more, the others keep theirs', async () => {
    const clock = new SimulatedClock();
    const [dying, living] = [clock.process(), clock.process()];
    const fired: string[] = [];
    dying.after(5, () => fired.push('dying'));
    living.after(5, () => fired.push('living'));
    dying.kill();
    dying.after(1, () => fired.push('dead'));
    await clock.advance(10);
    expect(fired).toEqual(['living']);
  });

  test('a step of the wall clock moves neither monotonic time nor timers', async () => {
    const clock = new SimulatedClock({ startMs: 1_000_000 });
    let fired = false;
    clock.after(100, () => (fired = true));
    clock.stepWallClock(-500_000);
    await clock.advance(99);
    expect([clock.nowMs(), clock.monotonicNs(), fired]).toEqual([500_099, 99_000_000n, false]);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  test('refuses to be moved twice at the same time', async () => {
    const clock = new SimulatedClock();
    const first = clock.advance(1);
    await expect(clock.advance(1)).rejects.toThrow('already');
    await first;
  });
});
