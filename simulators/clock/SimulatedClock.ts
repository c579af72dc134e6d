import type { Clock } from '#machines/parties/clock.ts';

type Timer = { readonly dueMs: number; readonly order: number; fire: (() => void) | undefined };

const newYear2025Ms = 1_735_689_600_000;
/** Timers that re-arm themselves without a delay end here instead of in an endless loop. */
const timersOfOneInstantMax = 1_000_000;

/** Real turns of the event loop are given so often, for whoever watches over this process from outside. */
const timersATurn = 20_000;

/**
 * Runs all promise work to its end, however long a chain is. Works only outside of any promise job, which is why
 * `#run` goes through one turn of the event loop first; a turn between any two timers would cost more than all of the
 * simulation. No real time is read, and what runs next is fixed by the timers alone.
 */
const runPromiseJobs = (process as unknown as { readonly _tickCallback: () => void })._tickCallback;

/**
 * Virtual time: it stands still until `advance` or `runUntil` moves it. `monotonicNs` starts at 0 and shares the
 * virtual time with `nowMs`; only `stepWallClock` parts them.
 */
export class SimulatedClock implements Clock {
  #elapsedMs = 0;
  #wallStartMs: number;
  #armed = 0;
  #running = false;
  #sameInstant = 0;
  readonly #heap = new TimerHeap();

  constructor(options: { readonly startMs?: number } = {}) {
    this.#wallStartMs = options.startMs ?? newYear2025Ms;
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

  /** The clock as one machine or process sees it: its timers die with it, and wait while it is frozen. */
  process(drift?: Drift): ProcessClock {
    return new ProcessClock(this, drift);
  }

  #run(untilMs: number, predicate: () => boolean): Promise<boolean> {
    if (this.#running) return Promise.reject(new Error('virtual time is being moved already; await the earlier call'));
    this.#running = true;
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          const held = this.#someTimers(untilMs, predicate);
          if (held === undefined) {
            setImmediate(turn);
            return;
          }
          this.#running = false;
          resolve(held);
        } catch (thrown) {
          this.#running = false;
          reject(thrown);
        }
      };
      setImmediate(turn);
    });
  }

  /** Whether the predicate held; undefined when there is more to do in another turn. */
  #someTimers(untilMs: number, predicate: () => boolean): boolean | undefined {
    runPromiseJobs();
    for (let fired = 0; fired < timersATurn; fired++) {
      if (predicate()) return true;
      const timer = this.#heap.popDue(untilMs);
      if (timer === undefined) {
        this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
        return predicate();
      }
      this.#sameInstant = timer.dueMs > this.#elapsedMs ? 0 : this.#sameInstant + 1;
      if (this.#sameInstant > timersOfOneInstantMax) throw new Error('timers re-arm themselves without any delay');
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
      timer.fire?.();
      runPromiseJobs();
    }
    return undefined;
  }
}

/** How wrong a machine's oscillator is; parts per million, positive runs fast. */
export type Drift = { readonly driftPpm: number };

/**
 * The clock of one machine, or of one process on it: `machine.process()`. It may drift, be set, stand still and die.
 * Monotonic time goes on while frozen, as on a host that is stopped from outside; what came due meanwhile happens at
 * once at the thaw.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock & { readonly frozen?: boolean };
  readonly #rate: number;
  readonly #cancellations = new Set<() => void>();
  #wallStepMs = 0;
  #held: (() => void)[] = [];
  #frozen = false;
  #dead = false;

  constructor(clock: Clock, { driftPpm }: Drift = { driftPpm: 0 }) {
    this.#clock = clock;
    this.#rate = 1 + driftPpm / 1e6;
  }

  get frozen(): boolean {
    return this.#frozen || this.#clock.frozen === true;
  }

  get dead(): boolean {
    return this.#dead;
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#wallStepMs;
  }

  monotonicNs(): bigint {
    const trueNs = this.#clock.monotonicNs();
    return this.#rate === 1 ? trueNs : BigInt(Math.round(Number(trueNs) * this.#rate));
  }

  after(delayMs: number, fire: () => void): () => void {
    if (this.#dead) return () => {};
    let cancelled = false;
    const happen = (): void => {
      if (cancelled) return;
      if (this.#frozen) {
        this.#held.push(happen);
        return;
      }
      this.#cancellations.delete(cancel);
      fire();
    };
    const disarm = this.#clock.after(delayMs / this.#rate, happen);
    const cancel = (): void => {
      cancelled = true;
      this.#cancellations.delete(cancel);
      disarm();
    };
    this.#cancellations.add(cancel);
    return cancel;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** A process on this machine: it freezes and dies with it, and by itself. */
  process(): ProcessClock {
    const child = new ProcessClock(this);
    this.#cancellations.add(() => child.kill());
    return child;
  }

  /** An administrator or NTP sets this machine's wall clock: monotonic time and armed timers stay as they are. */
  stepWallClock(byMs: number): void {
    this.#wallStepMs += byMs;
  }

  /** Nothing happens on it any more until `thaw`. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    for (const happen of this.#held.splice(0)) this.#clock.after(0, happen);
  }

  /** The process is killed: none of its timers fires any more, now or later. */
  kill(): void {
    this.#dead = true;
    this.#held = [];
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
