import type { AnyStateMachine } from 'xstate';
import type { BareMetalDescription } from '#machines/parties/bareMetal.ts';
import { initialContext } from '#machines/scenario/context.ts';
import type { ScenarioInput } from '#machines/scenario/context.ts';
import { scenarioSetup } from '#machines/scenario/scenarioSetup.ts';
import {
  awaitingMapping,
  endingReverse,
  reverseReplicating,
  reverseSynchronizing,
  verifyingTarget,
  whileSwitchedOver,
} from '#machines/switchback/reverseReplication.ts';
import { switchingBack } from '#machines/switchback/switchback.ts';
import { undoingSwitchback } from '#machines/switchback/undoing.ts';
import { refreshingVolumes, switchedBack } from '#machines/switchback/volumeRefresh.ts';
import { definition as scripted } from './scriptedSite.ts';
import type { FenceDeviceAddress, MasterDescription, ScenarioDefinition } from '#machines/vocabulary.ts';

export const MiB = 2 ** 20;

export const definition: ScenarioDefinition = {
  ...scripted,
  master: { ...scripted.master, disks: [{ diskId: '/dev/sda', bytes: MiB, system: true }] },
  speculation: false,
  fence: {
    timing: {
      renewMs: 5_000,
      leaseMs: 30_000,
      guardPollMs: 1_000,
      guardRestartMs: 10_000,
      watchdogMs: 0,
      actuationMs: 2_000,
      roundTripMs: 1_000,
      driftPpm: 200,
      marginMs: 1_000,
    },
    productionAddresses: scripted.fence.productionAddresses,
  },
  spool: { spoolBytesMax: MiB },
};

export const fenceDevice: FenceDeviceAddress = {
  kind: 'redfish',
  host: 'bmc',
  port: 443,
  user: 'root',
  secretName: 'bmc',
  certificateSha256: 'cd',
  systemId: '1',
};

export const machine: BareMetalDescription = {
  hardwareId: 'hw-1',
  model: 'Server 1',
  kitVersion: '1',
  firmware: 'bios',
  disks: [
    { serial: 'small', bytes: MiB / 2 },
    { serial: 'used', bytes: MiB, operatingSystem: { name: 'Windows Server 2019', lastUsed: '2026-11-20T10:00:00Z' } },
    { serial: 'empty', bytes: MiB },
  ],
  nics: [{ mac: '02:00:00:00:00:01', linkUp: true, addresses: ['192.0.2.99'] }],
};

export const source: MasterDescription = {
  hostName: 'web',
  bootId: 'boot-1',
  engineVersion: '1',
  firmware: 'bios',
  cpus: 2,
  memoryMiB: 512,
  changeSource: 'trace',
  disks: definition.master.disks,
};

export const input = (changes: Partial<ScenarioDefinition> = {}): ScenarioInput => ({
  definition: { ...definition, ...changes },
  applianceVersion: '1',
  applianceNode: 'appliance',
  capabilities: ['reverseReplication', 'dataRecovery'],
});

const states = {
  verifyingTarget,
  awaitingMapping,
  reverseSynchronizing,
  reverseReplicating,
  endingReverse,
  switchingBack,
  undoingSwitchback,
  switchedBack,
  refreshingVolumes,
};
export type StateName = keyof typeof states;

/** The states of the way back between stubs of their neighbours; `guilty` replaces some of them. */
export function switchbackChart(guilty: Partial<Record<StateName, unknown>> = {}): AnyStateMachine {
  const used = { ...states, ...guilty } as typeof states;
  return scenarioSetup.createMachine({
    id: 'scenario',
    context: ({ input: given }) => ({ ...initialContext(given), epoch: 2, synchronized: true, substituteVmId: 'vm-7' }),
    initial: 'switchedOver',
    states: { switchedOver: { ...whileSwitchedOver }, stopped: {}, ...used },
  });
}

export { states as switchbackStates };

/** The same configuration with another value at a path: how a deliberate bug is written down. */
export function edited(config: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const record = config as Record<string, unknown>;
  if (!(key in record)) throw new Error(`no ${key} to edit`);
  return { ...record, [key]: edited(record[key], rest, value) };
}
