import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Signs the certificates of one installation's engines and control. All fields are PEM. */
export type CertificateAuthority = { readonly certPem: string; readonly keyPem: string };
/** What one side shows and trusts. All fields are PEM; `keyPem` is a secret. */
export type Identity = { readonly caPem: string; readonly certPem: string; readonly keyPem: string };

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
const keyLabel = 'PRIVATE KEY';
const dayMs = 24 * 60 * 60 * 1000;
const authorityDays = 3650;
const identityDays = 825;

/** Makes an authority of its own: an ECDSA P-256 key and a self-signed certificate, valid ten years. */
export async function createAuthority(name: string): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: distinguishedName(name),
    keys,
    signingAlgorithm,
    ...validFor(authorityDays),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await keyToPem(keys.privateKey) };
}

/**
 * Issues an identity for both directions of TLS. `commonName` is the name peers see; `hosts` are the names and IP
 * addresses at which others connect to it.
 */
export async function issue(
  authority: CertificateAuthority,
  subject: { readonly commonName: string; readonly hosts: readonly string[] },
): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const issuer = new X509Certificate(authority.certPem);
  const names = subject.hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
  const certificate = await X509CertificateGenerator.create({
    subject: distinguishedName(subject.commonName),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await keyFromPem(authority.keyPem),
    signingAlgorithm,
    ...validFor(identityDays),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { caPem: authority.certPem, certPem: certificate.toString('pem'), keyPem: await keyToPem(keys.privateKey) };
}

/** As an array: a name with a comma or an equals sign stays one name. */
function distinguishedName(commonName: string): { CN: string[] }[] {
  return [{ CN: [commonName] }];
}

/** A day of grace backwards: the clocks of two hosts are never quite the same. */
function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - dayMs), notAfter: new Date(now + days * dayMs) };
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), keyLabel);
}

async function keyFromPem(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), keyAlgorithm, false, ['sign']);
}
