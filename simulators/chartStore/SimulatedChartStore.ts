import type {
  ChartChange,
  ChartStore,
  StoredInstance,
  StoredLogEntry,
  StoredReport,
  StoredTimer,
  StoredWish,
} from '#machines/parties/chartStore.ts';

/** Everything of one chart. Rows are never changed, only replaced: readers may keep them. */
type Chart = {
  row: StoredInstance;
  readonly log: StoredLogEntry[];
  readonly dedups: Set<string>;
  timers: readonly StoredTimer[];
};
type Content = {
  readonly charts: Map<string, Chart>;
  /** Of all charts, oldest first. */
  wishes: readonly StoredWish[];
  readonly reports: StoredReport[];
};

/** The process dies at a commit: what runs must not go on after it. */
export class SimulatedDeath extends Error {
  constructor(when: 'before' | 'after') {
    super(`the process died ${when} its commit`);
    this.name = 'SimulatedDeath';
  }
}

/** Hears of each change once it is durable; lives as long as the data, not as the process. */
export type ChartWatcher = (change: ChartChange) => void;

/** Charts in memory, all of them flat rows of texts and numbers, so that nothing survives that a real store would not keep. */
export class SimulatedChartStore implements ChartStore {
  readonly #content: Content;
  #death: { commitsLeft: number; readonly when: 'before' | 'after' } | undefined;
  #closed = false;
  #commits = 0;
  #watcher: ChartWatcher | undefined;

  constructor(content: Content = { charts: new Map(), wishes: [], reports: [] }) {
    this.#content = content;
  }

  /** Commits since this store was opened: the places where a test can make it die. */
  get commits(): number {
    return this.#commits;
  }

  /** One watcher, who stays over `reopen`. */
  watch(watcher: ChartWatcher): void {
    this.#watcher = watcher;
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
    const store = new SimulatedChartStore(this.#content);
    store.#watcher = this.#watcher;
    return store;
  }

  load(instance: string): StoredInstance | undefined {
    return this.#read().charts.get(instance)?.row;
  }

  instances(): readonly string[] {
    return [...this.#read().charts.keys()].sort();
  }

  commit(change: ChartChange): void {
    const content = this.#read();
    checked(content, change);
    const dies = this.#death !== undefined && this.#death.commitsLeft-- === 0 ? this.#death.when : undefined;
    if (dies !== 'before') {
      apply(content, change);
      this.#commits++;
      this.#watcher?.(change);
    }
    if (dies === undefined) return;
    this.#closed = true;
    throw new SimulatedDeath(dies);
  }

  remove(instance: string): void {
    const content = this.#read();
    content.charts.delete(instance);
    content.wishes = content.wishes.filter((wish) => wish.instance !== instance);
  }

  hasDedup(instance: string, dedup: string): boolean {
    return this.#read().charts.get(instance)?.dedups.has(dedup) ?? false;
  }

  timers(): readonly StoredTimer[] {
    return [...this.#read().charts.values()]
      .flatMap(({ timers }) => timers)
      .sort((a, b) => a.dueMs - b.dueMs || a.armedSeq - b.armedSeq);
  }

  outbox(instance?: string): readonly StoredWish[] {
    const { wishes } = this.#read();
    return instance === undefined ? wishes : wishes.filter((wish) => wish.instance === instance);
  }

  history(instance: string): readonly StoredLogEntry[] {
    return [...(this.#read().charts.get(instance)?.log ?? [])];
  }

  reports(afterSeq: number, most: number): readonly StoredReport[] {
    // Numbered from 1 without gaps, and never removed.
    return this.#read().reports.slice(afterSeq, afterSeq + most);
  }

  close(): void {
    this.#closed = true;
  }

  #read(): Content {
    if (this.#closed) throw new Error('the chart store is closed');
    return this.#content;
  }
}

/** All or nothing: everything that can be wrong is found before anything changes. */
function checked({ charts, wishes }: Content, change: ChartChange): void {
  const { instance } = change.instance;
  const chart = charts.get(instance);
  if (chart?.row.seq !== change.expectedSeq) {
    throw new Error(
      `chart ${instance} is at ${chart?.row.seq ?? 'nothing'}, not at ${change.expectedSeq ?? 'nothing'}`,
    );
  }
  const dedup = change.log?.dedup;
  if (dedup !== undefined && chart?.dedups.has(dedup)) {
    throw new Error(`chart ${instance} has '${dedup}' in its log already`);
  }
  for (const { ticket } of change.wishesAdded) {
    if (wishes.some((wish) => wish.ticket === ticket)) throw new Error(`wish ${ticket} is in the outbox already`);
  }
}

function apply(content: Content, change: ChartChange): void {
  const { charts, reports } = content;
  const { instance } = change.instance;
  const chart: Chart = charts.get(instance) ?? {
    row: change.instance,
    log: [],
    dedups: new Set(),
    timers: [],
  };
  charts.set(instance, chart);
  chart.row = { ...change.instance };
  if (change.log !== undefined) {
    chart.log.push({ ...change.log });
    if (change.log.dedup !== undefined) chart.dedups.add(change.log.dedup);
  }
  // Deleted first: a state that is entered anew cancels its timer and arms it again under the same id.
  const gone = new Set([...change.timersDeleted, ...change.timersSet.map(({ id }) => id)]);
  if (gone.size > 0)
    chart.timers = [
      ...chart.timers.filter(({ id }) => !gone.has(id)),
      ...change.timersSet.map((timer) => ({ ...timer })),
    ];
  if (change.wishesAdded.length > 0 || change.wishesDone.length > 0)
    content.wishes = [...content.wishes, ...change.wishesAdded.map((wish) => ({ ...wish }))].filter(
      ({ ticket }) => !change.wishesDone.includes(ticket),
    );
  for (const report of change.reportsAdded) reports.push({ ...report, seq: reports.length + 1 });
}
