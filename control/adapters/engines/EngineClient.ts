import type { RequestName, Requests } from '#engine/protocol/messages.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Session } from '#engine/protocol/session.ts';
import { faultText, PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Network } from '#machines/parties/network.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { EngineConnection, EngineParty } from '#control/scenarios/engineParty.ts';

const connectTimeoutMs = 5_000;
const retryMsMin = 250;
const retryMsMax = 5_000;
const pingMs = 3_000;

/** Keeps one session to an engine on port 25000, and makes it again with growing pauses when it ends. */
export class EngineClient implements EngineParty {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #address: HostAddress;
  readonly #node: string;
  readonly #listeners = new Set<(connection: EngineConnection) => void>();
  #connection: EngineConnection;
  #session: Session | undefined;
  #retryMs = retryMsMin;
  #cancelTimer = (): void => {};
  #closed = false;

  constructor(parties: {
    readonly network: Network;
    readonly clock: Clock;
    readonly address: HostAddress;
    readonly node?: string;
  }) {
    this.#network = parties.network;
    this.#clock = parties.clock;
    this.#address = parties.address;
    this.#node = parties.node ?? 'control';
    this.#connection = { address: parties.address, state: 'connecting', sinceMs: parties.clock.nowMs() };
    void this.#connect();
  }

  async request<Name extends RequestName>(
    name: Name,
    params: Requests[Name]['params'],
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Requests[Name]['result']> {
    if (this.#session === undefined) throw this.#notConnected();
    return await this.#session.request(name, params, options);
  }

  connection(): EngineConnection {
    return this.#connection;
  }

  onConnection(changed: (connection: EngineConnection) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#listeners.clear();
    this.#session?.close('control is closing');
    this.#session = undefined;
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#network.connect(this.#address, { timeoutMs: connectTimeoutMs });
      const session = await openSession(connection, { clock: this.#clock, purpose: 'control', node: this.#node });
      if (this.#closed) return session.close('control is closing');
      this.#session = session;
      this.#retryMs = retryMsMin;
      this.#become('connected');
      session.onClosed((reason) => this.#lost(session, reason));
      this.#pingLater(session);
    } catch (thrown) {
      this.#failed(faultText(toFault(thrown), 'en'));
    }
  }

  /** A peer that lost its power says nothing: only a question without an answer tells. */
  #pingLater(session: Session): void {
    if (session.closed || this.#closed) return;
    this.#cancelTimer = this.#clock.after(pingMs, () => {
      session.request('host.ping', {}, { timeoutMs: pingMs }).then(
        () => this.#pingLater(session),
        (thrown: unknown) => {
          // Any answer, even a refusal, is a sign of life.
          if (toFault(thrown).code === 'timedOut') session.close(`no answer within ${pingMs} ms`);
          else this.#pingLater(session);
        },
      );
    });
  }

  #lost(session: Session, reason: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#cancelTimer();
    this.#failed(reason);
  }

  #failed(reason: string): void {
    if (this.#closed) return;
    this.#become('disconnected', reason);
    this.#cancelTimer = this.#clock.after(this.#retryMs, () => void this.#connect());
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }

  #become(state: EngineConnection['state'], reason?: string): void {
    const sinceMs = state === this.#connection.state ? this.#connection.sinceMs : this.#clock.nowMs();
    this.#connection = { address: this.#address, state, sinceMs, ...(reason === undefined ? {} : { reason }) };
    for (const changed of this.#listeners) changed(this.#connection);
  }

  #notConnected(): PartyFault {
    const { host, port } = this.#address;
    const reason = this.#connection.reason ?? 'not connected yet';
    return new PartyFault('unreachable', { host: `${host}:${port}`, reason }, 'none');
  }
}
