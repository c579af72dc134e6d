import type { HostAddress } from '#machines/vocabulary.ts';

/**
 * Ordered byte streams between engines and control on TCP 25000, TLS 1.3, both sides authenticated.
 * Faults: `unreachable`, `portInUse`, `untrustedCertificate`.
 */
export interface Network {
  listen(address: HostAddress, accept: (connection: Connection) => void): Promise<Listener>;
  connect(address: HostAddress, options?: { readonly timeoutMs?: number }): Promise<Connection>;
}

export interface Listener {
  /** The port in use; told apart from the one asked for when that was 0. */
  readonly port: number;
  close(): Promise<void>;
}

export interface Connection {
  /** Name in the peer's certificate. */
  readonly peer: string;
  /** Sends in order. Resolves when the sender may send more (back-pressure). Rejects with `unreachable` once closed. */
  send(...pieces: readonly Uint8Array[]): Promise<void>;
  /** Bytes as they come, in pieces of any length; a piece is only valid during the call. Set exactly once. */
  onBytes(take: (bytes: Uint8Array) => void): void;
  /** Called once, whatever ended the connection; at once when it has ended already. */
  onClosed(closed: (reason: string) => void): void;
  /** Stops and restarts reading from the peer: back-pressure towards it. */
  pause(): void;
  resume(): void;
  close(reason?: string): void;
}
