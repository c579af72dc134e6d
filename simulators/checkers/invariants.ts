import { assuredRecoveryInvariants } from './assuredRecovery.ts';
import { conductInvariants } from './conduct.ts';
import { dataInvariants } from './data.ts';
import { identityInvariants } from './identity.ts';
import { livenessInvariants } from './liveness.ts';
import type { Checker, Invariant, Observation, ObservationKind, Terms } from './observation.ts';

/** Everything that must hold in every run. */
export const invariants: readonly Invariant[] = [
  ...identityInvariants,
  ...dataInvariants,
  ...assuredRecoveryInvariants,
  ...conductInvariants,
  ...livenessInvariants,
];

export type Violation = { readonly invariant: string; readonly atMs: number; readonly what: string };

/** All invariants over one run: each observation goes only to those that hear its kind. */
export class Watch {
  readonly violations: Violation[] = [];
  readonly #ears = new Map<ObservationKind, Checker[]>();

  constructor(terms: Terms, watched: readonly Invariant[] = invariants) {
    for (const checker of watched.map((invariant) => invariant.watch(terms)))
      for (const kind of checker.hears) {
        const ears = this.#ears.get(kind);
        if (ears) ears.push(checker);
        else this.#ears.set(kind, [checker]);
      }
  }

  /** Whether anybody would hear it: what nobody hears need not be made. */
  hears(kind: ObservationKind): boolean {
    return this.#ears.has(kind);
  }

  observe(seen: Observation): void {
    const ears = this.#ears.get(seen.kind);
    if (!ears) return;
    for (const checker of ears) {
      const what = checker.check(seen);
      if (what !== undefined) this.violations.push({ invariant: checker.id, atMs: seen.t, what });
    }
  }
}
