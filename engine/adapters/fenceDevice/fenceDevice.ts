import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Hypervisor } from '#machines/parties/hypervisor.ts';
import type { FenceDeviceAddress } from '#machines/vocabulary.ts';
import { HypervisorFenceDevice } from './HypervisorFenceDevice.ts';
import { RedfishFenceDevice } from './RedfishFenceDevice.ts';

export type FenceDeviceParties = {
  readonly clock: Clock;
  /** Opens a connection that only this fence uses. */
  readonly hypervisor: (address: FenceDeviceAddress, password: string) => Hypervisor;
};

/**
 * The fence of an address. It remembers that its password was refused, so one object is kept for as long as address and
 * password stay the same: a new one tries again, and devices lock accounts.
 */
export function fenceDevice(address: FenceDeviceAddress, password: string, parties: FenceDeviceParties): FenceDevice {
  const { clock } = parties;
  const { host, port, user, certificateSha256 } = address;
  if (address.kind === 'redfish') {
    const { systemId } = address;
    return new RedfishFenceDevice({ host, port, user, password, certificateSha256, systemId, clock });
  }
  return new HypervisorFenceDevice({
    hypervisor: parties.hypervisor(address, password),
    host,
    vmName: address.vmName,
    clock,
  });
}
