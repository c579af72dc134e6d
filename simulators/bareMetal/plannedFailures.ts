import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';

/** A failure that a test plans: `before` anything was done, or `after`, when only the answer is lost. */
export type PlannedFailure<Method extends string> = {
  readonly method: Method;
  /** 1 is the next call of this method. */
  readonly nth: number;
  readonly when: 'before' | 'after';
  /** Instead of `unreachable` (before) or `effectUnknown` (after). */
  readonly fault?: PartyFault;
};

/** What every call to a simulated party has: time, planned failures, one effect a ticket, no older epoch. */
export class Calls<Method extends string> {
  readonly #clock: Clock;
  readonly #host: string;
  readonly #latencyMs: number;
  readonly #answers = new Map<string, unknown>();
  readonly #counts = new Map<Method, number>();
  #failures: (PlannedFailure<Method> & { readonly atCall: number })[] = [];
  #epoch = 0;

  constructor(clock: Clock, host: string, latencyMs: number) {
    this.#clock = clock;
    this.#host = host;
    this.#latencyMs = latencyMs;
  }

  /** Plans a failure; several may wait at once. */
  fail(failure: PlannedFailure<Method>): void {
    this.#failures.push({ ...failure, atCall: this.countOf(failure.method) + failure.nth });
  }

  countOf(method: Method): number {
    return this.#counts.get(method) ?? 0;
  }

  async ask<Result>(method: Method, answer: () => Result): Promise<Result> {
    const call = this.countOf(method) + 1;
    this.#counts.set(method, call);
    await this.#clock.sleep(this.#latencyMs);
    const failure = this.#failures.find((planned) => planned.method === method && planned.atCall === call);
    this.#failures = this.#failures.filter((planned) => planned !== failure);
    if (failure?.when === 'before')
      throw failure.fault ?? new PartyFault('unreachable', { host: this.#host, reason: 'planned' });
    const result = answer();
    if (failure) throw failure.fault ?? new PartyFault('effectUnknown', { host: this.#host });
    return result;
  }

  change<Result>(method: Method, { ticket, epoch }: Intent, act: () => Result): Promise<Result> {
    return this.ask(method, () => {
      if (this.#answers.has(ticket)) return this.#answers.get(ticket) as Result;
      if (epoch < this.#epoch) throw new PartyFault('staleEpoch', { theirs: epoch, ours: this.#epoch });
      this.#epoch = epoch;
      const result = act();
      this.#answers.set(ticket, result);
      return result;
    });
  }
}
