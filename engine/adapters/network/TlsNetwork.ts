import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { PartyFault } from '#machines/faults.ts';
import type { Connection, Listener, Network } from '#machines/parties/network.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { Identity } from './certificateAuthority.ts';
import { TlsConnection } from './tlsConnection.ts';

const connectTimeoutMsDefault = 5_000;
const handshakeTimeoutMs = 10_000;
/** Finds a peer that lost its power while nothing is sent; heartbeats find it sooner (guide 8-4). */
const keepAliveMs = 10_000;

/**
 * In TLS 1.3 a client has finished its handshake before the server has looked at the client's certificate. So the
 * listener says first whether it lets the other in, in one byte, and `connect` waits for it: both sides are
 * authenticated when it resolves, and a refusal has its reason.
 */
const welcome = 0x01;
const refused = 0x00;

/** Engines and control over TLS 1.3; both sides show a certificate of the installation's own authority. */
export class TlsNetwork implements Network {
  readonly #identity: Identity;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  listen(address: HostAddress, accept: (connection: Connection) => void): Promise<Listener> {
    const server = createServer({ ...this.#tlsOptions(), requestCert: true, handshakeTimeout: handshakeTimeoutMs });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      if (!socket.authorized) {
        socket.end(Buffer.of(refused));
        socket.resume();
        return;
      }
      tune(socket);
      socket.write(Buffer.of(welcome));
      accept(new TlsConnection(socket, commonNameOf(socket)));
    });
    // A failed handshake concerns the one who tried; a peer that vanishes in it must not end the process.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return new Promise((resolve, reject) => {
      server.on('error', (error) => reject(listenFault(error, address)));
      server.listen(address.port, address.host, () => resolve(listenerOf(server, address.port)));
    });
  }

  connect(address: HostAddress, options: { readonly timeoutMs?: number } = {}): Promise<Connection> {
    const host = `${address.host}:${address.port}`;
    const unreachable = (reason: string): PartyFault => new PartyFault('unreachable', { host, reason });
    return new Promise((resolve, reject) => {
      const socket = connect({ ...this.#tlsOptions(), host: address.host, port: address.port });
      const fail = (fault: PartyFault): void => {
        clearTimeout(timer);
        reject(fault);
        socket.destroy();
      };
      const timer = setTimeout(() => fail(unreachable('ETIMEDOUT')), options.timeoutMs ?? connectTimeoutMsDefault);
      const untrusted = (): void =>
        fail(new PartyFault('untrustedCertificate', { host, fingerprint: fingerprintOf(socket) }));
      socket.on('error', (error) => fail(unreachable(reasonOf(error))));
      const closedEarly = (): void => fail(unreachable('closed during the handshake'));
      socket.once('close', closedEarly);
      socket.once('secureConnect', () => (socket.authorized ? undefined : untrusted()));
      socket.on('readable', function greet(): void {
        const first = socket.authorized ? (socket.read(1) as Buffer | null) : null;
        if (first === null) return;
        socket.off('readable', greet);
        socket.off('close', closedEarly);
        if (first[0] !== welcome) {
          untrusted();
          return;
        }
        clearTimeout(timer);
        tune(socket);
        resolve(new TlsConnection(socket, commonNameOf(socket)));
      });
    });
  }

  #tlsOptions(): {
    ca: string;
    cert: string;
    key: string;
    minVersion: 'TLSv1.3';
    maxVersion: 'TLSv1.3';
    rejectUnauthorized: false;
  } {
    return {
      ca: this.#identity.caPem,
      cert: this.#identity.certPem,
      key: this.#identity.keyPem,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // Node still verifies and leaves the verdict in `authorized`, which both sides obey above: a socket that Node
      // destroys by itself can neither tell the peer why nor give the fingerprint of what was refused.
      rejectUnauthorized: false,
    };
  }
}

function listenerOf(server: Server, askedPort: number): Listener {
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : askedPort,
    // Not awaited until the last connection ends: those belong to whoever accepted them.
    close: async () => {
      server.close();
    },
  };
}

function tune(socket: TLSSocket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
}

function commonNameOf(socket: TLSSocket): string {
  const name: string | string[] | undefined = socket.getPeerCertificate().subject.CN;
  return (Array.isArray(name) ? name[0] : name) ?? '';
}

function fingerprintOf(socket: TLSSocket): string {
  const certificate = socket.getPeerCertificate() as { readonly fingerprint256?: string } | null;
  return certificate?.fingerprint256 ?? 'none';
}

function reasonOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}

function listenFault(error: Error, address: HostAddress): PartyFault {
  const reason = reasonOf(error);
  if (reason === 'EADDRINUSE') return new PartyFault('portInUse', { port: address.port });
  return new PartyFault('unreachable', { host: `${address.host}:${address.port}`, reason });
}
