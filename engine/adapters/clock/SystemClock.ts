import type { Clock } from '#machines/parties/clock.ts';

/** setTimeout fires at once when asked for more than 31 bits of milliseconds, about 24.8 days. */
const timeoutMsMax = 2 ** 31 - 1;

/** The operating system's time. */
export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }

  after(delayMs: number, fire: () => void): () => void {
    let timer: NodeJS.Timeout;
    const dueNs = this.monotonicNs() + BigInt(Math.ceil(Math.max(0, delayMs) * 1e6));
    const arm = (): void => {
      const leftMs = Math.ceil(Number(dueNs - this.monotonicNs()) / 1e6);
      // Node's loop counts whole milliseconds and may come a fraction early: then it is armed again for the rest.
      if (leftMs <= 0) fire();
      else timer = setTimeout(arm, Math.min(leftMs, timeoutMsMax));
    };
    timer = setTimeout(arm, Math.min(Math.max(0, delayMs), timeoutMsMax));
    return () => clearTimeout(timer);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }
}
