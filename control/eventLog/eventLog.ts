import type { Report } from '#engine/protocol/messages.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ScenarioId } from '#machines/vocabulary.ts';
import type { ControlStore, StoredEvent } from '#control/scenarios/controlStore.ts';
import { eventRecord } from './catalogue.ts';
import type { EventCode, EventParams, Severity } from './catalogue.ts';
import { eventText } from './eventText.ts';

/** A line of the event log as people and programs read it. */
export type EventView = StoredEvent & {
  readonly number: string;
  readonly severity: Severity;
  readonly ja: string;
  readonly en: string;
};

export const eventView = (event: StoredEvent): EventView => {
  const { number, severity } = eventRecord(event.code);
  return {
    ...event,
    number,
    severity,
    ja: eventText(event.code, event.params, 'ja'),
    en: eventText(event.code, event.params, 'en'),
  };
};

/** The append-only log: durable first, announced afterwards. */
export class EventLog {
  readonly #store: ControlStore;
  readonly #clock: Clock;
  readonly #readers = new Set<(event: EventView) => void>();

  constructor(parties: { readonly store: ControlStore; readonly clock: Clock }) {
    this.#store = parties.store;
    this.#clock = parties.clock;
  }

  /** Writes an event of control itself. */
  append(code: EventCode, params: EventParams = {}, scenarioId?: ScenarioId): void {
    const event = { atMs: this.#clock.nowMs(), code, params, ...(scenarioId === undefined ? {} : { scenarioId }) };
    this.#announce([this.#store.addEvent(event)]);
  }

  /** Takes over what an engine reports, each report once. */
  mirror(source: string, reports: readonly Report[]): void {
    this.#announce(this.#store.mirrorReports(source, reports));
  }

  /** Oldest first: those after `after`, or the newest when it is absent. */
  read(query: {
    readonly after?: number;
    readonly scenarioId?: ScenarioId;
    readonly most: number;
  }): readonly EventView[] {
    return this.#store.events(query).map(eventView);
  }

  /** Calls back with each new event. Returns the cancellation. */
  follow(reader: (event: EventView) => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #announce(events: readonly StoredEvent[]): void {
    for (const event of events) for (const reader of this.#readers) reader(eventView(event));
  }
}
