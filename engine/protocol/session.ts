import type { Fault } from '#machines/faults.ts';
import { fault, faultTable, PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Connection } from '#machines/parties/network.ts';
import type { Frame } from './frame.ts';
import { decodeJson, encodeHeader, encodeJson, FrameDecoder, frameTypes, makeFrame } from './frame.ts';
import type { HelloPurpose, RequestName, Requests } from './messages.ts';
import { engineVersion } from './messages.ts';

/** What a handler knows of the one who asks. */
export type Caller = {
  readonly session: Session;
  readonly purpose: HelloPurpose;
  /** The name it gave itself; `session.peer` is the one in its certificate. */
  readonly node: string;
};
export type Handlers = {
  readonly [Name in RequestName]?: (
    params: Requests[Name]['params'],
    caller: Caller,
  ) => Requests[Name]['result'] | Promise<Requests[Name]['result']>;
};

export type SessionOptions = {
  readonly clock: Clock;
  /** How this side calls itself. */
  readonly node: string;
  readonly version?: string;
  /** Requests that this side answers. */
  readonly handlers?: Handlers;
};

/** A connection whose first frame does not come is closed: it holds no engine. */
const firstFrameMs = 2_000;
/** The dialling side waits longer: the other may be at work. */
const welcomeMs = 10_000;
const requestTimeoutMs = 10_000;

/**
 * Speaks first on a connection that this side dialled.
 * Faults: `versionMismatch`, `unreachable` (closed before the answer), `timedOut`, `protocolError`.
 */
export async function openSession(
  connection: Connection,
  options: SessionOptions & { readonly purpose: HelloPurpose },
): Promise<Session> {
  const { node, purpose, version = engineVersion } = options;
  const session = new Session(connection, options, (answer) => {
    if (answer.type !== frameTypes.welcome && answer.type !== frameTypes.refused) {
      throw protocolError(connection, 'the first frame is neither WELCOME nor REFUSED');
    }
    const theirs = decodeJson(answer.payload, connection.peer);
    checkVersion(connection, theirs['version'], version);
    if (answer.type === frameTypes.refused) throw faultOf(theirs['fault']);
    return { node: String(theirs['node']), purpose };
  });
  session.send(makeFrame(frameTypes.hello, { payload: encodeJson({ version, node, purpose }) })).catch(() => {});
  await session.greeting(welcomeMs, 'WELCOME');
  return session;
}

/**
 * Answers on a connection that came in. A peer of another version is told so before the connection is closed.
 * Faults: the same, and `timedOut` when the first frame does not come within 2 s.
 */
export async function acceptSession(connection: Connection, options: SessionOptions): Promise<Session> {
  const { node, version = engineVersion } = options;
  const session = new Session(connection, options, (hello) => {
    try {
      if (hello.type !== frameTypes.hello) throw protocolError(connection, 'the first frame is not HELLO');
      const theirs = decodeJson(hello.payload, connection.peer);
      checkVersion(connection, theirs['version'], version);
      const purpose = theirs['purpose'];
      if (purpose !== 'control' && purpose !== 'engine' && purpose !== 'data') {
        throw protocolError(connection, 'HELLO has an unknown purpose');
      }
      session.send(makeFrame(frameTypes.welcome, { payload: encodeJson({ version, node }) })).catch(() => {});
      return { node: String(theirs['node']), purpose };
    } catch (thrown) {
      const refusal = encodeJson({ version, node, fault: toFault(thrown) });
      session.send(makeFrame(frameTypes.refused, { payload: refusal })).catch(() => {});
      throw thrown;
    }
  });
  await session.greeting(firstFrameMs, 'HELLO');
  return session;
}

type Pending = {
  readonly settle: (answer: Readonly<Record<string, unknown>>) => void;
  readonly fail: (why: PartyFault) => void;
};

/** Both sides of a greeted connection: requests in either direction, and data frames between them. */
export class Session {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #handlers: Handlers;
  readonly #pending = new Map<number, Pending>();
  readonly #closedListeners: ((reason: string) => void)[] = [];
  readonly #greet: (first: Frame) => { readonly node: string; readonly purpose: HelloPurpose };
  #greeting: { readonly done: () => void; readonly fail: (why: PartyFault) => void } | undefined;
  #refused: PartyFault | undefined;
  #caller: Caller | undefined;
  #takeFrame: ((frame: Frame) => void) | undefined;
  #nextRequest = 1;
  #closedReason: string | undefined;
  #ownReason: string | undefined;

  /** `greet` judges the first frame, at once, because the next one may be in the same piece. */
  constructor(
    connection: Connection,
    options: SessionOptions,
    greet: (first: Frame) => { readonly node: string; readonly purpose: HelloPurpose },
  ) {
    this.#connection = connection;
    this.#clock = options.clock;
    this.#handlers = options.handlers ?? {};
    this.#greet = greet;
    const decoder = new FrameDecoder(connection.peer);
    connection.onBytes((bytes) => {
      if (this.closed || this.#refused) return;
      try {
        decoder.push(bytes, (frame) => this.#receive(frame));
      } catch (thrown) {
        this.fail(toFault(thrown));
      }
    });
    connection.onClosed((reason) => this.#ended(this.#ownReason ?? reason));
  }

  /** Name in the peer's certificate. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** Name the peer gave itself. */
  get node(): string {
    return this.#caller?.node ?? this.peer;
  }

  get purpose(): HelloPurpose | undefined {
    return this.#caller?.purpose;
  }

  get closed(): boolean {
    return this.#closedReason !== undefined;
  }

  /** Resolves when both sides know each other; closes the connection when they do not get that far. */
  greeting(timeoutMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#refused) return reject(this.#refused);
      if (this.#caller) return resolve();
      if (this.#closedReason !== undefined) return reject(this.#lost(this.#closedReason));
      const stopTimer = this.#clock.after(timeoutMs, () => this.#refuse(new PartyFault('timedOut', { what }, 'none')));
      this.#greeting = {
        done: () => (stopTimer(), resolve()),
        fail: (why) => (stopTimer(), reject(why)),
      };
    });
  }

  /**
   * Asks the other side. Faults: what its handler threw, `timedOut`, and `unreachable` with the effect unknown when the
   * connection ends before the answer.
   */
  async request<Name extends RequestName>(
    name: Name,
    params: Requests[Name]['params'],
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Requests[Name]['result']> {
    if (this.#closedReason !== undefined) throw this.#lost(this.#closedReason, 'none');
    const id = this.#nextRequest;
    this.#nextRequest += 1;
    const answer = new Promise<Readonly<Record<string, unknown>>>((settle, fail) => {
      const stopTimer = this.#clock.after(options.timeoutMs ?? requestTimeoutMs, () => {
        this.#pending.delete(id);
        fail(new PartyFault('timedOut', { what: name }));
      });
      this.#pending.set(id, {
        settle: (value) => (stopTimer(), settle(value)),
        fail: (why) => (stopTimer(), fail(why)),
      });
    });
    const sent = this.send(makeFrame(frameTypes.request, { sequence: id, payload: encodeJson({ name, params }) }));
    sent.catch((thrown: unknown) =>
      this.#take(id)?.fail(new PartyFault('unreachable', toFault(thrown).params, 'unknown')),
    );
    const value = await answer;
    if (value['fault'] !== undefined) throw faultOf(value['fault']);
    return value['result'] as Requests[Name]['result'];
  }

  /** Sends one frame; resolves when more may be sent. Faults: `unreachable`. */
  async send(frame: Frame): Promise<void> {
    const header = encodeHeader(frame);
    await (frame.payload.length === 0 ? this.#connection.send(header) : this.#connection.send(header, frame.payload));
  }

  /** Sends frames that are encoded already, as a spool holds them. Faults: `unreachable`. */
  async sendEncoded(...pieces: readonly Uint8Array[]): Promise<void> {
    await this.#connection.send(...pieces);
  }

  /** Who takes the frames that are neither request nor response. Without one they are a protocol error. */
  onFrame(take: (frame: Frame) => void): void {
    this.#takeFrame = take;
  }

  /** Called once when the session has ended, with the reason; at once when it has ended already. */
  onClosed(listener: (reason: string) => void): void {
    if (this.#closedReason !== undefined) listener(this.#closedReason);
    else this.#closedListeners.push(listener);
  }

  /** Back-pressure towards the peer. */
  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  /** Ends the session with a fault that the other side is told. */
  fail(value: Fault): void {
    if (this.closed) return;
    this.send(makeFrame(frameTypes.error, { payload: encodeJson({ fault: value }) })).catch(() => {});
    this.#refuse(new PartyFault(value.code, value.params, value.effect));
  }

  close(reason = 'closed'): void {
    this.#ownReason ??= reason;
    this.#connection.close(reason);
  }

  #receive(frame: Frame): void {
    if (!this.#caller) return this.#receiveFirst(frame);
    if (frame.type === frameTypes.request) return void this.#answer(frame);
    if (frame.type === frameTypes.response) {
      this.#take(frame.sequence)?.settle(decodeJson(frame.payload, this.peer));
      return;
    }
    if (!this.#takeFrame) {
      if (frame.type === frameTypes.error || frame.type === frameTypes.bye) return this.close('closed by the peer');
      throw protocolError(this.#connection, `nobody waits for a frame of type ${frame.type}`);
    }
    this.#takeFrame(frame);
  }

  #receiveFirst(frame: Frame): void {
    try {
      this.#caller = { session: this, ...this.#greet(frame) };
      this.#greeting?.done();
    } catch (thrown) {
      const { code, params, effect } = toFault(thrown);
      this.#refuse(new PartyFault(code, params, effect));
    }
  }

  #refuse(why: PartyFault): void {
    this.#refused = why;
    this.#greeting?.fail(why);
    this.close(why.fault.code);
  }

  async #answer(frame: Frame): Promise<void> {
    let answer: { readonly result: unknown } | { readonly fault: Fault };
    try {
      const { name, params } = decodeJson(frame.payload, this.peer);
      const handler =
        typeof name === 'string' && Object.hasOwn(this.#handlers, name)
          ? this.#handlers[name as RequestName]
          : undefined;
      if (!handler || !this.#caller) throw new PartyFault('notFound', { object: `request ${String(name)}` });
      if (typeof params !== 'object' || params === null)
        throw protocolError(this.#connection, 'a request has no params');
      // The name picks both the handler and the type of its params: one row of `Requests`.
      answer = { result: await (handler as (params: object, caller: Caller) => unknown)(params, this.#caller) };
    } catch (thrown) {
      answer = { fault: toFault(thrown) };
    }
    const response = makeFrame(frameTypes.response, { sequence: frame.sequence, payload: encodeJson(answer) });
    await this.send(response).catch(() => {});
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #ended(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    const lost = this.#lost(reason);
    this.#greeting?.fail(lost);
    for (const id of this.#pending.keys()) this.#take(id)?.fail(lost);
    for (const listener of this.#closedListeners.splice(0)) listener(reason);
  }

  #lost(reason: string, effect: 'none' | 'unknown' = 'unknown'): PartyFault {
    return new PartyFault('unreachable', { host: this.peer, reason }, effect);
  }
}

function checkVersion(connection: Connection, theirs: unknown, ours: string): void {
  if (theirs !== ours) throw new PartyFault('versionMismatch', { peer: connection.peer, theirs: String(theirs), ours });
}

function protocolError(connection: Connection, reason: string): PartyFault {
  return new PartyFault('protocolError', { peer: connection.peer, reason });
}

/** A fault that came over the wire: only codes of our table, with plain values, get through. */
export function faultOf(value: unknown): PartyFault {
  if (typeof value !== 'object' || value === null)
    return new PartyFault('internal', { reason: 'a fault without a code' });
  const { code, params, effect } = value as Partial<Fault>;
  if (typeof code !== 'string' || !Object.hasOwn(faultTable, code)) {
    return new PartyFault('internal', { reason: `unknown fault ${String(code)}` });
  }
  const plain = Object.entries(params ?? {}).filter(([, item]) => typeof item === 'string' || typeof item === 'number');
  const known = effect === 'none' || effect === 'failed' || effect === 'unknown' ? effect : fault(code).effect;
  return new PartyFault(code, Object.fromEntries(plain), known);
}
