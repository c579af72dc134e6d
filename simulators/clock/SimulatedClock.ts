import type { Clock } from '#machines/parties/clock.ts';

type Timer = { readonly dueMs: number; readonly order: number; fire: (() => void) | undefined };

const newYear2025Ms = 1_735_689_600_000;
/** Timers that re-arm themselves without a delay end here instead of in an endless loop. */
const timersOfOneInstantMax = 1_000_000;

/**
 * Waits until all promise work has settled. Promise jobs run to their end before the event loop turns, so one turn of
 * the loop is enough however long a chain is. This is the only touch of the real scheduler in the simulation, and it
 * decides nothing: no real time is read, and what runs next is fixed by the timers alone.
 */
const settleByTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Virtual time: it stands still until `advance` or `runUntil` moves it. `monotonicNs` starts at 0 and shares the
 * virtual time with `nowMs`; only `stepWallClock` parts them.
 */
export class SimulatedClock implements Clock {
  #elapsedMs = 0;
  #wallStartMs: number;
  #armed = 0;
  #running = false;
  readonly #heap = new TimerHeap();
  readonly #settle: () => Promise<void>;

  constructor(options: { readonly startMs?: number; readonly settle?: () => Promise<void> } = {}) {
    this.#wallStartMs = options.startMs ?? newYear2025Ms;
    this.#settle = options.settle ?? settleByTurn;
  }

  nowMs(): number {
    return Math.floor(this.#wallStartMs + this.#elapsedMs);
  }

  monotonicNs(): bigint {
    return BigInt(Math.round(this.#elapsedMs * 1e6));
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#armed++, fire };
    this.#heap.push(timer);
    return () => {
      timer.fire = undefined;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /**
   * Moves time by `ms`: fires every timer in due order, ties in the order of arming, and lets all promise work settle
   * before the first, between any two, and after the last. Rejects with what a timer throws.
   */
  async advance(ms: number): Promise<void> {
    await this.#run(this.#elapsedMs + ms, () => false);
  }

  /**
   * Moves time from timer to timer until the predicate holds; it is asked after each one. Resolves with the virtual
   * milliseconds that took; rejects when `limitMs` have passed and it still does not hold.
   */
  async runUntil(predicate: () => boolean, limitMs: number): Promise<number> {
    const startMs = this.#elapsedMs;
    if (!(await this.#run(startMs + limitMs, predicate))) {
      throw new Error(`the awaited state did not come within ${limitMs} ms of virtual time`);
    }
    return this.#elapsedMs - startMs;
  }

  /** An administrator or NTP sets the wall clock: monotonic time and armed timers stay as they are. */
  stepWallClock(byMs: number): void {
    this.#wallStartMs += byMs;
  }

  /** The clock as one process sees it: its timers die with it. */
  process(): ProcessClock {
    return new ProcessClock(this);
  }

  async #run(untilMs: number, predicate: () => boolean): Promise<boolean> {
    if (this.#running) throw new Error('virtual time is being moved already; await the earlier call');
    this.#running = true;
    try {
      await this.#settle();
      let sameInstant = 0;
      while (!predicate()) {
        const timer = this.#heap.popDue(untilMs);
        if (timer === undefined) {
          this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
          return predicate();
        }
        sameInstant = timer.dueMs > this.#elapsedMs ? 0 : sameInstant + 1;
        if (sameInstant > timersOfOneInstantMax) throw new Error('timers re-arm themselves without any delay');
        this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
        timer.fire?.();
        await this.#settle();
      }
      return true;
    } finally {
      this.#running = false;
    }
  }
}

/** One process's view of the virtual clock. */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #cancellations = new Set<() => void>();
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  monotonicNs(): bigint {
    return this.#clock.monotonicNs();
  }

  after(delayMs: number, fire: () => void): () => void {
    if (this.#dead) return () => {};
    const disarm = this.#clock.after(delayMs, () => {
      this.#cancellations.delete(cancel);
      fire();
    });
    const cancel = (): void => {
      this.#cancellations.delete(cancel);
      disarm();
    };
    this.#cancellations.add(cancel);
    return cancel;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** The process is killed: none of its timers fires any more, now or later. */
  kill(): void {
    this.#dead = true;
    for (const cancel of this.#cancellations) cancel();
  }
}

/** Binary heap by due time, then by order of arming. */
class TimerHeap {
  readonly #timers: Timer[] = [];

  push(timer: Timer): void {
    const timers = this.#timers;
    timers.push(timer);
    for (let at = timers.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapWhenEarlier(at, parent)) return;
      at = parent;
    }
  }

  /** Takes the first live timer due at or before `untilMs`. */
  popDue(untilMs: number): Timer | undefined {
    for (;;) {
      const first = this.#timers[0];
      if (first === undefined || (first.fire !== undefined && first.dueMs > untilMs)) return undefined;
      this.#removeFirst();
      if (first.fire !== undefined) return first;
    }
  }

  #removeFirst(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    timers[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = right < timers.length && this.#earlier(right, left) ? right : left;
      if (child >= timers.length || !this.#swapWhenEarlier(child, at)) return;
      at = child;
    }
  }

  #earlier(a: number, b: number): boolean {
    const first = this.#timers[a];
    const second = this.#timers[b];
    if (first === undefined || second === undefined) return false;
    return first.dueMs < second.dueMs || (first.dueMs === second.dueMs && first.order < second.order);
  }

  #swapWhenEarlier(a: number, b: number): boolean {
    if (!this.#earlier(a, b)) return false;
    const first = this.#timers[a];
    const second = this.#timers[b];
    if (first === undefined || second === undefined) return false;
    this.#timers[a] = second;
    this.#timers[b] = first;
    return true;
  }
}
