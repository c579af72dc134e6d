import type {
  ChartChange,
  ChartStore,
  StoredInstance,
  StoredLogEntry,
  StoredReport,
  StoredTimer,
  StoredWish,
} from '#machines/parties/chartStore.ts';

type Content = {
  readonly instances: readonly StoredInstance[];
  readonly log: readonly { readonly instance: string; readonly entry: StoredLogEntry }[];
  readonly timers: readonly StoredTimer[];
  readonly wishes: readonly StoredWish[];
  readonly reports: readonly StoredReport[];
};

/** The process dies at a commit: what runs must not go on after it. */
export class SimulatedDeath extends Error {
  constructor(when: 'before' | 'after') {
    super(`the process died ${when} its commit`);
    this.name = 'SimulatedDeath';
  }
}

const nothing: Content = { instances: [], log: [], timers: [], wishes: [], reports: [] };

/** Charts in memory; what comes in passes through JSON, so that nothing survives that a real store would not keep. */
export class SimulatedChartStore implements ChartStore {
  #content: Content;
  #death: { commitsLeft: number; readonly when: 'before' | 'after' } | undefined;
  #closed = false;
  #commits = 0;

  constructor(content: Content = nothing) {
    this.#content = content;
  }

  /** Commits since this store was opened: the places where a test can make it die. */
  get commits(): number {
    return this.#commits;
  }

  /**
   * After `commits` more commits the next one throws `SimulatedDeath`, before or after it became durable; from then on
   * every call throws. `reopen` is the restart.
   */
  crashAfter(commits: number, when: 'before' | 'after'): void {
    this.#death = { commitsLeft: commits, when };
  }

  /** The store as the next process finds it; this one is closed. */
  reopen(): SimulatedChartStore {
    this.#closed = true;
    return new SimulatedChartStore(this.#content);
  }

  load(instance: string): StoredInstance | undefined {
    return this.#read().instances.find((stored) => stored.instance === instance);
  }

  instances(): readonly string[] {
    return this.#read()
      .instances.map((stored) => stored.instance)
      .sort();
  }

  commit(change: ChartChange): void {
    const next = applied(this.#read(), JSON.parse(JSON.stringify(change)) as ChartChange);
    const dies = this.#death !== undefined && this.#death.commitsLeft-- === 0 ? this.#death.when : undefined;
    if (dies !== 'before') {
      this.#content = next;
      this.#commits++;
    }
    if (dies === undefined) return;
    this.#closed = true;
    throw new SimulatedDeath(dies);
  }

  remove(instance: string): void {
    const { instances, log, timers, wishes, reports } = this.#read();
    const others = (one: { readonly instance: string }): boolean => one.instance !== instance;
    this.#content = {
      instances: instances.filter(others),
      log: log.filter(others),
      timers: timers.filter(others),
      wishes: wishes.filter(others),
      reports,
    };
  }

  hasDedup(instance: string, dedup: string): boolean {
    return this.#read().log.some((line) => line.instance === instance && line.entry.dedup === dedup);
  }

  timers(): readonly StoredTimer[] {
    return [...this.#read().timers].sort((a, b) => a.dueMs - b.dueMs || a.armedSeq - b.armedSeq);
  }

  outbox(instance?: string): readonly StoredWish[] {
    return this.#read().wishes.filter((wish) => instance === undefined || wish.instance === instance);
  }

  history(instance: string): readonly StoredLogEntry[] {
    return this.#read()
      .log.filter((line) => line.instance === instance)
      .map((line) => line.entry);
  }

  reports(afterSeq: number, most: number): readonly StoredReport[] {
    return this.#read()
      .reports.filter((report) => report.seq > afterSeq)
      .slice(0, most);
  }

  close(): void {
    this.#closed = true;
  }

  #read(): Content {
    if (this.#closed) throw new Error('the chart store is closed');
    return this.#content;
  }
}

function applied(content: Content, change: ChartChange): Content {
  const { instance } = change.instance;
  const stored = content.instances.find((other) => other.instance === instance);
  if (stored?.seq !== change.expectedSeq) {
    throw new Error(`chart ${instance} is at ${stored?.seq ?? 'nothing'}, not at ${change.expectedSeq ?? 'nothing'}`);
  }
  const dedup = change.log?.dedup;
  if (dedup !== undefined && content.log.some((line) => line.instance === instance && line.entry.dedup === dedup)) {
    throw new Error(`chart ${instance} has '${dedup}' in its log already`);
  }
  for (const { ticket } of change.wishesAdded) {
    if (content.wishes.some((wish) => wish.ticket === ticket))
      throw new Error(`wish ${ticket} is in the outbox already`);
  }
  const setIds = new Set(change.timersSet.map((timer) => key(timer.instance, timer.id)));
  for (const id of change.timersDeleted) setIds.add(key(instance, id));
  const lastSeq = content.reports.at(-1)?.seq ?? 0;
  return {
    instances: [...content.instances.filter((other) => other !== stored), change.instance],
    log: change.log === undefined ? content.log : [...content.log, { instance, entry: change.log }],
    // Deleted first: a state that is entered anew cancels its timer and arms it again under the same id.
    timers: [...content.timers.filter((timer) => !setIds.has(key(timer.instance, timer.id))), ...change.timersSet],
    wishes: [...content.wishes, ...change.wishesAdded].filter((wish) => !change.wishesDone.includes(wish.ticket)),
    reports: [...content.reports, ...change.reportsAdded.map((report, at) => ({ ...report, seq: lastSeq + 1 + at }))],
  };
}

const key = (instance: string, id: string): string => JSON.stringify([instance, id]);
