import type { Clock } from '#machines/parties/clock.ts';
import type { EventLog } from '#control/eventLog/eventLog.ts';
import type { EngineParty } from '#control/scenarios/engineParty.ts';
import type { Scenarios } from '#control/scenarios/scenarios.ts';

export type NamedEngine = { readonly which: 'appliance' | 'master'; readonly party: EngineParty };
/** A file of the manager, by its path under `/`. */
export type ManagerFile = { readonly path: string; readonly type: string; readonly bytes: Uint8Array };

export type ApiParties = {
  readonly scenarios: Scenarios;
  readonly eventLog: EventLog;
  /** The appliance's engine first. */
  readonly engines: readonly NamedEngine[];
  readonly clock: Clock;
  readonly managerFiles: readonly ManagerFile[];
};
