import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { ChartChange, ChartStore, StoredInstance, StoredTimer, StoredWish } from '#machines/parties/chartStore.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { PartyFault, toFault } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';
import { firstStep, listensTo, nextStep, persist, statePath } from './step.ts';
import type { ChartEvent, Fact, Step } from './step.ts';
import { takeUp } from './takeUp.ts';

export type Lateness = Readonly<Record<string, 'fire' | 'restart' | 'skip'>>;

/** Performs one wish and gives its answer; throws a fault. Idempotent on the ticket. */
export type Perform = (
  wish: StoredWish & {
    readonly parsedArgs: {
      readonly args: unknown;
      readonly epoch: number;
      readonly timeoutMs: number;
      readonly soon?: boolean;
    };
  },
) => Promise<unknown>;

export type DurableHostOptions = {
  readonly chart: AnyStateMachine;
  readonly version: string;
  readonly lateness: Lateness;
  readonly store: ChartStore;
  readonly clock: Clock;
  readonly perform: Perform;
  /** A state in words for the report; equal words are no news. */
  readonly stateWords: (snapshot: AnyMachineSnapshot) => { readonly ja: string; readonly en: string };
  /** After every commit: what the status, the inspector and the transcript are fed from. */
  readonly onCommit?: (commit: {
    readonly instance: string;
    readonly seq: number;
    readonly event: ChartEvent;
    readonly snapshot: AnyMachineSnapshot;
    readonly taken: 'taken' | 'stale';
  }) => void;
};

type Live = { readonly seq: number; readonly snapshot: AnyMachineSnapshot };

/**
 * Runs charts so that a crash at any instruction loses nothing: each event is one transaction of log row, next
 * snapshot, timers and outbox; wishes are performed only after the commit, and again after a restart until they are
 * answered (law L5). An instance of another chart version, or a damaged one, is refused, not guessed at; the others run.
 */
export class DurableHost {
  readonly #options: DurableHostOptions;
  readonly #live = new Map<string, Live>();
  readonly #performing = new Set<string>();
  readonly #refused = new Map<string, Fault>();
  /** When each timer is due on the monotonic clock: the wall clock may be set while it runs. */
  #dueNs: ReadonlyMap<string, bigint> = new Map();
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(options: DurableHostOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier run left: timers by their policy, unanswered wishes again. */
  start(): void {
    const { store, clock, lateness } = this.#options;
    for (const instance of store.instances()) this.#takeUp(instance);
    for (const timer of this.#timers()) {
      const delayName = /^xstate\.after\.([^.]+)\./.exec(JSON.parse(timer.event).type)?.[1] ?? '';
      // How long nobody was there only the wall clock knows, and it may have been set: no time of waiting is taken as done.
      if (lateness[delayName] === 'restart') this.#rearm(timer, clock.nowMs() + timer.delayMs);
      else if (timer.dueMs <= clock.nowMs() && lateness[delayName] === 'skip') this.#forget(timer);
    }
    this.#armClock();
    this.#performPending();
  }

  /** Why nothing of this instance runs: what was stored of it cannot be continued. Known after `start`. */
  refusal(instance: string): Fault | undefined {
    return this.#refused.get(instance);
  }

  /** Performs nothing more; wishes under way finish, their answers are taken after the next start. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  create(instance: string, input: unknown): void {
    const { chart, version, store, clock } = this.#options;
    if (store.load(instance)) return;
    const step = firstStep(chart, input);
    const row: StoredInstance = {
      instance,
      machine: chart.id,
      version,
      seq: 0,
      snapshot: persist(chart, step.snapshot),
      input: JSON.stringify(input),
    };
    store.commit({ instance: row, expectedSeq: undefined, ...this.#effects(row, step, clock.nowMs()) });
    this.#live.set(instance, { seq: 0, snapshot: step.snapshot });
    this.#afterCommit();
  }

  /** Its history and its reports stay; nothing of it runs any more. */
  remove(instance: string): void {
    this.#options.store.remove(instance);
    this.#live.delete(instance);
    this.#refused.delete(instance);
    this.#armClock();
  }

  /** Faults: `chartVersionUnknown`, `chartStateDamaged`. */
  snapshot(instance: string): AnyMachineSnapshot {
    return this.#current(instance).snapshot;
  }

  /**
   * A fact. The one nobody listens to is logged as stale, not obeyed (law L6). The same `dedup` twice is taken once.
   * Returns whether the chart took it.
   */
  dispatch(instance: string, event: Fact, dedup?: string, answeredTicket?: string): boolean {
    if (this.#stopped) return false;
    const { store, clock, chart } = this.#options;
    // A removed scenario has no chart to hear what was still under way.
    if (!store.load(instance) || this.#refused.has(instance)) return false;
    if (dedup !== undefined && store.hasDedup(instance, dedup)) return false;
    const stamped: ChartEvent = { ...event, atMs: clock.nowMs() };
    const before = this.#current(instance);
    const isStale =
      !before.snapshot.can(stamped) || (answeredTicket !== undefined && !this.#isNewest(instance, answeredTicket));
    const step = isStale ? undefined : nextStep(chart, before.snapshot, stamped);
    this.#commit(instance, before, stamped, step, { dedup, answeredTicket, firedTimer: undefined });
    return !isStale;
  }

  #commit(
    instance: string,
    before: Live,
    event: ChartEvent,
    step: Step | undefined,
    extra: {
      readonly dedup: string | undefined;
      readonly answeredTicket: string | undefined;
      readonly firedTimer: string | undefined;
    },
  ): void {
    const { store, chart, version } = this.#options;
    const stored = store.load(instance);
    if (!stored) throw new Error(`no instance ${instance}`);
    const seq = before.seq + 1;
    const snapshot = step?.snapshot ?? before.snapshot;
    const row: StoredInstance = { ...stored, version, seq, snapshot: persist(chart, snapshot) };
    const effects = step ? this.#effects(row, step, event.atMs) : noEffects;
    const withdrawn = this.#withdrawn(instance, snapshot, step?.wishes.map(({ name }) => name) ?? []);
    const taken = step ? 'taken' : 'stale';
    const change: ChartChange = {
      instance: row,
      expectedSeq: before.seq,
      log: {
        seq,
        atMs: event.atMs,
        event: JSON.stringify(event),
        taken,
        ...(extra.dedup === undefined ? {} : { dedup: extra.dedup }),
      },
      ...effects,
      timersDeleted: [...effects.timersDeleted, ...(extra.firedTimer === undefined ? [] : [extra.firedTimer])].filter(
        (id) => !effects.timersSet.some((timer) => timer.id === id),
      ),
      wishesDone: [...withdrawn, ...(extra.answeredTicket === undefined ? [] : [extra.answeredTicket])],
      reportsAdded: [...effects.reportsAdded, ...this.#stateReport(instance, before.snapshot, snapshot, event.atMs)],
    };
    store.commit(change);
    this.#live.set(instance, { seq, snapshot });
    this.#options.onCommit?.({ instance, seq, event, snapshot, taken });
    this.#afterCommit();
  }

  #stateReport(
    instance: string,
    before: AnyMachineSnapshot,
    after: AnyMachineSnapshot,
    atMs: number,
  ): ChartChange['reportsAdded'] {
    const { stateWords } = this.#options;
    const words = stateWords(after);
    if (words.ja === stateWords(before).ja) return [];
    const params = { state: statePath(after.value), label: words.en, labelJa: words.ja };
    return [{ atMs, instance, code: 'state', params: JSON.stringify(params) }];
  }

  #effects(row: StoredInstance, step: Step, atMs: number): Omit<ChartChange, 'instance' | 'expectedSeq' | 'log'> {
    const { instance, seq } = row;
    const wishesAdded = step.wishes.map((wish, n): StoredWish => ({
      ticket: `${instance}/${seq}/${n}`,
      instance,
      name: wish.name,
      args: JSON.stringify({ args: wish.args, epoch: wish.epoch, timeoutMs: wish.timeoutMs, soon: wish.soon }),
      askedAtMs: atMs,
    }));
    return {
      timersSet: step.timersSet.map((timer) => this.#storedTimer(instance, seq, timer, atMs)),
      timersDeleted: step.timersDeleted,
      wishesAdded,
      wishesDone: [],
      reportsAdded: step.announcements.map(({ code, params }) => ({
        atMs,
        instance,
        code,
        params: JSON.stringify(params),
      })),
    };
  }

  #storedTimer(instance: string, seq: number, timer: Step['timersSet'][number], atMs: number): StoredTimer {
    const late = this.#options.lateness[timer.delayName];
    if (!late)
      throw new Error(
        `delay ${timer.delayName} does not say what being late means; add it to the chart's lateness table`,
      );
    return {
      instance,
      id: timer.id,
      dueMs: atMs + timer.delayMs,
      delayMs: timer.delayMs,
      late,
      event: JSON.stringify(timer.event),
      armedSeq: seq,
    };
  }

  /** A wish that is voiced anew, or whose answer no active state awaits any more, is not performed again after a restart. */
  #withdrawn(instance: string, snapshot: AnyMachineSnapshot, voicedAnew: readonly string[]): string[] {
    return this.#options.store
      .outbox(instance)
      .filter(({ name }) => voicedAnew.includes(name) || !listensTo(snapshot, `${name}.done`))
      .map(({ ticket }) => ticket);
  }

  #isNewest(instance: string, ticket: string): boolean {
    const pending = this.#options.store.outbox(instance);
    const own = pending.find((wish) => wish.ticket === ticket);
    return own !== undefined && pending.findLast(({ name }) => name === own.name)?.ticket === ticket;
  }

  #current(instance: string): Live {
    const cached = this.#live.get(instance);
    if (cached) return cached;
    const refused = this.#refused.get(instance);
    if (refused) throw new PartyFault(refused.code, refused.params);
    const { store, chart, version } = this.#options;
    const stored = store.load(instance);
    if (!stored) throw new Error(`no instance ${instance}`);
    const live = { seq: stored.seq, snapshot: takeUp(chart, version, store, stored) };
    this.#live.set(instance, live);
    return live;
  }

  #takeUp(instance: string): void {
    try {
      this.#current(instance);
    } catch (thrown) {
      const refused = toFault(thrown);
      this.#refused.set(instance, refused);
      const report = { atMs: this.#options.clock.nowMs(), instance, code: 'scenarioRefused' };
      const params = JSON.stringify({ ...refused.params, faultCode: refused.code });
      this.#rewrite(instance, { reportsAdded: [{ ...report, params }] });
    }
  }

  #afterCommit(): void {
    this.#armClock();
    this.#performPending();
  }

  #performPending(): void {
    if (this.#stopped) return;
    for (const wish of this.#options.store.outbox()) {
      if (this.#performing.has(wish.ticket) || this.#refused.has(wish.instance)) continue;
      this.#performing.add(wish.ticket);
      void this.#performOne(wish);
    }
  }

  async #performOne(wish: StoredWish): Promise<void> {
    let answer: Fact;
    try {
      const result = await this.#options.perform({ ...wish, parsedArgs: JSON.parse(wish.args) });
      answer = { type: `${wish.name}.done`, ...(result === undefined ? {} : { result }) };
    } catch (thrown) {
      answer = { type: `${wish.name}.failed`, fault: toFault(thrown) };
    }
    this.dispatch(wish.instance, answer, `wish:${wish.ticket}`, wish.ticket);
    this.#performing.delete(wish.ticket);
  }

  #timers(): readonly StoredTimer[] {
    return this.#options.store.timers().filter(({ instance }) => !this.#refused.has(instance));
  }

  #armClock(): void {
    this.#wake?.();
    this.#wake = undefined;
    if (this.#stopped) return;
    const { clock } = this.#options;
    const nowNs = clock.monotonicNs();
    let next: bigint | undefined;
    const dueNs = new Map<string, bigint>();
    for (const timer of this.#timers()) {
      const key = timerKey(timer);
      // A wall clock that was set back lets nothing wait for longer than it was meant to.
      const leftMs = Math.min(timer.delayMs, Math.max(0, timer.dueMs - clock.nowMs()));
      const due = this.#dueNs.get(key) ?? nowNs + BigInt(Math.round(leftMs * 1e6));
      dueNs.set(key, due);
      if (next === undefined || due < next) next = due;
    }
    this.#dueNs = dueNs;
    if (next === undefined) return;
    this.#wake = clock.after(Math.max(0, Number(next - nowNs) / 1e6), () => this.#fireDue());
  }

  #fireDue(): void {
    if (this.#stopped) return;
    const { store, clock, chart } = this.#options;
    const byNs = clock.monotonicNs() + timerGrainNs;
    const due = this.#timers()
      .map((timer) => ({ ...timer, dueNs: this.#dueNs.get(timerKey(timer)) ?? byNs + 1n }))
      .filter(({ dueNs }) => dueNs <= byNs);
    for (const timer of due.toSorted((a, b) => Number(a.dueNs - b.dueNs) || a.armedSeq - b.armedSeq)) {
      // An earlier one of this round may have cancelled it or armed it anew.
      const live = store.timers().find(({ instance, id }) => instance === timer.instance && id === timer.id);
      if (live?.armedSeq !== timer.armedSeq || live.dueMs !== timer.dueMs) continue;
      const before = this.#current(timer.instance);
      const event: ChartEvent = { ...JSON.parse(timer.event), atMs: clock.nowMs() };
      this.#commit(timer.instance, before, event, nextStep(chart, before.snapshot, event), {
        dedup: `timer:${timer.id}:${timer.armedSeq}:${timer.dueMs}`,
        answeredTicket: undefined,
        firedTimer: timer.id,
      });
    }
    this.#armClock();
  }

  #rearm(timer: StoredTimer, dueMs: number): void {
    this.#rewrite(timer.instance, { timersSet: [{ ...timer, dueMs }] });
  }

  #forget(timer: StoredTimer): void {
    this.#rewrite(timer.instance, { timersDeleted: [timer.id] });
  }

  #rewrite(instance: string, beside: Partial<ChartChange>): void {
    const stored = this.#options.store.load(instance);
    if (!stored) return;
    this.#options.store.commit({ ...noEffects, instance: stored, expectedSeq: stored.seq, ...beside });
  }
}

const timerKey = ({ instance, id, armedSeq, dueMs }: StoredTimer): string => `${instance} ${id} ${armedSeq} ${dueMs}`;
/** A timer of the system may wake so much too early; to wait for it once more would be a turn for nothing. */
const timerGrainNs = 1_000n;
const noEffects = { timersSet: [], timersDeleted: [], wishesAdded: [], wishesDone: [], reportsAdded: [] } as const;
