import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { CertificateAuthority } from '#engine/adapters/network/certificateAuthority.ts';
import { createAuthority, issue } from '#engine/adapters/network/certificateAuthority.ts';

/** Paths of PEM files; the key's is readable by its owner only. */
export type IdentityFiles = { readonly ca: string; readonly cert: string; readonly key: string };
export type LabRole = 'master' | 'appliance' | 'control' | 'witness';
export type LabCertificates = Readonly<Record<LabRole, IdentityFiles>>;

const roles: readonly LabRole[] = ['master', 'appliance', 'control', 'witness'];
const loopback = ['localhost', '127.0.0.1'];

/**
 * The lab's own authority and one identity for each of its parts, in `certificates/` under the lab's folder.
 * Made once; a folder that has them keeps them. `hosts`: addresses the parts have beside loopback.
 */
export async function labCertificates(folder: string, hosts: readonly string[] = []): Promise<LabCertificates> {
  const home = join(folder, 'certificates');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const complete = join(home, 'complete');
  if ((await readIfPresent(complete)) === undefined) {
    const authority = await createAuthority('Kagemusha lab');
    await writePem(join(home, 'ca.pem'), authority.certPem);
    for (const role of roles) await issueFor(role, home, authority, hosts);
    await writePem(complete, '');
  }
  return Object.fromEntries(roles.map((role) => [role, filesOf(role, home)])) as LabCertificates;
}

async function issueFor(
  role: LabRole,
  home: string,
  authority: CertificateAuthority,
  hosts: readonly string[],
): Promise<void> {
  const identity = await issue(authority, { commonName: role, hosts: [role, ...loopback, ...hosts] });
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
