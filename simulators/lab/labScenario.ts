import type { HostAddress, LeaseTiming, MasterDisk, SwitchoverMode } from '#machines/vocabulary.ts';
import type { LabNetwork } from './network.ts';
import type { Device } from './parts.ts';

export const substituteVmName = 'kagemusha-double';
/** Who may log on at the ESXi simulator and at the BMC; the passwords are stored under the names of the parts. */
export const account = { user: 'root', password: 'lab-Kagemusha-1' };

/** What proves that the master is off: its BMC, or nobody but the operator. */
export type LabFence = 'device' | 'none';

export type LabScenario = {
  readonly name: string;
  readonly switchover: SwitchoverMode;
  readonly isAlive: { readonly heartbeatMs: number; readonly timeoutMs: number };
  readonly speculation?: boolean;
  readonly fence?: LabFence;
};

/** Short, so that a demonstration is: every lease has lapsed, and the master is off its network, 3.7 s after the last. */
const timing: LeaseTiming = {
  renewMs: 500,
  leaseMs: 2_000,
  guardPollMs: 100,
  guardRestartMs: 1_000,
  watchdogMs: 0,
  actuationMs: 500,
  roundTripMs: 500,
  driftPpm: 5_000,
  marginMs: 100,
};

export type LabPlaces = {
  readonly guard: HostAddress;
  readonly witness: HostAddress | undefined;
  readonly esxi: Device;
  readonly bmc: Device;
  readonly network: LabNetwork | undefined;
};

/** A scenario for this lab, as one would send it to `/api/scenarios`. */
export function labScenario(scenario: LabScenario, disks: readonly MasterDisk[], places: LabPlaces): unknown {
  const { name, switchover, isAlive, speculation = true, fence = 'device' } = scenario;
  const { guard, witness, esxi, bmc, network } = places;
  const { user } = account;
  return {
    name,
    master: { guardPort: guard.port, disks },
    appliance: { vmName: 'appliance' },
    hypervisor: {
      ...esxi.at,
      user,
      secretName: 'esxi',
      certificateSha256: esxi.certificateSha256,
      datastore: 'datastore1',
    },
    substituteVm: {
      name: substituteVmName,
      cpus: 2,
      memoryMiB: 512,
      nicMapping: { highAvailability: [{ network: 'VM Network' }] },
    },
    isAlive,
    switchover,
    speculation,
    fence: {
      timing,
      productionAddresses: network ? [network.production] : [],
      ...(fence === 'device' && witness
        ? {
            witness,
            device: {
              kind: 'redfish',
              ...bmc.at,
              user,
              secretName: 'bmc',
              certificateSha256: bmc.certificateSha256,
              systemId: '1',
            },
          }
        : {}),
    },
    spool: { spoolBytesMax: 256 * 2 ** 20 },
  };
}
