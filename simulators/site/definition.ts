import { leaseTimingDefaults } from '#machines/masterGuard/leaseTiming.ts';
import { isAliveDefaults } from '#machines/vocabulary.ts';
import type { MasterDisk, ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import { guardPort, masterPort } from './SimulatedMasterHost.ts';
import type { ScenarioChoice } from './site.ts';

export const productionAddress = '192.0.2.10';
/** Where a test VM may be plugged in; nobody else is on it. */
export const testNetwork = 'Test Network';

type Given = {
  readonly scenarioId: ScenarioId;
  readonly disks: readonly MasterDisk[];
  readonly spoolBytesMax: number;
};

/** The scenario of a simulated site, as its runbook has chosen it. */
export function definitionOf(choice: ScenarioChoice, { disks, spoolBytesMax, ...given }: Given): ScenarioDefinition {
  const { switchover, fence = 'device', speculation = true, times, assuredRecovery, schedule } = choice;
  return {
    ...given,
    name: 'web-server',
    master: { host: 'master', port: masterPort, guardPort, disks },
    appliance: { host: 'appliance', port: 25_000, vmName: 'appliance' },
    hypervisor: {
      host: 'esxi',
      port: 443,
      user: 'root',
      secretName: 'esxi',
      certificateSha256: '0'.repeat(64),
      datastore: 'datastore1',
    },
    substituteVm: {
      name: 'web-double',
      cpus: 2,
      memoryMiB: 512,
      nicMapping: {
        highAvailability: [{ network: 'VM Network' }],
        assuredRecovery: assuredRecovery === undefined ? [] : [{ network: testNetwork }],
      },
    },
    isAlive: times?.isAlive ?? isAliveDefaults,
    switchover,
    speculation,
    fence: { ...fenceOf(fence), ...(times && { timing: times.timing }) },
    runAfterReboot: true,
    syncMethod: 'volumeLevel',
    ...(assuredRecovery === undefined ? {} : { assuredRecovery }),
    ...(schedule === undefined ? {} : { schedule }),
    spool: { spoolBytesMax },
  };
}

/** What a scenario of this site is fenced with: the guide's own times, in which the safe wait has its place. */
function fenceOf(kind: NonNullable<ScenarioChoice['fence']>): ScenarioDefinition['fence'] {
  const common = { timing: leaseTimingDefaults, productionAddresses: [productionAddress] };
  if (kind === 'none') return common;
  const witness = { host: 'witness', port: 25_000 };
  if (kind === 'lease') return { ...common, witness };
  const device = {
    kind: 'redfish' as const,
    host: 'bmc',
    port: 443,
    user: 'root',
    secretName: 'bmc',
    certificateSha256: '0'.repeat(64),
    systemId: '1',
  };
  return { ...common, witness, device };
}
