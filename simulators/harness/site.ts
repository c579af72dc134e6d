import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { ChartEvent } from '#machines/host/step.ts';
import type { StoredLogEntry } from '#machines/parties/chartStore.ts';
import type { Observation, Terms } from '#simulators/checkers/observation.ts';
import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { Action, Run } from './plan.ts';

/** One commit of a chart, whoever's. */
export type Commit = {
  readonly chart: AnyStateMachine;
  readonly node: string;
  /** One scenario on one node. */
  readonly instance: string;
  readonly before: AnyMachineSnapshot;
  readonly event: ChartEvent;
  readonly after: AnyMachineSnapshot;
  readonly taken: 'taken' | 'stale';
};

/** What a site tells its harness. */
export type SiteEars = {
  observe(seen: Observation): void;
  /** A chart has committed. */
  committed(commit: Commit): void;
  /** A wish is about to be performed or a commit was made: one effect boundary, counted from 1. */
  boundary(what: string): void;
  /** Whether anybody hears this kind: what nobody hears need not be made. */
  hears(kind: Observation['kind']): boolean;
};

/** Recorded history of one chart, with the state that it must replay to. */
export type History = {
  readonly chart: AnyStateMachine;
  readonly name: string;
  readonly input: unknown;
  readonly entries: readonly StoredLogEntry[];
  readonly snapshot: AnyMachineSnapshot;
};

/** Ends an action that lasts. */
export type Undo = () => void;

/** A site as the harness drives it: it knows no scenario, no chart and no party, only what is asked here. */
export interface SiteUnderTest {
  readonly clock: SimulatedClock;
  readonly terms: Terms;
  /**
   * Lets something happen now and returns at once; what takes time goes on with the clock. Answers how to end it where it
   * lasts, and `unknown` where this site has no such thing.
   */
  strike(action: Action): Undo | undefined | 'unknown';
  /** The leaf states of the scenario's chart as they are stored, and whether its appliance runs. */
  state(): { readonly path: string; readonly epoch: number; readonly running: boolean };
  /** One letter or word a node, for the transcript's columns. */
  columns(): string;
  masterAlive(): boolean;
  /** Where nothing is awaited any more. `reason`: what an operator is asked for. */
  settled(): { readonly settled: boolean; readonly reason?: string };
  /** Who serves production now. */
  serving(): readonly string[];
  /** What nobody needs and is still there. */
  litter(): readonly string[];
  histories(): readonly History[];
}

/** Builds a site for a run, its scenario replicating or about to. Moves the site's clock itself while it does. */
export type BuildSite = (run: Run, ears: SiteEars) => Promise<SiteUnderTest>;
