import type { HostAddress, MasterDescription } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';

/**
 * The master as the appliance reaches it over port 25000. Watching yields facts: `master.silent` once two heartbeats
 * in a row stayed without reply, `master.heard` when one is answered again.
 * Faults: `unreachable`, `versionMismatch`, `untrustedCertificate`, `timedOut`.
 */
export interface RemoteMaster {
  describe(at: HostAddress): Promise<MasterDescription>;
  /** Starts the heartbeat (guide 8-4); watching already is success. Each heartbeat waits 2 s for its reply. */
  watch(at: HostAddress & { readonly heartbeatMs: number }): Promise<void>;
  unwatch(): Promise<void>;
  /**
   * The second, independent look before anything irreversible: new connections, nothing reused. TLS or version trouble
   * counts as alive: it is never taken for a dead master.
   */
  look(at: HostAddress): Promise<{ readonly alive: boolean; readonly evidence: string }>;
  /** Guide 10-2: takes the master off its network. */
  isolate(at: HostAddress, intent: Intent): Promise<void>;
}
