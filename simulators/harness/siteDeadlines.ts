import type { ChartChange } from '#machines/parties/chartStore.ts';
import type { Observation } from '#simulators/checkers/observation.ts';

type Deadline = { readonly id: string; readonly delayMs: number; dueMs: number };

/** The durable deadlines of one node and the wishes it awaits, as its commits tell of them; times are true virtual time. */
export class SiteDeadlines {
  readonly #observe: (seen: Observation) => void;
  readonly #deadlines = new Map<string, Deadline>();
  readonly #awaited = new Map<string, string>();
  #runsSinceMs = 0;
  #running = true;
  #wallClockWasSet = false;

  constructor(observe: (seen: Observation) => void) {
    this.#observe = observe;
  }

  committed(t: number, change: ChartChange): void {
    const { log } = change;
    const ticket = /^wish:(.*)$/.exec(log?.dedup ?? '')?.[1];
    if (ticket !== undefined && log?.taken === 'taken' && !this.#awaited.has(ticket))
      this.#observe({ t, kind: 'lateAnswer', name: JSON.parse(log.event).type, ticket });
    const timer = /^timer:(.*)$/.exec(log?.dedup ?? '')?.[1];
    if (timer !== undefined && log) this.#fired(t, timer);
    for (const id of change.timersDeleted) this.#deadlines.delete(id);
    for (const { id, delayMs } of change.timersSet) this.#deadlines.set(id, { id, delayMs, dueMs: t + delayMs });
    for (const done of change.wishesDone) this.#awaited.delete(done);
    for (const wish of change.wishesAdded) this.#awaited.set(wish.ticket, wish.name);
  }

  /** A process takes up what an earlier one has left, or one that stood still goes on. */
  runs(t: number): void {
    this.#running = true;
    this.#runsSinceMs = t;
  }

  stands(): void {
    this.#running = false;
  }

  /** What is durable is due by the wall clock: after it was set, a restart may come to another time. */
  wallClockSet(): void {
    this.#wallClockWasSet = true;
  }

  tick(t: number): void {
    if (!this.#running || this.#wallClockWasSet) return;
    for (const deadline of this.#deadlines.values()) {
      const lateMs = t - Math.max(deadline.dueMs, this.#runsSinceMs);
      if (lateMs <= 2_000 + deadline.delayMs / 100) continue;
      this.#deadlines.delete(deadline.id);
      this.#observe({ t, kind: 'overdue', id: deadline.id, lateMs });
    }
  }

  #fired(t: number, ticket: string): void {
    const known = [...this.#deadlines.values()].find(({ id }) => ticket.startsWith(`${id}:`));
    if (!known || this.#wallClockWasSet) return;
    const toleranceMs = known.delayMs / 100;
    const dueMs = known.dueMs + toleranceMs;
    this.#observe({ t, kind: 'timerFired', id: known.id, dueMs, startedMs: this.#runsSinceMs, ticket });
  }
}
