/** Resets the host that does not feed it: what fences a master whose guard is frozen or gone. */
export interface Watchdog {
  /** Opens and arms it with this period. Undefined where there is none, or it cannot be opened. */
  open(periodMs: number): Promise<OpenWatchdog | undefined>;
}

export interface OpenWatchdog {
  /** The period it really has, which devices round. */
  readonly periodMs: number;
  feed(): void;
  /** Disarms it: without feeding nothing happens any more. */
  close(): Promise<void>;
}
