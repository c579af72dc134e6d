import type { Observation } from '#simulators/checkers/observation.ts';
import type { SiteUnderTest, Undo } from './site.ts';
import { actionText } from './plan.ts';
import type { Action, PlanEntry, When } from './plan.ts';

type Waiting = { readonly entry: PlanEntry; left: number };

/** Faults of which a single one may never cause a switchover (L8), as long as they are short. */
const harmlessKinds = new Set([
  'cut',
  'jam',
  'slow',
  'flap',
  'reset',
  'crash',
  'freezeProcess',
  'jumpClock',
  'changesLost',
  'burst',
  'healAll',
]);

/**
 * Makes a plan happen: at its times, or when the run shows what an entry waits for. Faults that find a state wait for it
 * here; that finds races a hundred times more often than chance does.
 */
export class Nemesis {
  readonly #site: SiteUnderTest;
  readonly #observe: (seen: Observation) => void;
  readonly #undos = new Map<number, { readonly what: string; readonly undo: Undo }>();
  readonly #waiting: { state: Waiting[]; wish: Waiting[]; message: Waiting[]; boundary: Waiting[] };
  /** Fault kinds and the states they struck in. */
  readonly cells = new Set<string>();
  #strikes = 0;
  #kinds: string[] = [];
  #lastState = '';
  #over = false;

  constructor(site: SiteUnderTest, plan: readonly PlanEntry[], observe: (seen: Observation) => void) {
    this.#site = site;
    this.#observe = observe;
    this.#waiting = { state: [], wish: [], message: [], boundary: [] };
    for (const entry of plan) this.#schedule(entry);
  }

  /** At most one fault, and one that no voter can take for a death. */
  get onlyHarmless(): boolean {
    return this.#kinds.length <= 1 && this.#kinds.every((kind) => harmlessKinds.has(kind));
  }

  get strikes(): number {
    return this.#strikes;
  }

  /** Faults that are in force now. */
  get active(): number {
    return this.#undos.size;
  }

  /** What the run shows: it may be what an entry waits for. */
  see(seen: Observation): void {
    if (this.#over) return;
    if (seen.kind === 'chart') {
      if (seen.state === this.#lastState) return;
      const entered = this.#lastState;
      this.#lastState = seen.state;
      this.#wake(
        this.#waiting.state,
        (when) => 'state' in when && seen.state.includes(when.state) && !entered.includes(when.state),
      );
    } else if (seen.kind === 'wish')
      this.#wake(this.#waiting.wish, (when) => 'wish' in when && when.wish === seen.name);
    else if (seen.kind === 'message')
      this.#wake(this.#waiting.message, (when) => 'message' in when && when.message === seen.name);
  }

  /** The n-th effect boundary of the run. */
  boundary(number: number): void {
    if (!this.#over) this.#wake(this.#waiting.boundary, (when) => 'boundary' in when && when.boundary === number);
  }

  /** The safety phase is over: everything is undone, in an order of chance, and nothing happens any more. */
  healAll(shuffle: (count: number) => number): void {
    this.#over = true;
    this.#undoAll(shuffle);
  }

  #undoAll(shuffle: (count: number) => number): void {
    const left = [...this.#undos.entries()];
    while (left.length > 0) {
      const [next] = left.splice(shuffle(left.length), 1);
      if (next) this.#undo(next[0]);
    }
  }

  #schedule(entry: PlanEntry): void {
    const { when } = entry;
    if ('atMs' in when) {
      this.#site.clock.after(when.atMs, () => this.#happen(entry));
      return;
    }
    const waiting: Waiting = { entry, left: when.nth ?? 1 };
    if ('state' in when) this.#waiting.state.push(waiting);
    else if ('wish' in when) this.#waiting.wish.push(waiting);
    else if ('message' in when) this.#waiting.message.push(waiting);
    else this.#waiting.boundary.push(waiting);
  }

  #wake(waiting: Waiting[], matches: (when: When) => boolean): void {
    for (const one of waiting) {
      if (one.left <= 0 || !matches(one.entry.when)) continue;
      one.left -= 1;
      if (one.left > 0) continue;
      const afterMs = 'afterMs' in one.entry.when ? (one.entry.when.afterMs ?? 0) : 0;
      // Never within the call that shows it: what strikes must not run inside the product's own stack.
      this.#site.clock.after(afterMs, () => this.#happen(one.entry));
    }
  }

  #happen({ action, forMs }: PlanEntry): void {
    if (this.#over) return;
    if (action.kind === 'healAll') {
      this.#undoAll(() => 0);
      return;
    }
    const t = this.#now();
    const { path } = this.#site.state();
    const undo = this.#site.strike(action);
    if (undo === 'unknown') return;
    this.#strikes += 1;
    this.#kinds.push(this.#outlastsWatchdog(action, forMs) ? 'reset of the host' : action.kind);
    for (const leaf of path.split(' + ')) this.cells.add(`${kindOf(action)}@${leaf}`);
    this.#observe({ t, kind: 'strike', what: actionText(action) });
    if (!undo) return;
    const number = this.#strikes;
    this.#undos.set(number, { what: actionText(action), undo });
    if (forMs !== undefined) this.#site.clock.after(forMs, () => this.#undo(number));
  }

  /** A host that stands still for so long is reset, and then it is away for as long as it boots. */
  #outlastsWatchdog(action: Action, forMs = Infinity): boolean {
    const { watchdogMs, guardPollMs } = this.#site.terms.timing;
    const stops = action.kind === 'freezeProcess' || action.kind === 'freezeHost';
    return stops && forMs >= watchdogMs - 2 * guardPollMs;
  }

  #undo(number: number): void {
    const known = this.#undos.get(number);
    if (!known) return;
    this.#undos.delete(number);
    known.undo();
    this.#observe({ t: this.#now(), kind: 'healed', what: known.what });
  }

  #now(): number {
    return Number(this.#site.clock.monotonicNs()) / 1e6;
  }
}

/** The kind of fault as coverage counts it: a crash of the guard is another than one of the witness. */
export function kindOf(action: Action): string {
  switch (action.kind) {
    case 'crash':
    case 'freezeProcess':
      return `${action.kind}:${action.process}`;
    case 'powerOff':
    case 'freezeHost':
      return `${action.kind}:${action.host}`;
    case 'hypervisor':
    case 'fenceDevice':
      return `${action.kind}:${action.trouble}`;
    default:
      return action.kind;
  }
}
