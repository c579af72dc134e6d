import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Watchdog } from '#machines/parties/watchdog.ts';

/** A machine with a watchdog of `periodMs`, and what became of it. */
export type WatchdogWorld = {
  readonly watchdog: Watchdog;
  readonly periodMs: number;
  readonly wasReset: () => boolean;
  /** Time passes on the machine. */
  pass(ms: number): Promise<void>;
  tearDown(): void;
};

export function watchdogContract(filling: string, build: () => WatchdogWorld): void {
  describe(`Watchdog, ${filling}`, () => {
    let world: WatchdogWorld;
    beforeEach(() => {
      world = build();
    });
    afterEach(() => world.tearDown());

    it('resets a host that does not feed it, not before its period has passed', async () => {
      const { watchdog, periodMs, wasReset } = world;
      await world.pass(10 * periodMs);
      expect(wasReset()).toBe(false);
      const open = await watchdog.open(periodMs);
      expect(open?.periodMs).toBe(periodMs);
      await world.pass(periodMs - 1);
      expect(wasReset()).toBe(false);
      await world.pass(2);
      expect(wasReset()).toBe(true);
    });

    it('leaves a host alone that feeds it, and one that closed it', async () => {
      const { watchdog, periodMs, wasReset } = world;
      const open = await watchdog.open(periodMs);
      for (let fed = 0; fed < 10; fed += 1) {
        await world.pass(periodMs - 1);
        open?.feed();
      }
      expect(wasReset()).toBe(false);
      await open?.close();
      await world.pass(10 * periodMs);
      expect(wasReset()).toBe(false);
    });

    it('a process that opens it after another has died feeds on', async () => {
      const { watchdog, periodMs, wasReset } = world;
      await watchdog.open(periodMs);
      await world.pass(periodMs - 1);
      const next = await watchdog.open(periodMs);
      await world.pass(periodMs - 1);
      next?.feed();
      await world.pass(periodMs - 1);
      expect(wasReset()).toBe(false);
      await world.pass(2);
      expect(wasReset()).toBe(true);
    });
  });
}
