import { PartyFault } from '#machines/faults.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { FenceDeviceAddress } from '#machines/vocabulary.ts';
import type { Secrets } from './Secrets.ts';

/**
 * One object for each fence device and password: it remembers that its password was refused, and devices lock accounts.
 */
export class FenceDevices {
  readonly #connect: (address: FenceDeviceAddress, password: string) => FenceDevice;
  readonly #secrets: Secrets;
  readonly #devices = new Map<string, FenceDevice>();

  constructor(connect: (address: FenceDeviceAddress, password: string) => FenceDevice, secrets: Secrets) {
    this.#connect = connect;
    this.#secrets = secrets;
  }

  /** Faults: `invalidSpec` without a stored password. */
  at(address: FenceDeviceAddress): FenceDevice {
    const key = JSON.stringify([address, this.#secrets.generation(address.secretName)]);
    const known = this.#devices.get(key);
    if (known) return known;
    const device = this.#connect(address, this.#secrets.get(address.secretName));
    this.#devices.set(key, device);
    return device;
  }

  async close(): Promise<void> {
    for (const device of this.#devices.values()) await device.close().catch(() => {});
  }
}

/** The fence of a scenario without a device: its chart asks nothing of it. */
export const noFenceDevice: FenceDevice = {
  describe: () => Promise.reject(new PartyFault('notFound', { object: 'fence.device' })),
  powerOff: () => Promise.reject(new PartyFault('notFound', { object: 'fence.device' })),
  close: () => Promise.resolve(),
};
