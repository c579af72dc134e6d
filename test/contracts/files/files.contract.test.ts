import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DiskFiles } from '#engine/adapters/files/DiskFiles.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { filesContract, fullVolumeContract } from './suite.ts';

const cleanUps: (() => void)[] = [];
afterAll(() => {
  for (const cleanUp of cleanUps.toReversed()) cleanUp();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kagemusha-files-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

filesContract('DiskFiles', async () => ({ files: new DiskFiles(), folder: temporaryFolder() }));
filesContract('SimulatedFiles', async () => ({ files: new SimulatedFiles(), folder: '/var/lib/kagemusha' }));

fullVolumeContract('SimulatedFiles', async () => ({
  files: new SimulatedFiles({ bytesMax: 100_000 }),
  folder: '/state',
  roomBytes: 100_000,
}));

const canMount = process.getuid?.() === 0 && existsSync('/proc/filesystems') && mountWorks();
describe.runIf(canMount)('a full volume', () => {
  fullVolumeContract('DiskFiles', async () => ({
    files: new DiskFiles(),
    folder: smallVolume(),
    roomBytes: 1_048_576,
  }));
});

function mountWorks(): boolean {
  const folder = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  }
}

function smallVolume(): string {
  const folder = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', folder]);
  cleanUps.push(() => execFileSync('umount', [folder]));
  return folder;
}

describe('files on a disk', () => {
  test('only the own user reads them', async () => {
    const folder = temporaryFolder();
    const files = new DiskFiles();
    await files.write(`${folder}/secrets/password`, new Uint8Array(3));
    await (await files.openLog(`${folder}/spool/1`)).close();
    const modes = ['secrets', 'secrets/password', 'spool/1'].map((path) => statSync(`${folder}/${path}`).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });
});

describe('files in memory', () => {
  test('a power cut keeps what was flushed and at most what was appended after', async () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const files = new SimulatedFiles();
      const log = await files.openLog('/log');
      await log.append(new Uint8Array(10).fill(1));
      await log.flush();
      await log.append(new Uint8Array(10).fill(2));
      const after = files.restart(new SimulatedRandom(seed));
      const bytes = (await after.read('/log')) ?? new Uint8Array(0);
      expect([...bytes.subarray(0, 10)]).toEqual(Array.from({ length: 10 }, () => 1));
      lengths.add(bytes.byteLength);
    }
    expect(Math.min(...lengths)).toBe(10);
    expect(Math.max(...lengths)).toBe(20);
  });

  test('a killed process loses nothing, and can do nothing any more', async () => {
    const files = new SimulatedFiles();
    const log = await files.openLog('/log');
    await log.append(new Uint8Array(10));
    const after = files.restart();
    expect(await after.read('/log')).toHaveLength(10);
    void log.append(new Uint8Array(10));
    void files.write('/late', new Uint8Array(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await after.read('/log')).toHaveLength(10);
    expect(await after.list('/')).toEqual(['log']);
  });
});
