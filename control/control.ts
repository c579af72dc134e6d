import type { FastifyInstance } from 'fastify';
import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { createApi } from './api/api.ts';
import type { ManagerFile } from './api/parties.ts';
import { EventLog } from './eventLog/eventLog.ts';
import type { ControlStore } from './scenarios/controlStore.ts';
import type { EngineParty } from './scenarios/engineParty.ts';
import { Mirror } from './scenarios/mirror.ts';
import { Scenarios } from './scenarios/scenarios.ts';
import { StatusBoard } from './scenarios/statusBoard.ts';

export type ControlParties = {
  readonly appliance: EngineParty;
  readonly master?: EngineParty;
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly managerFiles: readonly ManagerFile[];
};

export type Control = {
  readonly app: FastifyInstance;
  readonly scenarios: Scenarios;
  readonly eventLog: EventLog;
  /** Ends the mirror, the API, the engines and the store. */
  close(): Promise<void>;
};

/** Control put together from its parties; it mirrors from now on, and listens when its composition root says so. */
export function createControl(parties: ControlParties): Control {
  const { appliance, master, store, clock, random, managerFiles } = parties;
  const eventLog = new EventLog({ store, clock });
  const board = new StatusBoard({ store, clock });
  const defaults = {
    appliance: appliance.connection().address,
    ...(master === undefined ? {} : { master: master.connection().address }),
  };
  const scenarios = new Scenarios({ appliance, store, eventLog, board, clock, random, defaults });
  const mirror = new Mirror({ appliance, store, eventLog, board, clock });
  const engines = [
    { which: 'appliance', party: appliance } as const,
    ...(master === undefined ? [] : [{ which: 'master', party: master } as const]),
  ];
  const app = createApi({ scenarios, eventLog, engines, clock, managerFiles });
  mirror.start();
  return {
    app,
    scenarios,
    eventLog,
    async close() {
      mirror.stop();
      await app.close();
      await Promise.all(engines.map(({ party }) => party.close()));
      store.close();
    },
  };
}
