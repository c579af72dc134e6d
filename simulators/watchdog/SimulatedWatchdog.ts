import type { Clock } from '#machines/parties/clock.ts';
import type { OpenWatchdog, Watchdog } from '#machines/parties/watchdog.ts';

export type SimulatedWatchdogOptions = {
  /** The machine's own clock: a watchdog ticks on while the processes on it are frozen or dead. */
  readonly clock: Clock;
  /** The host is reset. */
  readonly onReset: () => void;
  /** The only period that it has; any when not given. */
  readonly periodMs?: number;
};

/** A watchdog in memory. One object a machine: it outlives the guard's processes, which is its purpose. */
export class SimulatedWatchdog implements Watchdog {
  readonly #options: SimulatedWatchdogOptions;
  #disarm: (() => void) | undefined;

  constructor(options: SimulatedWatchdogOptions) {
    this.#options = options;
  }

  get armed(): boolean {
    return this.#disarm !== undefined;
  }

  async open(askedMs: number): Promise<OpenWatchdog | undefined> {
    const periodMs = this.#options.periodMs ?? askedMs;
    this.#feed(periodMs);
    return {
      periodMs,
      // Once it has reset its host, what an older process says is not heard.
      feed: () => {
        if (this.armed) this.#feed(periodMs);
      },
      close: async () => this.disarm(),
    };
  }

  /** The host has lost its power. */
  disarm(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }

  #feed(periodMs: number): void {
    this.#disarm?.();
    this.#disarm = this.#options.clock.after(periodMs, () => {
      this.#disarm = undefined;
      this.#options.onReset();
    });
  }
}
