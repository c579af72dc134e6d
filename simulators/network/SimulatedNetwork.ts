import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Connection, Listener, Network } from '#machines/parties/network.ts';
import type { Random } from '#machines/parties/random.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import { SimulatedConnection } from './simulatedConnection.ts';

export type NetworkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** One way, each piece; default 1. */
  readonly latencyMs?: number;
  /** Up to this much more, by chance: connections overtake each other; default 0. */
  readonly jitterMs?: number;
  /** Bytes on the way or unread before `send` holds its caller back; default 256 KiB. */
  readonly windowBytes?: number;
  /** Pieces arrive cut at places the seed chooses; default true. */
  readonly stutter?: boolean;
};

export type HostIdentity = {
  /** Name in the host's certificate; default the host's name. */
  readonly certificateName?: string;
  /** Who signed it; sides with different authorities refuse each other. Default `site`. */
  readonly authority?: string;
};

const connectTimeoutMsDefault = 5_000;
const firstFreePort = 49_152;
const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/**
 * The site's network in memory: one object a site, one `host` view a process. Everything that happens takes virtual
 * time on the clock handed in. What is on the way while a link is cut arrives after it is healed, as with TCP.
 */
export class SimulatedNetwork {
  readonly #options: Required<NetworkOptions>;
  readonly #listeners = new Map<string, SimulatedListener>();
  readonly #connections = new Set<SimulatedConnection>();
  readonly #views = new Set<HostView>();
  readonly #cuts = new Set<string>();
  readonly #poweredOff = new Set<string>();
  readonly #routeListeners = new Set<() => void>();
  readonly #frozen = new Set<string>();
  readonly #slow = new Map<string, number>();

  constructor(options: NetworkOptions) {
    this.#options = { latencyMs: 1, jitterMs: 0, windowBytes: 256 * 1024, stutter: true, ...options };
  }

  /** The network as a new process on this host has it. */
  host(name: string, identity: HostIdentity = {}): Network {
    const view = new HostView(this, name, {
      certificateName: identity.certificateName ?? name,
      authority: identity.authority ?? 'site',
    });
    this.#views.add(view);
    return view;
  }

  /** Told after any change of what `passes`; returns the cancellation. For models that do not want to poll. */
  onRouteChange(listen: () => void): () => void {
    this.#routeListeners.add(listen);
    return () => this.#routeListeners.delete(listen);
  }

  /** Nothing passes between the two hosts, in either direction. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** Nothing passes from one host to the other; the way back stays open. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(route(from, to));
    this.#tellRoutes();
  }

  /** Ends cuts: of these two hosts, of everything with one host, or all. What waited arrives now. */
  heal(a?: string, b?: string): void {
    for (const cut of this.#cuts) {
      const ends = cut.split('→');
      if ((a === undefined || ends.includes(a)) && (b === undefined || ends.includes(b))) this.#cuts.delete(cut);
    }
    for (const connection of this.#connections) connection.routeHealed();
    this.#tellRoutes();
  }

  /** Ends one cut in one direction. */
  healOneWay(from: string, to: string): void {
    this.#cuts.delete(route(from, to));
    for (const connection of this.#connections) connection.routeHealed();
    this.#tellRoutes();
  }

  /** From now on each piece takes this much longer one way; 0 ends it. What is on the way keeps its order. */
  slow(from: string, to: string, extraMs: number): void {
    if (extraMs > 0) this.#slow.set(route(from, to), extraMs);
    else this.#slow.delete(route(from, to));
  }

  /** Every connection between the two hosts breaks: both ends hear of it, neither knows what had arrived. */
  reset(a: string, b: string): void {
    for (const connection of this.#connections)
      if ((connection.host === a && connection.remote === b) || (connection.host === b && connection.remote === a))
        connection.break('ECONNRESET');
  }

  /** The whole machine stands still: nothing reaches it and it says nothing, until `thaw`. */
  freeze(name: string): void {
    this.#frozen.add(name);
    this.#tellRoutes();
  }

  thaw(name: string): void {
    this.#frozen.delete(name);
    for (const view of this.#views) if (view.name === name) view.wake();
    for (const connection of this.#connections) connection.routeHealed();
    this.#tellRoutes();
  }

  /** One process is stopped (`SIGSTOP`): its host's kernel goes on accepting and keeping what comes in. */
  freezeProcess(process: Network): void {
    if (process instanceof HostView) process.stopped = true;
  }

  thawProcess(process: Network): void {
    if (!(process instanceof HostView)) return;
    process.stopped = false;
    process.wake();
  }

  /**
   * `kill -9` of the processes on a host, or of one of them: its listeners and connections vanish and its views stay
   * silent for ever. The host's kernel lives on and closes the connections, so peers hear of it one latency later,
   * unless the way is cut.
   */
  kill(name: string, process?: Network): void {
    this.#endProcesses(name, (connection) => connection.vanish('tellPeer'), process);
  }

  /** The host loses its power: peers hear nothing at all, and connecting to it times out, until `powerOn`. */
  powerOff(name: string): void {
    this.#poweredOff.add(name);
    this.#endProcesses(name, (connection) => connection.vanish('silently'));
    this.#tellRoutes();
  }

  /** Peers that still hold a connection of before learn on their next send that it is gone. */
  powerOn(name: string): void {
    this.#poweredOff.delete(name);
    for (const connection of this.#connections) connection.routeHealed();
    this.#tellRoutes();
  }

  /** Whether bytes pass this way now. */
  passes(from: string, to: string): boolean {
    if (this.#poweredOff.size > 0 && (this.#poweredOff.has(from) || this.#poweredOff.has(to))) return false;
    if (this.#frozen.size > 0 && (this.#frozen.has(from) || this.#frozen.has(to))) return false;
    return this.#cuts.size === 0 || !this.#cuts.has(route(from, to));
  }

  #tellRoutes(): void {
    for (const listen of this.#routeListeners) listen();
  }

  isFrozen(name: string): boolean {
    return this.#frozen.has(name);
  }

  /** How long a piece takes this way, milliseconds. */
  latencyMs(from: string, to: string): number {
    const { latencyMs, jitterMs, random } = this.#options;
    const extraMs = this.#slow.size === 0 ? 0 : (this.#slow.get(route(from, to)) ?? 0);
    return latencyMs + extraMs + (jitterMs === 0 ? 0 : random.integer(Math.ceil(jitterMs * 1000)) / 1000);
  }

  #endProcesses(name: string, end: (connection: SimulatedConnection) => void, process?: Network): void {
    const dying = new Set<HostView>();
    for (const view of this.#views)
      if (view.name === name && (process === undefined || view === process)) dying.add(view);
    for (const view of dying) {
      view.dead = true;
      this.#views.delete(view);
    }
    for (const [key, { view }] of this.#listeners) if (dying.has(view)) this.#listeners.delete(key);
    for (const connection of this.#connections) if (dying.has(connection.process as HostView)) end(connection);
  }

  /** @internal */
  listen(view: HostView, address: HostAddress, accept: (connection: Connection) => void): Listener {
    let port = address.port;
    if (port === 0) for (port = firstFreePort; this.#listeners.has(place(view.name, port));) port++;
    const key = place(view.name, port);
    if (this.#listeners.has(key)) throw new PartyFault('portInUse', { port });
    const listener = new SimulatedListener(view, port, accept, () => {
      if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
    });
    this.#listeners.set(key, listener);
    return listener;
  }

  /** @internal */
  async connect(view: HostView, address: HostAddress, timeoutMs = connectTimeoutMsDefault): Promise<Connection> {
    const { clock } = this.#options;
    const host = isLoopback(address.host) ? view.name : address.host;
    const at = `${address.host}:${address.port}`;
    const startNs = clock.monotonicNs();
    const refuse = (reason: string): Promise<never> =>
      view.dead ? never() : Promise.reject(new PartyFault('unreachable', { host: at, reason }));
    const timeOut = async (): Promise<never> => {
      await clock.sleep(timeoutMs - Number(clock.monotonicNs() - startNs) / 1e6);
      return refuse('ETIMEDOUT');
    };
    const [thereMs, backMs] = [this.latencyMs(view.name, host), this.latencyMs(host, view.name)];
    if (!this.#roundTripPasses(view.name, host) || thereMs + backMs > timeoutMs) return timeOut();
    await clock.sleep(thereMs);
    if (!this.#roundTripPasses(view.name, host)) return timeOut();
    const listener = this.#listeners.get(place(host, address.port));
    const trusted = listener?.view.identity.authority === view.identity.authority;
    const near = listener !== undefined && trusted && !view.dead ? this.#join(view, listener) : undefined;
    await clock.sleep(backMs);
    if (!this.passes(host, view.name)) {
      near?.close();
      return timeOut();
    }
    if (listener === undefined) return refuse('ECONNREFUSED');
    if (view.dead || near === undefined) {
      if (view.dead) return never();
      throw new PartyFault('untrustedCertificate', { host: at, fingerprint: listener.view.identity.authority });
    }
    return near;
  }

  #roundTripPasses(from: string, to: string): boolean {
    return this.passes(from, to) && this.passes(to, from);
  }

  /** Makes both ends of a connection, hands the far one to the listener and gives the near one. */
  #join(near: HostView, listener: SimulatedListener): SimulatedConnection {
    const end = (self: HostView, peer: HostView): SimulatedConnection =>
      new SimulatedConnection({
        ...this.#options,
        host: self.name,
        remote: peer.name,
        process: self,
        peer: peer.identity.certificateName,
        passes: () => this.passes(self.name, peer.name),
        latencyMs: () => this.latencyMs(self.name, peer.name),
        ended: (connection) => this.#connections.delete(connection),
      });
    const nearEnd = end(near, listener.view);
    const farEnd = end(listener.view, near);
    nearEnd.other = farEnd;
    farEnd.other = nearEnd;
    this.#connections.add(nearEnd).add(farEnd);
    listener.accept(farEnd);
    return nearEnd;
  }
}

class HostView implements Network {
  readonly name: string;
  readonly identity: Required<HostIdentity>;
  dead = false;
  stopped = false;
  readonly onThaw: (() => void)[] = [];
  readonly #network: SimulatedNetwork;

  constructor(network: SimulatedNetwork, name: string, identity: Required<HostIdentity>) {
    this.#network = network;
    this.name = name;
    this.identity = identity;
  }

  get frozen(): boolean {
    return this.stopped || this.#network.isFrozen(this.name);
  }

  /** Goes on with what came in meanwhile, unless something else still holds it. */
  wake(): void {
    if (this.frozen) return;
    for (const goOn of this.onThaw.splice(0)) goOn();
  }

  listen(address: HostAddress, accept: (connection: Connection) => void): Promise<Listener> {
    if (this.dead) return never();
    return Promise.resolve().then(() => this.#network.listen(this, address, accept));
  }

  connect(address: HostAddress, options: { readonly timeoutMs?: number } = {}): Promise<Connection> {
    if (this.dead) return never();
    return this.#network.connect(this, address, options.timeoutMs).finally(() => this.#awake());
  }

  /** An answer reaches a process only while it runs. */
  #awake(): Promise<void> | undefined {
    return this.frozen ? new Promise((resolve) => this.onThaw.push(resolve)) : undefined;
  }
}

class SimulatedListener implements Listener {
  readonly view: HostView;
  readonly port: number;
  readonly accept: (connection: Connection) => void;
  readonly #remove: () => void;

  constructor(view: HostView, port: number, accept: (connection: Connection) => void, remove: () => void) {
    this.view = view;
    this.port = port;
    this.accept = accept;
    this.#remove = remove;
  }

  async close(): Promise<void> {
    this.#remove();
  }
}

const route = (from: string, to: string): string => `${from}→${to}`;
const place = (host: string, port: number): string => `${host}:${port}`;
const isLoopback = (host: string): boolean => host === 'localhost' || host === '127.0.0.1' || host === '::1';
