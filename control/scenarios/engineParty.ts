import type { RequestName, Requests } from '#engine/protocol/messages.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

export type EngineConnection = {
  readonly address: HostAddress;
  readonly state: 'connected' | 'connecting' | 'disconnected';
  /** Wall clock of the last change of `state`. */
  readonly sinceMs: number;
  /** Why there is no connection; English, for the log and the tooltip. */
  readonly reason?: string;
};

/**
 * An engine on port 25000 as control sees it.
 * Faults of `request`: what the engine throws, and `unreachable` (effect none: the request was never sent) or
 * `timedOut` / `effectUnknown` (effect unknown: it was sent and the answer did not come).
 */
export interface EngineParty {
  request<Name extends RequestName>(
    name: Name,
    params: Requests[Name]['params'],
    options?: { readonly timeoutMs?: number },
  ): Promise<Requests[Name]['result']>;
  connection(): EngineConnection;
  /** Calls back at every change of the connection. Returns the cancellation. */
  onConnection(changed: (connection: EngineConnection) => void): () => void;
  close(): Promise<void>;
}
