import type { Clock } from '#machines/parties/clock.ts';
import type { Master } from '#machines/parties/master.ts';
import type { Connection, Listener, Network } from '#machines/parties/network.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import { acceptSession } from '#engine/protocol/session.ts';
import type { Handlers } from '#engine/protocol/session.ts';

export type EngineOptions = {
  readonly node: string;
  readonly listen: HostAddress;
  readonly clock: Clock;
  readonly network: Network;
  /** This engine's own when not given. */
  readonly version?: string;
  /** The host this engine runs on, when it may be a master. */
  readonly master?: Master;
  /** What the roles of this engine answer. */
  readonly handlers: readonly Handlers[];
};

/** One program for every role: it listens on 25000 and answers for the roles its composition root gave it. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #sessions = new Set<{ close(reason?: string): void }>();
  #listener: Listener | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** The port in use. Faults: `portInUse`. */
  async start(): Promise<number> {
    const handlers: Handlers = Object.assign({}, this.#hostHandlers(), ...this.#options.handlers);
    this.#listener = await this.#options.network.listen(
      this.#options.listen,
      (connection) => void this.#accept(connection, handlers),
    );
    return this.#listener.port;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.close('the engine stops');
    await this.#listener?.close();
  }

  async #accept(connection: Connection, handlers: Handlers): Promise<void> {
    const { clock, node, version } = this.#options;
    try {
      const session = await acceptSession(connection, {
        clock,
        node,
        handlers,
        ...(version === undefined ? {} : { version }),
      });
      this.#sessions.add(session);
      session.onClosed(() => this.#sessions.delete(session));
    } catch {
      // The peer was told why it is refused; one bad caller is no trouble of this engine.
    }
  }

  #hostHandlers(): Handlers {
    const { clock, master } = this.#options;
    const ping: Handlers = { 'host.ping': () => ({ nowMs: clock.nowMs() }) };
    if (!master) return ping;
    return { ...ping, 'host.describe': () => master.describe() };
  }
}
