import { assign } from 'xstate';
import { replicating } from '#machines/replication/replication.ts';
import { switchedOver, switchingOver } from '#machines/switchover/switchover.ts';
import { drainingSpool, stopping, synchronizing } from '#machines/synchronization/synchronization.ts';
import { preparing } from './preparing.ts';
import { announce, initialContext, scenarioDisks, scenarioSetup } from './scenarioSetup.ts';
import { verifying } from './verifying.ts';

/** Raised with every change of the chart that an older state cannot be continued on. */
export const scenarioChartVersion = '1';

/** The one chart of a scenario's whole life, put together from the capabilities. */
export const scenarioChart = scenarioSetup.createMachine({
  id: 'scenario',
  description: 'A scenario: one master, its replica on the appliance, and the virtual machine that can take its place.',
  context: ({ input }) => initialContext(input.definition, input.applianceVersion),
  initial: 'stopped',
  states: {
    stopped: {
      description: 'Nothing flows. Properties may be changed; Run verifies first.',
      meta: { guide: '6-19', ja: '停止', en: 'Stopped' },
      on: {
        'operator.run': {
          target: 'verifying',
          actions: assign(({ context, event }) => {
            const definition = event.definition ?? context.definition;
            return {
              definition,
              disks: scenarioDisks(definition),
              diskIndex: 0,
              synchronized: false,
              silentForMs: 0,
              verification: { errors: [], warnings: [] },
              lastFault: undefined,
            };
          }),
        },
      },
    },
    verifying,
    preparing,
    synchronizing,
    drainingSpool,
    replicating,
    switchingOver,
    switchedOver,
    stopping: { ...stopping, exit: announce('scenarioStopped', (c) => ({ reason: c.stopReason })) },
  },
});

export type ScenarioChart = typeof scenarioChart;
