import type { HostAddress, IsAliveChecks, MasterDescription } from '#machines/vocabulary.ts';

/**
 * The master as the appliance reaches it over port 25000. Watching yields facts: `master.silent` once two heartbeats
 * in a row stayed without reply, `master.heard` when one is answered again. With checks also `master.unwell`
 * {check, evidence} when a living master answers that one of them fails, and `master.well` when all are good again; a
 * check that could not be made tells nothing.
 * Faults: `unreachable`, `versionMismatch`, `untrustedCertificate`, `timedOut`.
 */
export interface RemoteMaster {
  describe(at: HostAddress): Promise<MasterDescription>;
  /**
   * Starts the heartbeat (guide 8-4); watching already is success, and tells again when the master is unwell. Each
   * heartbeat waits 2 s for its reply; the checks are made by the master's engine, each with its own time.
   */
  watch(at: HostAddress & { readonly heartbeatMs: number; readonly checks?: IsAliveChecks }): Promise<void>;
  unwatch(): Promise<void>;
  /**
   * The second, independent look before anything irreversible: new connections to engine and guard, nothing reused.
   * Only silence of both counts as `silent`. A refused connection, TLS or version trouble, or a guard beside a dead
   * engine are life.
   */
  look(at: HostAddress & { readonly guardPort: number }): Promise<{
    readonly alive: boolean;
    readonly evidence: string;
  }>;
}
