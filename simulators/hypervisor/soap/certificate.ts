import { createHash, webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export type ServerCertificate = { readonly certPem: string; readonly keyPem: string };

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** A new self-signed certificate, as ESXi makes for itself when it is installed. */
export async function makeCertificate(hostName: string, nowMs: number): Promise<ServerCertificate> {
  const keys = await webcrypto.subtle.generateKey(signing, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
      name: `CN=${hostName}, O=Kagemusha ESXi simulator`,
      notBefore: new Date(nowMs - dayMs),
      notAfter: new Date(nowMs + 3650 * dayMs),
      signingAlgorithm: signing,
      keys,
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: hostName },
          { type: 'ip', value: '127.0.0.1' },
        ]),
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certPem: certificate.toString('pem'), keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

/** Lower-case hex of the leaf's DER. */
export function fingerprint(certPem: string, algorithm: 'sha256' | 'sha1'): string {
  const der = new x509.X509Certificate(certPem).rawData;
  return createHash(algorithm).update(Buffer.from(der)).digest('hex');
}
