import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Connection } from '#machines/parties/network.ts';
import type { Random } from '#machines/parties/random.ts';

type Wiring = {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a piece that is sent now takes to the peer. */
  readonly latencyMs: () => number;
  readonly windowBytes: number;
  readonly stutter: boolean;
  /** Host this end is on. */
  readonly host: string;
  /** Host the other end is on. */
  readonly remote: string;
  /** The process this end belongs to, as it sees the network. */
  readonly process: { readonly frozen: boolean; readonly onThaw: (() => void)[] };
  /** Name in the peer's certificate. */
  readonly peer: string;
  /** Whether bytes pass from this end to the other now. */
  readonly passes: () => boolean;
  readonly ended: (connection: SimulatedConnection) => void;
};

/** What travels: bytes, or the last word of a side that closes. */
type Parcel =
  | { readonly bytes: Uint8Array; readonly dueNs: bigint }
  | { readonly last: string; readonly dueNs: bigint };
type Waiter = { readonly resolve: () => void; readonly reject: (fault: PartyFault) => void };

/** A piece is valid only during the call: whoever keeps it finds this in it. */
const poison = 0xdb;
const closedByPeer = 'closed by the peer';

/** One end. Its `#outbound` travels to the other end, which holds what it has not taken yet in `#inbound`. */
export class SimulatedConnection implements Connection {
  other: SimulatedConnection | undefined;
  readonly peer: string;
  readonly host: string;
  readonly remote: string;
  readonly process: Wiring['process'];
  readonly #wiring: Wiring;
  readonly #outbound: Parcel[] = [];
  readonly #inbound: Parcel[] = [];
  readonly #waiters: Waiter[] = [];
  #unreadBytes = 0;
  #state: 'open' | 'closed' | 'vanished' = 'open';
  #take: ((bytes: Uint8Array) => void) | undefined;
  #closed: ((reason: string) => void) | undefined;
  #closedReason: string | undefined;
  #paused = false;
  #underway = false;
  #handingOver = false;

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
    this.host = wiring.host;
    this.remote = wiring.remote;
    this.process = wiring.process;
    this.peer = wiring.peer;
  }

  send(...pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#state === 'vanished') return new Promise(() => {});
    if (this.#state === 'closed') return Promise.reject(this.#unreachable('none'));
    for (const piece of pieces) {
      if (piece.byteLength === 0) continue;
      this.#unreadBytes += piece.byteLength;
      this.#post({ bytes: new Uint8Array(piece), dueNs: this.#dueNs() });
    }
    if (this.#unreadBytes < this.#wiring.windowBytes) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  onBytes(take: (bytes: Uint8Array) => void): void {
    if (this.#take !== undefined) throw new Error('onBytes is set exactly once');
    this.#take = take;
    this.#handOverSoon();
  }

  onClosed(closed: (reason: string) => void): void {
    if (this.#closed !== undefined) throw new Error('onClosed is set exactly once');
    this.#closed = closed;
    if (this.#closedReason !== undefined) closed(this.#closedReason);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#handOverSoon();
  }

  /** What was sent before still arrives, then the peer hears of the end. */
  close(reason = 'closed'): void {
    if (this.#state !== 'open') return;
    this.#post({ last: closedByPeer, dueNs: this.#dueNs() });
    this.#end(reason);
  }

  /** The process of this end is gone: it hears nothing and says nothing any more. */
  vanish(how: 'tellPeer' | 'silently'): void {
    if (this.#state !== 'open') return;
    this.#state = 'vanished';
    this.#waiters.length = 0;
    this.#inbound.length = 0;
    this.#wiring.ended(this);
    if (how === 'tellPeer') this.#post({ last: 'ECONNRESET', dueNs: this.#dueNs() });
    else this.#outbound.length = 0;
  }

  /** Torn from outside: this end hears of it at once; nothing that is on the way arrives. */
  break(reason: string): void {
    this.#outbound.length = 0;
    if (this.process.frozen) this.process.onThaw.push(() => this.break(reason));
    else if (this.#state === 'open') this.#end(reason);
  }

  /** The way to the peer may be open again: what waited goes on. */
  routeHealed(): void {
    this.#travel();
    if (this.other !== undefined) this.other.#travel();
  }

  #dueNs(): bigint {
    return this.#wiring.clock.monotonicNs() + BigInt(Math.round(this.#wiring.latencyMs() * 1e6));
  }

  #post(parcel: Parcel): void {
    this.#outbound.push(parcel);
    if (this.#outbound.length === 1) this.#travel();
  }

  /** One timer, for the parcel in front, keeps the order. While the way is cut there is none, until it is healed. */
  #travel(): void {
    const [first] = this.#outbound;
    if (first === undefined || this.#underway || !this.#wiring.passes()) return;
    this.#underway = true;
    const waitNs = first.dueNs - this.#wiring.clock.monotonicNs();
    this.#wiring.clock.after(Number(waitNs) / 1e6, () => {
      this.#underway = false;
      if (!this.#wiring.passes()) return;
      const arrived = this.#outbound.shift();
      if (arrived !== undefined && this.other !== undefined) this.other.#arrived(arrived);
      this.#travel();
    });
  }

  #arrived(parcel: Parcel): void {
    if (this.#state === 'vanished') {
      // The kernel of a host whose process is gone answers bytes for nobody with a reset.
      if ('bytes' in parcel) this.#post({ last: 'ECONNRESET', dueNs: this.#dueNs() });
      return;
    }
    if (this.#state === 'closed') return;
    this.#inbound.push(parcel);
    this.#handOver();
  }

  #handOverSoon(): void {
    this.#wiring.clock.after(0, () => this.#handOver());
  }

  #handOver(): void {
    if (this.#handingOver) return;
    if (this.process.frozen) {
      this.process.onThaw.push(() => this.#handOverSoon());
      return;
    }
    this.#handingOver = true;
    try {
      for (let parcel = this.#inbound[0]; parcel !== undefined; parcel = this.#inbound[0]) {
        if (this.#state !== 'open') return;
        if ('last' in parcel) {
          this.#end(parcel.last);
          return;
        }
        if (this.#paused || this.#take === undefined) return;
        this.#inbound.shift();
        this.#handOverPiece(parcel, this.#take);
      }
    } finally {
      this.#handingOver = false;
    }
  }

  #handOverPiece(
    parcel: { readonly bytes: Uint8Array; readonly dueNs: bigint },
    take: (bytes: Uint8Array) => void,
  ): void {
    const { random, stutter } = this.#wiring;
    const length = stutter ? 1 + random.integer(parcel.bytes.byteLength) : parcel.bytes.byteLength;
    const rest = parcel.bytes.subarray(length);
    if (rest.byteLength > 0) this.#inbound.unshift({ bytes: rest, dueNs: parcel.dueNs });
    const piece = parcel.bytes.slice(0, length);
    take(piece);
    piece.fill(poison);
    if (this.other !== undefined) this.other.#read(length);
  }

  /** The peer took bytes of ours. */
  #read(bytes: number): void {
    this.#unreadBytes -= bytes;
    if (this.#unreadBytes >= this.#wiring.windowBytes) return;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  #end(reason: string): void {
    this.#state = 'closed';
    this.#closedReason = reason;
    this.#inbound.length = 0;
    this.#wiring.ended(this);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#unreachable('unknown'));
    this.#closed?.(reason);
  }

  #unreachable(effect: 'none' | 'unknown'): PartyFault {
    return new PartyFault('unreachable', { host: this.#wiring.remote, reason: this.#closedReason ?? 'closed' }, effect);
  }
}
