import { createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { connectPinned, fetchFingerprint } from '#engine/adapters/pinnedConnection.ts';
import { fingerprint, makeCertificate } from '#simulators/hypervisor/soap/certificate.ts';

type Listener = { readonly port: number; readonly sha256: string; received(): string; close(): Promise<void> };

/** TLS and nothing above it: keeps every byte that a client writes. */
async function listen(): Promise<Listener> {
  const certificate = await makeCertificate('host.test', Date.now());
  const parts: Buffer[] = [];
  const server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (socket) => {
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sha256: fingerprint(certificate.certPem, 'sha256'),
    received: () => Buffer.concat(parts).toString('utf8'),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

let genuine: Listener;
let impostor: Listener;
beforeEach(async () => {
  genuine = await listen();
  impostor = await listen();
});
afterEach(async () => {
  await genuine.close();
  await impostor.close();
});

test('the pinned certificate is trusted, however the fingerprint is written', async () => {
  const withColons = genuine.sha256.toUpperCase().replace(/..(?=.)/g, '$&:');
  const socket = await connectPinned({ host: '127.0.0.1', port: genuine.port }, withColons, 5000);
  expect(socket.writable).toBe(true);
  socket.destroy();
});

test('another certificate is refused with the fingerprint that was seen', async () => {
  const answer = connectPinned({ host: '127.0.0.1', port: impostor.port }, genuine.sha256, 5000);
  await expect(answer).rejects.toMatchObject({
    fault: {
      code: 'untrustedCertificate',
      effect: 'none',
      params: { host: '127.0.0.1', fingerprint: impostor.sha256 },
    },
  });
});

test('an impostor gets neither the password nor anything else', async () => {
  const hypervisor = new EsxiHypervisor({
    host: '127.0.0.1',
    port: impostor.port,
    user: 'root',
    password: 'very-secret',
    certificateSha256: genuine.sha256,
    clock: new SystemClock(),
  });
  await expect(hypervisor.inspect()).rejects.toMatchObject({ fault: { code: 'untrustedCertificate' } });
  await hypervisor.close();
  expect(impostor.received()).toBe('');
});

test('the fingerprint can be fetched for an operator to pin, sending nothing', async () => {
  expect(await fetchFingerprint('127.0.0.1', genuine.port)).toBe(genuine.sha256);
  expect(genuine.received()).toBe('');
});

test('a host that is not there is unreachable, with no effect', async () => {
  const { port } = genuine;
  await genuine.close();
  await expect(fetchFingerprint('127.0.0.1', port)).rejects.toMatchObject({
    fault: { code: 'unreachable', effect: 'none', params: { reason: 'ECONNREFUSED' } },
  });
  genuine = await listen();
});
