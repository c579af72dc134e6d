import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { run } from '#simulators/lab/command.ts';
import type { BootableDisk } from '#simulators/lab/bootableDisk.ts';
import { buildBootableDisk } from '#simulators/lab/bootableDisk.ts';
import type { GuestReport } from '#simulators/lab/guestReport.ts';
import { parseGuestReport } from '#simulators/lab/guestReport.ts';
import { attachLoop, cleanLoops, detachLoop, loopDevicesOf } from '#simulators/lab/loopDevice.ts';
import { canBoot, canBuildBootable, ensurePackages } from '#simulators/lab/packages.ts';
import { killLeftoverProcesses, startProcess } from '#simulators/lab/processes.ts';
import { lastWrite, writesThrough } from '#simulators/lab/workloadLog.ts';

const packages = await ensurePackages({ install: false });
const root = process.getuid?.() === 0;
const workloadScript = new URL('../../../simulators/lab/workload.ts', import.meta.url).pathname;
const reportWithinMs = 60_000;

/** Boots the disk as the ESXi simulator does, without changing it, and gives the first serial line once tools run. */
async function bootAndListen(image: string, folder: string): Promise<{ first: string; second: string }> {
  const [first, second] = [join(folder, 'serial0.log'), join(folder, 'serial1.log')];
  const machine = [
    '-accel',
    'tcg,thread=multi',
    '-cpu',
    'max',
    '-m',
    '512',
    '-smp',
    '2',
    '-nodefaults',
    '-no-user-config',
  ];
  const devices = [
    '-display',
    'none',
    '-no-reboot',
    '-serial',
    `file:${first}`,
    '-serial',
    `file:${second}`,
    '-device',
    'pvscsi,id=scsi0',
  ];
  const disk = [
    '-drive',
    `if=none,id=d0,format=raw,file=${image}`,
    '-device',
    'scsi-hd,bus=scsi0.0,drive=d0',
    '-snapshot',
  ];
  const qemu = spawn('qemu-system-x86_64', [...machine, ...devices, ...disk], { stdio: 'ignore' });
  const ended = new Promise((resolve) => qemu.once('close', resolve));
  try {
    const deadline = performance.now() + reportWithinMs;
    for (;;) {
      const texts = await Promise.all([first, second].map((path) => readFile(path, 'latin1').catch(() => '')));
      if (texts[1]?.includes('tools running') === true) return { first: texts[0] ?? '', second: texts[1] };
      if (performance.now() > deadline) throw new Error(`the guest stays silent:\n${texts.join('\n')}`);
      await sleep(50);
    }
  } finally {
    qemu.kill('SIGKILL');
    await ended;
  }
}

/** The workload's real process, for a while, ended by SIGTERM or by kill -9. */
async function writeFor(
  durationMs: number,
  how: 'stop' | 'kill',
  folder: string,
  image: string,
  disk: BootableDisk,
): Promise<string> {
  const device = await attachLoop(image);
  const log = join(folder, 'writes.log');
  try {
    const place = ['--offset', String(disk.workloadOffset), '--slots', String(disk.workloadSlots)];
    const args = ['--device', device, ...place, '--log', log, '--rate', '1000'];
    const workload = await startProcess({ name: 'workload', folder, script: workloadScript, args });
    await sleep(durationMs);
    await workload[how]();
  } finally {
    await detachLoop(device);
  }
  return readFile(log, 'utf8');
}

describe.skipIf(!canBuildBootable(packages) || !root)('a disk of the lab (needs root and Debian packages)', () => {
  let folder = '';
  let image = '';
  let applets = '';
  let disk: BootableDisk;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kagemusha-lab-'));
    image = join(folder, 'disk.img');
    applets = await mkdtemp(join(folder, 'busybox-'));
    await run('busybox', ['--install', '-s', applets]);
    // Few slots, so that the workload comes round and writes over its first records.
    disk = await buildBootableDisk(image, { packages, hostname: 'sakura', slots: 1024 });
  });

  afterAll(async () => {
    await killLeftoverProcesses(folder);
    await cleanLoops(folder);
    await rm(folder, { recursive: true, force: true });
  });

  /** The guest's own script, run by the guest's own busybox, on a copy of the disk with some damage. */
  async function verifyAfter(
    damage: (slot: (number: number) => number, bytes: Buffer) => void,
  ): Promise<GuestReport | undefined> {
    const bytes = await readFile(image);
    damage(
      (number) => disk.workloadOffset + (((number % disk.workloadSlots) * 10_007) % disk.workloadSlots) * 4096,
      bytes,
    );
    const copy = join(folder, 'damaged.img');
    const file = await open(copy, 'w');
    await file.write(bytes);
    await file.close();
    const script = new URL('../../../simulators/lab/guest/verifyRecords.sh', import.meta.url).pathname;
    const place = [copy, String(disk.workloadOffset / 2 ** 20), String(disk.workloadSlots)];
    return parseGuestReport(await run(join(applets, 'sh'), [script, ...place], { PATH: applets }));
  }

  it('keeps what the workload wrote, and the guest script finds every damage', async () => {
    expect(await verifyAfter(() => undefined)).toEqual({
      writes: 0,
      first: 0,
      last: 0,
      missing: 0,
      corrupt: 0,
      torn: 0,
    });
    const beforeNs = process.hrtime.bigint();
    const log = await writeFor(2000, 'stop', folder, image, disk);
    const last = lastWrite(log);
    expect(last).toBeGreaterThan(100);
    expect(writesThrough(log, beforeNs)).toBe(0);
    expect(writesThrough(log, process.hrtime.bigint())).toBe(last);

    const first = Math.max(1, last - 1023);
    const whole = { writes: last - first + 1, first, last, missing: 0, corrupt: 0, torn: 0 };
    expect(await verifyAfter(() => undefined)).toEqual(whole);
    // A slot of zeros, one flipped bit, a record in a foreign slot, a write that a power cut tore.
    expect(await verifyAfter((slot, bytes) => bytes.fill(0, slot(last - 5), slot(last - 5) + 4096))).toEqual({
      ...whole,
      writes: whole.writes - 1,
      missing: 1,
    });
    const flipped = await verifyAfter((slot, bytes) =>
      bytes.writeUInt8(bytes.readUInt8(slot(last - 7) + 2068) ^ 1, slot(last - 7) + 2068),
    );
    expect(flipped).toEqual({ ...whole, writes: whole.writes - 1, missing: 1, corrupt: 1 });
    const foreign = await verifyAfter((slot, bytes) =>
      bytes.copy(bytes, slot(last - 9), slot(last - 8), slot(last - 8) + 4096),
    );
    expect(foreign).toEqual({ ...whole, writes: whole.writes - 1, missing: 1, corrupt: 1 });
    const torn = await verifyAfter((slot, bytes) => bytes.fill(0, slot(last) + 1024, slot(last) + 4096));
    expect(torn).toEqual({ ...whole, writes: whole.writes - 1, last: last - 1, torn: 1 });
  });

  it('goes on after a kill -9 with the number after the highest on the disk', async () => {
    const before = await verifyAfter(() => undefined);
    const log = await writeFor(500, 'kill', folder, image, disk);
    const after = await verifyAfter(() => undefined);
    expect(await loopDevicesOf(folder)).toEqual([]);
    expect(before?.last).toBeGreaterThan(0);
    expect(log).toContain(`\n${(before?.last ?? 0) + 1} `);
    // Whatever the log calls durable is there; what the kill took from the log may be there as well.
    expect(after?.last).toBeGreaterThanOrEqual(lastWrite(log));
    expect({ missing: after?.missing, corrupt: after?.corrupt }).toEqual({ missing: 0, corrupt: 0 });
  });

  it('holds the workload alone when the machine has no kernel to boot', async () => {
    const path = join(folder, 'plain.img');
    const plain = await buildBootableDisk(path, { packages: { ...packages, kernel: undefined }, slots: 1024 });
    expect(plain).toEqual({ ...disk, bootable: false });
    expect(lastWrite(await writeFor(300, 'stop', await mkdtemp(join(folder, 'plain-')), path, plain))).toBeGreaterThan(
      0,
    );
  });

  it('is refused by the workload, which says why, when it is too small', async () => {
    const args = [
      '--device',
      image,
      '--offset',
      String(disk.workloadOffset),
      '--slots',
      '1048576',
      '--log',
      join(folder, 'none.log'),
    ];
    await expect(startProcess({ name: 'tooSmall', folder, script: workloadScript, args })).rejects.toThrow(
      /ends before slot \d+/,
    );
  });

  it.skipIf(!canBoot(packages))(
    'boots in QEMU and reports what the workload wrote (needs qemu-system-x86)',
    { timeout: 90_000 },
    async () => {
      const expected = await verifyAfter(() => undefined);
      const { first, second } = await bootAndListen(image, folder);
      expect(parseGuestReport(first)).toEqual(expected);
      expect(second).toMatch(/^tools running hostname=sakura ip=10\.0\.2\.15\r?\n$/);
    },
  );
});
