import type { Report, ScenarioStatus } from '#engine/protocol/messages.ts';
import type { ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import type { EventParams } from '#control/eventLog/catalogue.ts';

export type StoredScenario = {
  readonly definition: ScenarioDefinition;
  readonly createdAtMs: number;
  /** False until the appliance's engine is known to hold the definition. */
  readonly defined: boolean;
};

export type StoredEvent = {
  /** Control's own order, whatever order the engines report in. */
  readonly seq: number;
  readonly atMs: number;
  /** Absent for events of the whole site. */
  readonly scenarioId?: ScenarioId;
  readonly code: string;
  readonly params: EventParams;
};

export type StoredStatus = { readonly status: ScenarioStatus; readonly heardAtMs: number };

/** What control remembers. Synchronous; durable when the call returns. Holds no secret. */
export interface ControlStore {
  scenarios(): readonly StoredScenario[];
  scenario(id: ScenarioId): StoredScenario | undefined;
  /** The scenario that an earlier request with this idempotency key made. */
  scenarioByKey(key: string): StoredScenario | undefined;
  addScenario(scenario: StoredScenario, key?: string): void;
  /** Not known to the engine until it is marked so. */
  changeScenario(definition: ScenarioDefinition): void;
  markDefined(id: ScenarioId): void;
  /** Its events stay. */
  removeScenario(id: ScenarioId): void;

  /** An event of control itself. */
  addEvent(event: Omit<StoredEvent, 'seq'>): StoredEvent;
  /**
   * Reports of an engine, and how far it was read, in one transaction: a report is neither lost nor doubled, wherever
   * control dies. Returns what was new.
   */
  mirrorReports(source: string, reports: readonly Report[]): readonly StoredEvent[];
  /** Sequence number of the last report mirrored from this engine; 0 before the first. */
  mirroredSeq(source: string): number;
  /** The last report mirrored from this engine. */
  lastMirrored(source: string): Report | undefined;
  /** The engine under this name has begun a new record: its reports are numbered from 1 again. What was mirrored stays. */
  restartMirror(source: string, atMs: number): void;
  /** Oldest first: those after `after`, or the newest when it is absent. */
  events(query: {
    readonly after?: number;
    readonly scenarioId?: ScenarioId;
    readonly most: number;
  }): readonly StoredEvent[];

  putStatus(id: ScenarioId, status: StoredStatus): void;
  status(id: ScenarioId): StoredStatus | undefined;
  close(): void;
}
