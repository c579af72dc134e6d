import { Watch, invariants } from '#simulators/checkers/invariants.ts';
import type { Violation } from '#simulators/checkers/invariants.ts';
import type { Invariant, Observation, Terms } from '#simulators/checkers/observation.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { Coverage } from './coverage.ts';
import { Nemesis } from './nemesis.ts';
import type { Run } from './plan.ts';
import { replayDifference } from './replay.ts';
import type { BuildSite, SiteUnderTest } from './site.ts';
import { transcriptLine } from './transcript.ts';

export type RunResult = {
  readonly run: Run;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  readonly switchovers: number;
  /** Times that the scenario left its replication or its double's making while a fault was in force or had been. */
  readonly decisionsUnderFault: number;
  readonly transitions: ReadonlySet<string>;
  readonly cells: ReadonlySet<string>;
  readonly boundaries: number;
  readonly endedIn: string;
  /** Of all observations, for comparing two runs of one seed. */
  readonly digest: string;
  readonly transcript: readonly string[];
};

export type RunOptions = {
  readonly build: BuildSite;
  readonly run: Run;
  readonly watched?: readonly Invariant[];
  /** Text is made only when somebody reads it: a failing seed runs once more for its transcript. */
  readonly transcript?: boolean;
  /** Ends with the first violation. */
  readonly stopEarly?: boolean;
};

/** After the last fault: longer than every wait of the protocol, and than a restarted voter's silence. */
const settleMs = 2 * 3_600_000;
const stepMs = 300_000;
const decisive = /^(takingOver|switchingOver|standingDown|switchedOver|stopped)/;

/** One run: the safety phase under its plan, then everything heals and what must come to be has its time. */
export async function runPlan(options: RunOptions): Promise<RunResult> {
  const { run } = options;
  const book = new Book(options);
  let site: SiteUnderTest | undefined;
  try {
    site = await options.build(run, book.ears());
    book.opened(site);
    tickForEver(site, book);
    await advance(site, run.hours * 3_600_000, book);
    if (!book.broken) {
      const order = new SimulatedRandom(run.seed).fork('healing');
      book.nemesis?.healAll((count) => order.integer(count));
      book.observe({ t: now(site), kind: 'allHealed', masterAlive: site.masterAlive() });
      await settle(site, book);
      book.conclude(site);
    }
  } catch (thrown) {
    // A crash of the product's code is a finding of its own.
    book.crashed(site ? now(site) : 0, thrown);
  }
  return book.result(site ? now(site) : 0, site?.state().path ?? 'never built');
}

async function settle(site: SiteUnderTest, book: Book): Promise<void> {
  // Quiet for two looks in a row: a state that is only passed through is no end.
  let quiet = 0;
  for (let passedMs = 0; passedMs < settleMs && quiet < 2 && !book.broken; passedMs += stepMs) {
    await site.clock.advance(stepMs);
    quiet = site.settled().settled ? quiet + 1 : 0;
  }
}

async function advance(site: SiteUnderTest, ms: number, book: Book): Promise<void> {
  for (let passedMs = 0; passedMs < ms && !book.broken; passedMs += stepMs)
    await site.clock.advance(Math.min(stepMs, ms - passedMs));
}

function tickForEver(site: SiteUnderTest, book: Book): void {
  site.clock.after(1_000, () => {
    book.observe({ t: now(site), kind: 'tick' });
    tickForEver(site, book);
  });
}

const now = (site: SiteUnderTest): number => Number(site.clock.monotonicNs()) / 1e6;

/** Everything that is kept of a run while it goes on. */
class Book {
  readonly #options: RunOptions;
  readonly #coverage = new Coverage();
  readonly #lines: string[] = [];
  readonly #early: Observation[] = [];
  #site: SiteUnderTest | undefined;
  #watch: Watch | undefined;
  #crash: { readonly invariant: string; readonly atMs: number; readonly what: string } | undefined;
  #switchovers = 0;
  #decisions = 0;
  #boundaries = 0;
  #digest = 0x811c9dc5;
  nemesis: Nemesis | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get broken(): boolean {
    return this.#options.stopEarly === true && (this.#watch?.violations.length ?? 0) > 0;
  }

  ears(): Parameters<BuildSite>[1] {
    return {
      observe: (seen) => this.observe(seen),
      committed: (commit) => this.#coverage.note(commit),
      boundary: () => {
        this.#boundaries += 1;
        this.nemesis?.boundary(this.#boundaries);
      },
      hears: (kind) => this.#options.transcript === true || (this.#watch?.hears(kind) ?? true),
    };
  }

  /** The site stands; what it did to get there is checked now that the terms are known. */
  opened(site: SiteUnderTest): void {
    this.#site = site;
    this.#watch = new Watch(site.terms satisfies Terms, this.#options.watched ?? invariants);
    for (const seen of this.#early) this.#watch.observe(seen);
    this.nemesis = new Nemesis(site, this.#options.run.plan, (seen) => this.observe(seen));
  }

  observe(seen: Observation): void {
    if (seen.kind === 'tick') {
      this.#watch?.observe(seen);
      return;
    }
    this.#fingerprint(seen);
    if (seen.kind === 'chart') this.#count(seen.from, seen.state);
    if (this.#options.transcript) this.#lines.push(transcriptLine(seen, this.#site?.columns() ?? ''));
    if (!this.#watch) {
      this.#early.push(seen);
      return;
    }
    const before = this.#watch.violations.length;
    this.#watch.observe(seen);
    if (this.#options.transcript)
      for (const { invariant, what } of this.#watch.violations.slice(before))
        this.#lines.push(`!!!! ${invariant}: ${what}`);
    this.nemesis?.see(seen);
  }

  conclude(site: SiteUnderTest): void {
    const t = now(site);
    for (const what of site.litter()) this.observe({ t, kind: 'litter', what });
    for (const history of site.histories()) {
      const difference = replayDifference(history);
      this.observe({ t, kind: 'replayed', chart: history.name, ...(difference === undefined ? {} : { difference }) });
    }
    this.observe({
      t,
      kind: 'ended',
      state: site.state().path,
      onlyHarmless: this.nemesis?.onlyHarmless ?? true,
      serving: site.serving(),
      ...site.settled(),
    });
  }

  crashed(atMs: number, thrown: unknown): void {
    const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#crash = { invariant: 'crash', atMs, what };
    if (this.#options.transcript) this.#lines.push(`!!!! ${what}`);
  }

  result(simulatedMs: number, endedIn: string): RunResult {
    return {
      run: this.#options.run,
      violations: [...(this.#watch?.violations ?? []), ...(this.#crash ? [this.#crash] : [])],
      simulatedMs,
      switchovers: this.#switchovers,
      decisionsUnderFault: this.#decisions,
      transitions: this.#coverage.walked,
      cells: this.nemesis?.cells ?? new Set(),
      boundaries: this.#boundaries,
      endedIn,
      digest: (this.#digest >>> 0).toString(16).padStart(8, '0'),
      transcript: this.#lines,
    };
  }

  #count(from: string, state: string): void {
    if (from === state) return;
    if (state.startsWith('switchedOver') && !from.startsWith('switchedOver')) this.#switchovers += 1;
    const [was, is] = [decisive.exec(from)?.[0], decisive.exec(state)?.[0]];
    if (was !== is && (this.nemesis?.strikes ?? 0) > 0) this.#decisions += 1;
  }

  /** FNV-1a over time, kind and the chart's state: two runs of one seed must agree on it. */
  #fingerprint(seen: Observation): void {
    this.#mix(Math.round(seen.t * 1000));
    this.#mixText(seen.kind);
    if (seen.kind === 'chart') {
      this.#mixText(seen.event);
      this.#mixText(seen.state);
    }
  }

  #mixText(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
  }

  #mix(value: number): void {
    this.#digest = Math.imul(this.#digest ^ (value & 0xffff), 0x01000193);
    if (value > 0xffff) this.#digest = Math.imul(this.#digest ^ (Math.floor(value / 0x10000) | 0), 0x01000193);
  }
}
