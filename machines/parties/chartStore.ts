/** Durable home of the charts: one transaction an event, durable when the call returns. Synchronous by design. */
export interface ChartStore {
  load(instance: string): StoredInstance | undefined;
  instances(): readonly string[];
  /** All or nothing. Throws when `expectedSeq` is not the stored one, or a log entry's `dedup` is there already. */
  commit(change: ChartChange): void;
  /** Deletes the instance with its timers, wishes and history. Reports stay: they were told. */
  remove(instance: string): void;
  hasDedup(instance: string, dedup: string): boolean;
  timers(): readonly StoredTimer[];
  /** Wishes not answered yet, oldest first. */
  outbox(instance?: string): readonly StoredWish[];
  history(instance: string): readonly StoredLogEntry[];
  /** Reports in order, from the first with `seq` greater than `afterSeq`. */
  reports(afterSeq: number, most: number): readonly StoredReport[];
  close(): void;
}

export type StoredInstance = {
  readonly instance: string;
  readonly machine: string;
  readonly version: string;
  readonly seq: number;
  /** JSON of the persisted snapshot. */
  readonly snapshot: string;
  /** JSON of the input it was created with. */
  readonly input: string;
};
export type StoredLogEntry = {
  readonly seq: number;
  readonly atMs: number;
  readonly event: string;
  readonly dedup?: string;
  readonly taken: 'taken' | 'stale';
};
export type StoredTimer = {
  readonly instance: string;
  readonly id: string;
  readonly dueMs: number;
  readonly delayMs: number;
  readonly late: 'fire' | 'restart' | 'skip';
  readonly event: string;
  readonly armedSeq: number;
};
export type StoredWish = {
  readonly ticket: string;
  readonly instance: string;
  readonly name: string;
  readonly args: string;
  readonly askedAtMs: number;
};
/** What control mirrors: an event of the catalogue, or a change of state. */
export type StoredReport = {
  readonly seq: number;
  readonly atMs: number;
  readonly instance: string;
  readonly code: string;
  readonly params: string;
};

export type ChartChange = {
  readonly instance: StoredInstance;
  /** Undefined creates the instance. */
  readonly expectedSeq: number | undefined;
  readonly log?: StoredLogEntry;
  readonly timersSet: readonly StoredTimer[];
  readonly timersDeleted: readonly string[];
  readonly wishesAdded: readonly StoredWish[];
  /** Tickets that have their answer. */
  readonly wishesDone: readonly string[];
  readonly reportsAdded: readonly Omit<StoredReport, 'seq'>[];
};
