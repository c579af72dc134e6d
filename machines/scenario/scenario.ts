import { assign } from 'xstate';
import { replicating } from '#machines/replication/replication.ts';
import { switchedOver, switchingOver } from '#machines/switchover/switchover.ts';
import { takingOver } from '#machines/switchover/takingOver.ts';
import { drainingSpool, synchronizing } from '#machines/synchronization/synchronization.ts';
import { recovering, whileStopped } from '#machines/dataRecovery/dataRecovery.ts';
import {
  awaitingMapping,
  endingReverse,
  reverseReplicating,
  reverseSynchronizing,
  verifyingTarget,
} from '#machines/switchback/reverseReplication.ts';
import { switchingBack } from '#machines/switchback/switchback.ts';
import { undoingSwitchback } from '#machines/switchback/undoing.ts';
import { refreshingVolumes, switchedBack } from '#machines/switchback/volumeRefresh.ts';
import { initialContext, scenarioDisks } from './context.ts';
import type { ScenarioContext, ScenarioInput } from './context.ts';
import { preparing } from './preparing.ts';
import { scenarioSetup } from './scenarioSetup.ts';
import { stopping } from './stopping.ts';
import { verifying } from './verifying.ts';

/** Raised with every change of the chart that an older state cannot be continued on. */
export const scenarioChartVersion = '2';

/** The one chart of a scenario's whole life, put together from the capabilities. */
export const scenarioChart = scenarioSetup.createMachine({
  id: 'scenario',
  description: 'A scenario: one master, its replica on the appliance, and the virtual machine that can take its place.',
  // Each step asks for an initial state first, without any input, and throws it away.
  context: ({ input }) => ((input as ScenarioInput | undefined) ? initialContext(input) : ({} as ScenarioContext)),
  initial: 'stopped',
  states: {
    stopped: {
      description: 'Nothing flows. Properties may be changed; Run verifies first.',
      meta: { guide: '6-19', ja: '停止', en: 'Stopped' },
      on: {
        ...whileStopped.on,
        'operator.run': {
          target: 'verifying',
          actions: assign(({ context, event }) => {
            const definition = event.definition ?? context.definition;
            return {
              definition,
              // A new run is a new epoch: what an earlier one may still be saying is refused.
              epoch: context.epoch + 1,
              disks: scenarioDisks(definition),
              diskIndex: 0,
              synchronized: false,
              silentForMs: 0,
              maintenanceMs: 0,
              armed: false,
              fence: { faults: [] },
              verification: { errors: [], warnings: [] },
              lastFault: undefined,
              seed: undefined,
              unwell: undefined,
              unwellGivenUp: false,
              syncChoice: {
                method: event.syncMethod ?? definition.syncMethod,
                ignoreSameSizeAndTime: event.ignoreSameSizeAndTime ?? false,
              },
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
    takingOver,
    switchingOver,
    switchedOver,
    verifyingTarget,
    awaitingMapping,
    reverseSynchronizing,
    reverseReplicating,
    endingReverse,
    switchingBack,
    undoingSwitchback,
    switchedBack,
    refreshingVolumes,
    recovering,
    stopping,
  },
});

export type ScenarioChart = typeof scenarioChart;
