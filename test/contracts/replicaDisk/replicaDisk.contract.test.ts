import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { VmdkReplicaDisks } from '#engine/adapters/replicaDisk/VmdkReplicaDisks.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedReplicaDisks } from '#simulators/replicaDisk/SimulatedReplicaDisks.ts';
import { replicaDiskContract } from './suite.ts';

const cleanUps: (() => void)[] = [];
afterAll(() => {
  for (const cleanUp of cleanUps.toReversed()) cleanUp();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kagemusha-replica-disk-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A flat extent under a name as udev gives it. */
function attachExtent(folder: string, wwn: string, bytes: number): string {
  const extent = join(folder, `${wwn}-flat.vmdk`);
  writeFileSync(extent, '');
  truncateSync(extent, bytes);
  symlinkSync(extent, join(folder, `wwn-0x${wwn}`));
  return extent;
}

function attachLoop(folder: string, wwn: string, bytes: number): string {
  const extent = join(folder, `${wwn}.img`);
  writeFileSync(extent, '');
  truncateSync(extent, bytes);
  const device = execFileSync('losetup', ['--find', '--show', extent], { encoding: 'utf8' }).trim();
  cleanUps.push(() => execFileSync('losetup', ['--detach', device]));
  symlinkSync(device, join(folder, `wwn-0x${wwn}`));
  return device;
}

function loopsWork(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    attachLoop(temporaryFolder(), 'f'.repeat(32), 1024 * 1024);
    return true;
  } catch {
    return false;
  }
}

replicaDiskContract('SimulatedReplicaDisks', () => {
  const disks = new SimulatedReplicaDisks();
  return {
    disks,
    attach: async (wwn, bytes) => {
      const blocks = disks.attach(wwn, bytes);
      return { allocatedBytes: () => blocks.allocatedBytes };
    },
  };
});
replicaDiskContract('VmdkReplicaDisks on flat extents', () => {
  const folder = temporaryFolder();
  return {
    disks: new VmdkReplicaDisks({ diskFolder: folder }),
    attach: async (wwn, bytes) => {
      const extent = attachExtent(folder, wwn, bytes);
      return { allocatedBytes: () => statSync(extent).blocks * 512 };
    },
  };
});

const loops = loopsWork();
if (loops) {
  replicaDiskContract(
    'VmdkReplicaDisks on block devices',
    () => {
      const folder = temporaryFolder();
      return {
        disks: new VmdkReplicaDisks({ diskFolder: folder }),
        attach: async (wwn, bytes) => {
          attachLoop(folder, wwn, bytes);
          return { allocatedBytes: () => 0 };
        },
      };
    },
    { sparse: false },
  );
}

describe('replica disks of this machine', () => {
  test('another process is refused while one holds the disk, and let in once that is killed', async () => {
    const folder = temporaryFolder();
    const wwn = 'a'.repeat(32);
    const locator = { wwn, expectBytes: 65_536 };
    attachExtent(folder, wwn, 65_536);
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module-typescript',
        '--eval',
        `import { VmdkReplicaDisks } from '#engine/adapters/replicaDisk/VmdkReplicaDisks.ts';
         const disks = new VmdkReplicaDisks({ diskFolder: ${JSON.stringify(folder)} });
         globalThis.disk = await disks.open(${JSON.stringify(locator)});
         console.log('open');
         setInterval(() => {}, 1000);`,
      ],
      { cwd: new URL('../../..', import.meta.url).pathname, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    cleanUps.push(() => holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    const disks = new VmdkReplicaDisks({ diskFolder: folder });
    await expect(disks.open(locator)).rejects.toMatchObject({
      fault: { code: 'replicaDiskUnproven', params: { reason: 'open already' } },
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const disk = await disks.open(locator);
    await disk.close();
  });

  test('two names of one disk are one disk', async () => {
    const folder = temporaryFolder();
    const extent = attachExtent(folder, 'b'.repeat(32), 4096);
    symlinkSync(extent, join(folder, `wwn-0x${'c'.repeat(32)}`));
    const disks = new VmdkReplicaDisks({ diskFolder: folder });
    const disk = await disks.open({ wwn: 'b'.repeat(32), expectBytes: 4096 });
    await expect(disks.open({ wwn: 'c'.repeat(32), expectBytes: 4096 })).rejects.toMatchObject({
      fault: { code: 'replicaDiskUnproven' },
    });
    await disk.close();
  });

  test.runIf(loops)('a mounted block device is refused', async () => {
    const folder = temporaryFolder();
    const wwn = 'd'.repeat(32);
    const device = attachLoop(folder, wwn, 16 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', device]);
    const mountPoint = temporaryFolder();
    execFileSync('mount', [device, mountPoint]);
    const disks = new VmdkReplicaDisks({ diskFolder: folder });
    try {
      await expect(disks.open({ wwn, expectBytes: 16 * 1024 * 1024 })).rejects.toMatchObject({
        fault: { code: 'replicaDiskUnproven', params: { reason: 'EBUSY' } },
      });
    } finally {
      execFileSync('umount', [mountPoint]);
    }
  });
});

describe('replica disks in memory', () => {
  test('a power cut may take back what was not flushed, block by block, and nothing else', async () => {
    const survivors = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disks = new SimulatedReplicaDisks();
      const blocks = disks.attach('w', 65_536);
      const disk = await disks.open({ wwn: 'w', expectBytes: 65_536 });
      await disk.write(0, new Uint8Array(8192).fill(1));
      await disk.flush();
      await disk.write(0, new Uint8Array(8192).fill(2));
      await disk.zero(4096, 4096);
      blocks.losePower(new SimulatedRandom(seed));
      survivors.add([blocks.read(0, 1)[0], blocks.read(4096, 1)[0]].join());
    }
    expect([...survivors].sort()).toEqual(['1,0', '1,1', '2,0', '2,1']);
  });

  test('a killed opener writes nothing any more, and the next one may open', async () => {
    const disks = new SimulatedReplicaDisks();
    const blocks = disks.attach('w', 4096);
    const dead = await disks.open({ wwn: 'w', expectBytes: 4096 });
    disks.killOpeners();
    void dead.write(0, Uint8Array.of(1));
    const disk = await disks.open({ wwn: 'w', expectBytes: 4096 });
    expect([disks.isOpen('w'), blocks.read(0, 1)[0]]).toEqual([true, 0]);
    await disk.close();
    expect(disks.isOpen('w')).toBe(false);
  });

  test('a detached disk says so, and a full datastore too', async () => {
    const disks = new SimulatedReplicaDisks();
    const blocks = disks.attach('w', 65_536);
    const disk = await disks.open({ wwn: 'w', expectBytes: 65_536 });
    blocks.allocatedBytesMax = 4096;
    await disk.write(0, Uint8Array.of(1));
    await expect(disk.write(8192, Uint8Array.of(1))).rejects.toMatchObject({ fault: { code: 'diskFull' } });
    disks.detach('w');
    await expect(disk.write(0, Uint8Array.of(1))).rejects.toMatchObject({ fault: { code: 'replicaDiskUnproven' } });
  });
});
