import { spawn } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type ConnectionOptions } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { createAuthority, issue } from '#engine/adapters/network/certificateAuthority.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { networkContract } from './suite.ts';

const host = '127.0.0.1';
const authority = await createAuthority('Kagemusha test authority');
const applianceIdentity = await issue(authority, { commonName: 'appliance', hosts: ['localhost', host] });
const masterIdentity = await issue(authority, { commonName: 'master', hosts: [] });
const other = await createAuthority('Kagemusha test authority');
const strangerIdentity = await issue(other, { commonName: 'stranger', hosts: [host] });

const appliance = new TlsNetwork(applianceIdentity);
const master = new TlsNetwork(masterIdentity);
const drive = <Value>(promise: Promise<Value>): Promise<Value> => promise;
const bench = { appliance, master, host, drive };

/** Accepts TCP and says nothing. */
async function mute(): Promise<{ port: number; end: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  const port = await listening(server);
  return {
    port,
    end: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

networkContract('TlsNetwork', async () => {
  const silent = await mute();
  return {
    ...bench,
    clock: new SystemClock(),
    stranger: new TlsNetwork(strangerIdentity),
    silent: { host, port: silent.port },
    end: silent.end,
  };
});

describe('TLS', () => {
  const outcomeOf = (port: number, options: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const socket = connectTls({ host, port, ca: authority.certPem, ...options });
      socket.on('data', (bytes) => resolve(`answered ${bytes.toString('hex')}`));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on('close', () => resolve('closed'));
    });
  const shown = { cert: masterIdentity.certPem, key: masterIdentity.keyPem };

  test('a client without TLS 1.3 is refused, one with it is welcome', async () => {
    let accepted = 0;
    const listener = await appliance.listen({ host, port: 0 }, (connection) => {
      accepted++;
      connection.close();
    });
    const old = await outcomeOf(listener.port, { ...shown, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    expect(old).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(accepted).toBe(0);
    expect(await outcomeOf(listener.port, shown)).toBe('answered 01');
    expect(accepted).toBe(1);
    await listener.close();
  });

  test('a client without a certificate, or with one it signed itself, is refused', async () => {
    let accepted = 0;
    const listener = await appliance.listen({ host, port: 0 }, () => accepted++);
    expect(await outcomeOf(listener.port, {})).toBe('answered 00');
    const own = { cert: strangerIdentity.certPem, key: strangerIdentity.keyPem };
    expect(await outcomeOf(listener.port, own)).toBe('answered 00');
    expect(accepted).toBe(0);
    await listener.close();
  });

  test('a server without TLS 1.3 is unreachable, and is shown nothing', async () => {
    const server = createTlsServer({
      cert: applianceIdentity.certPem,
      key: applianceIdentity.keyPem,
      maxVersion: 'TLSv1.2',
    });
    server.on('tlsClientError', () => {});
    const port = await listening(server);
    await expect(master.connect({ host, port })).rejects.toMatchObject({ fault: { code: 'unreachable' } });
    server.close();
  });

  test('a certificate of the right authority for another host is untrusted, told with its fingerprint', async () => {
    const elsewhere = await issue(authority, { commonName: 'elsewhere', hosts: ['192.0.2.1', 'elsewhere.example'] });
    const listener = await new TlsNetwork(elsewhere).listen({ host, port: 0 }, () => {});
    const { fingerprint256 } = new X509Certificate(elsewhere.certPem);
    await expect(master.connect({ host, port: listener.port })).rejects.toMatchObject({
      fault: {
        code: 'untrustedCertificate',
        params: { host: `${host}:${listener.port}`, fingerprint: fingerprint256 },
      },
    });
    await listener.close();
  });

  test('noise on the port, and half a handshake, hurt nobody else', async () => {
    const listener = await appliance.listen({ host, port: 0 }, () => {});
    const noise = connectTcp(listener.port, host);
    noise.on('error', () => {});
    noise.write('GET / HTTP/1.1\r\n\r\n');
    noise.resume();
    await once(noise, 'close');
    const half = connectTcp(listener.port, host);
    await once(half, 'connect');
    half.resetAndDestroy();
    const connection = await master.connect({ host, port: listener.port });
    expect(connection.peer).toBe('appliance');
    connection.close();
    await listener.close();
  });

  test('a process that is killed: the other side hears of it, once', async () => {
    const code = `
      import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
      const network = new TlsNetwork(JSON.parse(process.env.IDENTITY));
      const listener = await network.listen({ host: '${host}', port: 0 }, () => {});
      console.log(listener.port);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code], {
      cwd: new URL('../../..', import.meta.url).pathname,
      env: { ...process.env, IDENTITY: JSON.stringify(applianceIdentity) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [port] = (await once(child.stdout, 'data')) as [Buffer];
      const connection = await master.connect({ host, port: Number(port.toString()) });
      const reasons: string[] = [];
      const ended = new Promise<void>((resolve) => connection.onClosed((reason) => resolve(void reasons.push(reason))));
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await Promise.all([ended, exited]);
      connection.close();
      await expect(connection.send(Uint8Array.of(1))).rejects.toMatchObject({ fault: { code: 'unreachable' } });
      expect(reasons).toHaveLength(1);
      await expect(master.connect({ host, port: Number(port.toString()) })).rejects.toMatchObject({
        fault: { code: 'unreachable', params: { reason: 'ECONNREFUSED' } },
      });
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('the authority', () => {
  test('issues what it says: names, hosts, both directions, signed by it', () => {
    const certificate = new X509Certificate(applianceIdentity.certPem);
    const root = new X509Certificate(authority.certPem);
    expect(certificate.subject).toBe('CN=appliance');
    expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect([certificate.ca, root.ca]).toEqual([false, true]);
    expect([certificate.verify(root.publicKey), certificate.checkIssued(root)]).toEqual([true, true]);
    expect(certificate.checkPrivateKey(createPrivateKey(applianceIdentity.keyPem))).toBe(true);
    expect(root.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  test('an authority of the same name and another key has signed nothing of ours', () => {
    const certificate = new X509Certificate(applianceIdentity.certPem);
    expect(certificate.verify(new X509Certificate(other.certPem).publicKey)).toBe(false);
  });

  test('a name with commas and equals signs stays one name', async () => {
    const strange = await issue(authority, { commonName: 'a, O=b+CN=c', hosts: [] });
    expect(new X509Certificate(strange.certPem).toLegacyObject().subject.CN).toBe('a, O=b+CN=c');
  });
});
