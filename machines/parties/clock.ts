/** Time. Only composition roots hand one out; nothing else reads a clock. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For people and durable timers; never for ordering. */
  nowMs(): number;
  /** Monotonic nanoseconds, shared by all processes of one machine. */
  monotonicNs(): bigint;
  /** Calls `fire` once, `delayMs` from now (any length; longer than 24 days too). Returns the cancellation. */
  after(delayMs: number, fire: () => void): () => void;
  sleep(delayMs: number): Promise<void>;
}
