import type { TLSSocket } from 'node:tls';
import { PartyFault } from '#machines/faults.ts';
import type { Connection } from '#machines/parties/network.ts';

/** Bytes that wait in this process for the socket before `send` holds its caller back. */
const windowBytes = 1024 * 1024;
/** How long a closed connection may still hand over what was sent before. */
const farewellMs = 2_000;

type Waiter = { readonly resolve: () => void; readonly reject: (fault: PartyFault) => void };

/** One authenticated TLS socket as a `Connection`. */
export class TlsConnection implements Connection {
  readonly peer: string;
  readonly #socket: TLSSocket;
  readonly #address: string;
  readonly #waiters: Waiter[] = [];
  #taken = false;
  #paused = false;
  #closed: ((reason: string) => void) | undefined;
  #closedReason: string | undefined;
  #errorReason: string | undefined;

  constructor(socket: TLSSocket, peer: string) {
    this.#socket = socket;
    this.peer = peer;
    this.#address = `${socket.remoteAddress ?? peer}:${socket.remotePort ?? 0}`;
    socket.on('drain', () => {
      for (const waiter of this.#waiters.splice(0)) waiter.resolve();
    });
    socket.on('error', (error) => {
      this.#errorReason = 'code' in error ? String(error.code) : error.message;
    });
    socket.once('end', () => {
      this.#errorReason ??= 'closed by the peer';
    });
    socket.once('close', () => this.#end(this.#errorReason ?? 'closed by the peer'));
    if (socket.destroyed) this.#end('closed by the peer');
  }

  send(...pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#closedReason !== undefined) return Promise.reject(this.#unreachable('none'));
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
    if (this.#socket.writableLength < windowBytes || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  onBytes(take: (bytes: Uint8Array) => void): void {
    if (this.#taken) throw new Error('onBytes is set exactly once');
    this.#taken = true;
    this.#socket.on('data', (bytes: Buffer) => {
      if (this.#closedReason === undefined) take(bytes);
    });
    if (!this.#paused) this.#socket.resume();
  }

  onClosed(closed: (reason: string) => void): void {
    if (this.#closed !== undefined) throw new Error('onClosed is set exactly once');
    this.#closed = closed;
    if (this.#closedReason !== undefined) closed(this.#closedReason);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    // Without a taker the bytes would be lost.
    if (this.#taken) this.#socket.resume();
  }

  close(reason = 'closed'): void {
    if (this.#closedReason !== undefined) return;
    this.#end(reason);
    this.#socket.end();
    // What the peer still sends is read and dropped: bytes left unread would turn the end into a reset, which can
    // overtake our last words, such as the reason of a refusal.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), farewellMs).unref();
  }

  #end(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#unreachable('unknown'));
    this.#closed?.(reason);
  }

  #unreachable(effect: 'none' | 'unknown'): PartyFault {
    return new PartyFault('unreachable', { host: this.#address, reason: this.#closedReason ?? 'closed' }, effect);
  }
}
