import type { Intent } from './intent.ts';

/**
 * Takes the master's power away from outside: its BMC, or the hypervisor of a master that is a VM. Off counts only when
 * it was read back. Faults: `badCredentials` (never tried again), `untrustedCertificate`, `unreachable`, `notFound`,
 * `fenceDeviceRefused`, `timedOut` and `effectUnknown` with the effect unknown.
 */
export interface FenceDevice {
  /** Reads the power and who it is; changes nothing. */
  describe(): Promise<{ readonly power: 'on' | 'off' | 'unknown'; readonly identity: string }>;
  /** Resolves only after the power was read back as off. Off already is success. */
  powerOff(intent: Intent): Promise<void>;
  close(): Promise<void>;
}
