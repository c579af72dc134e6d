import { Agent, request } from 'node:https';
import type { ClientRequestArgs, IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { PartyFault } from '#machines/faults.ts';
import { connectPinned } from './pinnedConnection.ts';
import type { TlsAddress } from './pinnedConnection.ts';

export type WireRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Whether a lost answer may hide an effect. */
  readonly mutating: boolean;
  /** Held open by the host until something changes: kept off the sockets that calls need. */
  readonly longPoll?: boolean;
};
export type WireResponse = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

const responseBytesMax = 64 * 1024 * 1024;
const connectTimeoutMs = 10_000;
/** Hosts drop whole products above 128 connections; a scenario needs a handful. */
const socketsMax = 4;
const longPollSocketsMax = 4;

/** Connections reach HTTP only when the certificate is the pinned one. */
class PinnedAgent extends Agent {
  readonly #address: TlsAddress;
  readonly #certificateSha256: string;

  constructor(address: TlsAddress, certificateSha256: string, maxSockets: number) {
    super({ keepAlive: true, maxSockets });
    this.#address = address;
    this.#certificateSha256 = certificateSha256;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    connectPinned(this.#address, this.#certificateSha256, connectTimeoutMs).then(
      (socket) => callback?.(null, socket),
      // Node's own contract: with an error there is no socket.
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    );
  }
}

/** HTTPS to one host, nothing about what is said: sockets, time limits, and what a lost answer means. */
export class PinnedHttps {
  readonly #address: TlsAddress;
  readonly #calls: PinnedAgent;
  readonly #longPolls: PinnedAgent;

  constructor(address: TlsAddress, certificateSha256: string) {
    this.#address = address;
    this.#calls = new PinnedAgent(address, certificateSha256, socketsMax);
    this.#longPolls = new PinnedAgent(address, certificateSha256, longPollSocketsMax);
  }

  /**
   * One exchange. Faults: `unreachable` (nothing was sent, or nothing that matters), `untrustedCertificate`,
   * `effectUnknown` (a mutating request went out and its answer was lost).
   */
  async exchange(wanted: WireRequest): Promise<WireResponse> {
    try {
      return await this.#once(wanted);
    } catch (error) {
      // An idle socket that the host closed meanwhile: nothing is wrong, and a question may be asked twice.
      if (error instanceof StaleSocket && !wanted.mutating) return this.#asFault(this.#once(wanted), wanted);
      throw this.#faultOf(error, wanted);
    }
  }

  /** Closes every socket; what is under way is lost. */
  close(): void {
    this.#calls.destroy();
    this.#longPolls.destroy();
  }

  async #asFault(exchange: Promise<WireResponse>, wanted: WireRequest): Promise<WireResponse> {
    try {
      return await exchange;
    } catch (error) {
      throw this.#faultOf(error, wanted);
    }
  }

  #faultOf(error: unknown, { mutating }: WireRequest): PartyFault {
    if (error instanceof PartyFault) return error;
    const { host } = this.#address;
    if (mutating) return new PartyFault('effectUnknown', { host });
    return new PartyFault('unreachable', { host, reason: error instanceof Error ? error.message : String(error) });
  }

  #once({ method, path, headers, body, timeoutMs, longPoll }: WireRequest): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          method,
          path,
          host: this.#address.host,
          port: this.#address.port,
          agent: longPoll === true ? this.#longPolls : this.#calls,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
          signal: AbortSignal.timeout(timeoutMs),
        },
        (incoming) => {
          const parts: Buffer[] = [];
          let bytes = 0;
          incoming.on('data', (part: Buffer) => {
            bytes += part.length;
            if (bytes > responseBytesMax) incoming.destroy(new Error(`answer above ${responseBytesMax} bytes`));
            parts.push(part);
          });
          incoming.on('error', reject);
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: Buffer.concat(parts).toString('utf8'),
            }),
          );
        },
      );
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        reject(outgoing.reusedSocket && error.code === 'ECONNRESET' ? new StaleSocket(error.message) : error);
      });
      outgoing.end(body);
    });
  }
}

class StaleSocket extends Error {}
