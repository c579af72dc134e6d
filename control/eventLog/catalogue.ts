import type { CatalogueRecord } from './catalogueRecord.ts';
import { assuredRecoveryEvents } from './events/assuredRecovery.ts';
import { dataRecoveryEvents } from './events/dataRecovery.ts';
import { fenceEvents } from './events/fence.ts';
import { offlineEvents } from './events/offline.ts';
import { protectionEvents } from './events/protection.ts';
import { scenarioEvents } from './events/scenario.ts';
import { switchbackEvents } from './events/switchback.ts';
import { switchoverEvents } from './events/switchover.ts';

export type { Severity } from './catalogueRecord.ts';
export type Language = 'ja' | 'en';
export type EventParams = Readonly<Record<string, string | number>>;

/**
 * Every sentence of the event log, both languages from one record; a capability has a file of its own under `events/`.
 * Where the guide gives the sentence it is verbatim.
 */
export const eventCatalogue = {
  ...scenarioEvents,
  ...protectionEvents,
  ...switchoverEvents,
  ...fenceEvents,
  ...switchbackEvents,
  ...dataRecoveryEvents,
  ...assuredRecoveryEvents,
  ...offlineEvents,
} as const satisfies Record<string, CatalogueRecord>;

export type EventCode = keyof typeof eventCatalogue;

const isEventCode = (code: string): code is EventCode => Object.hasOwn(eventCatalogue, code);

/** An engine of a later version may report a code that is not in the catalogue: it is shown as it came, never dropped. */
export function eventRecord(code: string): CatalogueRecord {
  if (isEventCode(code)) return eventCatalogue[code];
  return { number: 'WM90000', severity: 'warning', ja: `不明なイベント ${code}`, en: `Unknown event ${code}` };
}
