import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { PartyFault } from '#machines/faults.ts';

export type TlsAddress = { readonly host: string; readonly port: number };

/**
 * An encrypted socket to exactly the certificate that was pinned. Hosts sign their certificates themselves, so the
 * chain proves nothing; the SHA-256 of the leaf does, and it is compared before a byte is written. The comparison
 * stands in `secureConnect` because with `rejectUnauthorized: false` Node never calls `checkServerIdentity`.
 *
 * Faults: `unreachable`, `untrustedCertificate` (with the fingerprint seen), both with no effect.
 */
export async function connectPinned(
  address: TlsAddress,
  certificateSha256: string,
  timeoutMs: number,
): Promise<TLSSocket> {
  const socket = await connectUnverified(address, timeoutMs);
  const seen = fingerprintOf(socket);
  if (seen !== normalizeFingerprint(certificateSha256)) {
    socket.destroy();
    throw new PartyFault('untrustedCertificate', { host: address.host, fingerprint: seen });
  }
  return socket;
}

/** SHA-256 (64 lower-case hex digits) of the certificate a host shows, for an operator to pin. Sends nothing. */
export async function fetchFingerprint(host: string, port: number, timeoutMs = 10_000): Promise<string> {
  const socket = await connectUnverified({ host, port }, timeoutMs);
  const seen = fingerprintOf(socket);
  socket.destroy();
  return seen;
}

/** A fingerprint as people paste it (`AB:CD:…`, any case) in the one form that is compared. */
export const normalizeFingerprint = (text: string): string => text.replace(/[^0-9a-fA-F]/g, '').toLowerCase();

const fingerprintOf = (socket: TLSSocket): string => normalizeFingerprint(socket.getPeerCertificate().fingerprint256);

function connectUnverified({ host, port }: TlsAddress, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string): void => {
      socket.destroy();
      reject(new PartyFault('unreachable', { host, reason }));
    };
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const onError = (error: NodeJS.ErrnoException): void => refuse(error.code ?? error.message);
    const onTimeout = (): void => refuse('ETIMEDOUT');
    socket.once('error', onError);
    socket.setTimeout(timeoutMs, onTimeout);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('timeout', onTimeout);
      socket.off('error', onError);
      // Until HTTP listens, a reset must not end the process; HTTP hears of it by the closing.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
