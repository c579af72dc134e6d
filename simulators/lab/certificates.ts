import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { CertificateAuthority } from '#engine/adapters/network/certificateAuthority.ts';
import { createAuthority, issue } from '#engine/adapters/network/certificateAuthority.ts';

/** Paths of PEM files; the key's is readable by its owner only. */
export type IdentityFiles = { readonly ca: string; readonly cert: string; readonly key: string };
export type LabRole = 'master' | 'appliance' | 'control';
export type LabCertificates = Readonly<Record<LabRole, IdentityFiles>>;

const roles: readonly LabRole[] = ['master', 'appliance', 'control'];
const hosts = ['localhost', '127.0.0.1'];

/**
 * The lab's own authority and one identity for each of its parts, in `certificates/` under the lab's folder.
 * Made once; a folder that has them keeps them.
 */
export async function labCertificates(folder: string): Promise<LabCertificates> {
  const home = join(folder, 'certificates');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const complete = join(home, 'complete');
  if ((await readIfPresent(complete)) === undefined) {
    const authority = await createAuthority('Kagemusha lab');
    await writePem(join(home, 'ca.pem'), authority.certPem);
    for (const role of roles) await issueFor(role, home, authority);
    await writePem(complete, '');
  }
  return { master: filesOf('master', home), appliance: filesOf('appliance', home), control: filesOf('control', home) };
}

async function issueFor(role: LabRole, home: string, authority: CertificateAuthority): Promise<void> {
  const identity = await issue(authority, { commonName: role, hosts: [role, ...hosts] });
  const files = filesOf(role, home);
  await writePem(files.cert, identity.certPem);
  await writePem(files.key, identity.keyPem);
}

const filesOf = (role: LabRole, home: string): IdentityFiles => ({
  ca: join(home, 'ca.pem'),
  cert: join(home, `${role}.pem`),
  key: join(home, `${role}.key.pem`),
});

/** Aside and renamed: a file that exists is whole. */
async function writePem(path: string, pem: string): Promise<void> {
  await writeFile(`${path}.new`, pem, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

const readIfPresent = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);
