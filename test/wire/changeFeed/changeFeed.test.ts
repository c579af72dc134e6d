import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxMaster } from '#engine/adapters/master/LinuxMaster.ts';
import type { ChangedRange, ChangeFeed, SourceDisk } from '#machines/parties/master.ts';
import { LoopDisk, noLoopDisksBecause } from '#test/contracts/master/loopDisk.ts';
import { machineClock } from '#test/contracts/master/testClock.ts';

const run = promisify(execFile);
const diskBytes = 64 * 1024 * 1024;
const writer = new URL('writer.ts', import.meta.url).pathname;
const traceName = `wire${process.pid}`;

describe.skipIf(noLoopDisksBecause !== undefined)('TraceChangeFeed on a real disk', () => {
  let loop: LoopDisk;
  const feeds: ChangeFeed[] = [];
  /** Tracks the loop disk until the test ends, however it ends: a ring in the kernel outlives its process. */
  const track = async (master: LinuxMaster): Promise<ChangeFeed> => {
    const feed = await master.trackChanges([loop.device]);
    feeds.push(feed);
    return feed;
  };
  const masterWith = (ringKib?: number): LinuxMaster => {
    const options = { disks: [loop.device], systemDisk: loop.device, traceName };
    return new LinuxMaster({ ...options, clock: machineClock, ...(ringKib === undefined ? {} : { ringKib }) });
  };
  beforeEach(() => {
    loop = new LoopDisk(diskBytes);
  });
  afterEach(async () => {
    for (const feed of feeds.splice(0)) await feed.close();
    loop.remove();
  });

  it('covers every sector that writers, mkfs and a live file system change, and copies them right', async () => {
    // Not zeros: a discard must show as a change too.
    const before = Buffer.alloc(diskBytes, 0xa5);
    loop.write(0, before);
    const master = masterWith();
    const disk = await master.openDisk(loop.device);
    const feed = await track(master);
    const follower = new Follower(feed, disk, before);

    await follower.during(
      Promise.all([
        run(process.execPath, [writer, loop.device, String(diskBytes), '4000', '1']),
        run(process.execPath, [writer, loop.device, String(diskBytes), '4000', '2']),
        run('dd', ['if=/dev/urandom', `of=${loop.device}`, 'bs=7k', 'count=900', 'seek=2000', 'conv=notrunc,fsync']),
      ]),
    );
    await follower.during(run('mkfs.ext4', ['-F', '-q', loop.device]));
    await follower.during(useFileSystem(loop.device));
    await follower.catchUp();
    await disk.close();

    const after = loop.image();
    const { changed, missed } = compareSectors(before, after, follower.covered);
    expect(follower.lost).toEqual([]);
    expect(changed).toBeGreaterThan(50_000);
    expect(missed).toBe(0);
    expect(Buffer.compare(follower.replica, after)).toBe(0);
  });

  it('flags an overrun of the ring once, and then goes on', async () => {
    const feed = await track(masterWith(8));
    await run(process.execPath, [writer, loop.device, String(diskBytes), '5000', '3']);
    const after = loop.image();
    const drained = feed.drain();
    const covered = new Uint8Array(diskBytes / 512);
    for (const range of drained.ranges) cover(covered, range);
    expect(drained.lost).toBe('the trace ring overflowed');
    // The loss was real: the test would prove nothing if the ring had held everything.
    expect(compareSectors(Buffer.alloc(diskBytes), after, covered).missed).toBeGreaterThan(0);

    loop.write(4096, new Uint8Array(4096).fill(1));
    const next = feed.drain();
    expect(next.lost).toBeUndefined();
    expect(next.ranges).toEqual([{ diskId: loop.device, offset: 4096, length: 4096 }]);
  });

  it('keeps what completes while it drains for the next drain: the cut is one instant on all CPUs', async () => {
    let frozenNs: bigint | undefined;
    const clock = { ...machineClock, monotonicNs: () => frozenNs ?? machineClock.monotonicNs() };
    const options = { disks: [loop.device], systemDisk: loop.device, traceName };
    const feed = await track(new LinuxMaster({ ...options, clock }));
    loop.write(0, new Uint8Array(4096).fill(1));
    frozenNs = machineClock.monotonicNs();
    loop.write(8192, new Uint8Array(4096).fill(1));
    const first = feed.drain();
    const again = feed.drain();
    const cutNs = frozenNs;
    frozenNs = undefined;
    const second = feed.drain();
    expect(first.ranges).toEqual([{ diskId: loop.device, offset: 0, length: 4096 }]);
    expect(first.earliestNs).toBeLessThanOrEqual(cutNs);
    expect(again).toEqual({ ranges: [], earliestNs: undefined });
    expect(second.ranges).toEqual([{ diskId: loop.device, offset: 8192, length: 4096 }]);
    expect(second.earliestNs).toBeGreaterThan(cutNs);
  });

  it('does not report a write that is under way', async () => {
    // A disk whose file lies on a file system that stands still: its writes are issued and do not complete.
    const folder = mkdtempSync(join(tmpdir(), 'kagemusha-mount-'));
    await run('mkfs.ext4', ['-F', '-q', loop.device]);
    await run('mount', [loop.device, folder]);
    try {
      const inner = new LoopDisk(1024 * 1024, folder);
      const options = {
        disks: [inner.device],
        systemDisk: inner.device,
        traceName,
      };
      const feed = await new LinuxMaster({ ...options, clock: machineClock }).trackChanges([inner.device]);
      feeds.push(feed);
      try {
        await run('fsfreeze', ['--freeze', folder]);
        let completed = false;
        const write = run('dd', ['if=/dev/urandom', `of=${inner.device}`, 'bs=4k', 'count=1', 'oflag=direct']).then(
          () => {
            completed = true;
          },
        );
        await untilInFlight(inner.device);
        const during = feed.drain();
        const completedDuring = completed;
        await run('fsfreeze', ['--unfreeze', folder]);
        await write;
        expect(completedDuring).toBe(false);
        expect(during.ranges).toEqual([]);
        expect(feed.drain().ranges).toEqual([{ diskId: inner.device, offset: 0, length: 4096 }]);
      } finally {
        // Refused when it is thawed already.
        await run('fsfreeze', ['--unfreeze', folder]).catch(() => {});
        inner.remove();
      }
    } finally {
      await run('umount', [folder]);
      rmdirSync(folder);
    }
  });

  it('flags a loss when somebody else turns the trace off or empties it', async () => {
    const feed = await track(masterWith());
    const instance = `/sys/kernel/tracing/instances/kagemusha-${traceName}-0`;
    writeFileSync(`${instance}/tracing_on`, '0');
    const off = feed.drain().lost;
    writeFileSync(`${instance}/tracing_on`, '1');
    loop.write(4096, new Uint8Array(4096).fill(1));
    const on = feed.drain();
    writeFileSync(`${instance}/trace`, '');
    const emptied = feed.drain().lost;
    expect(off).toContain('turned off');
    expect(on.lost).toBeUndefined();
    expect(on.ranges).toHaveLength(1);
    expect(emptied).toContain('emptied');
  });

  it('refuses a partition, whose events would carry the number of the whole disk', async () => {
    await run('sh', ['-c', `echo ',,L' | sfdisk --quiet --no-reread ${loop.device} && partx --add ${loop.device}`]);
    const partition = `${loop.device}p1`;
    let ranges: readonly ChangedRange[] = [];
    try {
      const options = { disks: [partition], systemDisk: partition, traceName };
      const answer = new LinuxMaster({ ...options, clock: machineClock }).trackChanges([partition]);
      await expect(answer).rejects.toThrow('is a partition');
      const feed = await track(masterWith());
      await run('dd', ['if=/dev/urandom', `of=${partition}`, 'bs=4k', 'count=1', 'seek=3', 'oflag=direct']);
      ({ ranges } = feed.drain());
    } finally {
      await run('partx', ['--delete', loop.device]);
    }
    // The partition starts at 1 MiB.
    expect(ranges).toEqual([{ diskId: loop.device, offset: 1024 * 1024 + 3 * 4096, length: 4096 }]);
  });
});

/** A replica in memory that reads what the feed names, as replication does. */
class Follower {
  readonly covered: Uint8Array;
  readonly replica: Buffer;
  readonly lost: string[] = [];
  readonly #feed: ChangeFeed;
  readonly #disk: SourceDisk;

  constructor(feed: ChangeFeed, disk: SourceDisk, before: Buffer) {
    this.#feed = feed;
    this.#disk = disk;
    this.replica = Buffer.from(before);
    this.covered = new Uint8Array(disk.bytes / 512);
  }

  /** Follows until the work is done. */
  async during(work: Promise<unknown>): Promise<void> {
    const done = work.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([done, machineClock.sleep(20).then(() => false)]))) await this.#step();
    await work;
  }

  async catchUp(): Promise<void> {
    while ((await this.#step()) > 0);
  }

  async #step(): Promise<number> {
    const { ranges, lost } = this.#feed.drain();
    if (lost !== undefined) this.lost.push(lost);
    for (const range of ranges) {
      cover(this.covered, range);
      this.replica.set(await this.#disk.read(range.offset, range.length), range.offset);
    }
    return ranges.length;
  }
}

function cover(covered: Uint8Array, range: ChangedRange): void {
  covered.fill(1, range.offset / 512, (range.offset + range.length) / 512);
}

function compareSectors(
  before: Buffer,
  after: Buffer,
  covered: Uint8Array,
): { readonly changed: number; readonly missed: number } {
  let changed = 0;
  let missed = 0;
  for (let sector = 0; sector < covered.length; sector += 1) {
    const [from, to] = [sector * 512, (sector + 1) * 512];
    if (before.compare(after, from, to, from, to) === 0) continue;
    changed += 1;
    if (covered[sector] === 0) missed += 1;
  }
  return { changed, missed };
}

/** Resolves when a write was issued to the device and has not completed. */
async function untilInFlight(device: string): Promise<void> {
  const counts = (): string[] =>
    readFileSync(`/sys/class/block/${basename(device)}/inflight`, 'utf8')
      .trim()
      .split(/\s+/);
  // Bounded: the caller has a frozen file system to thaw.
  for (let tries = 0; counts()[1] === '0'; tries += 1) {
    if (tries === 1000) throw new Error('the write was not issued');
    await machineClock.sleep(5);
  }
}

async function useFileSystem(device: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kagemusha-mount-'));
  try {
    await run('mount', ['-o', 'discard', device, folder]);
    try {
      for (let n = 0; n < 40; n += 1) writeFileSync(join(folder, `file${n}`), Buffer.alloc(100_000 + n, n));
      await run('sync', ['-f', folder]);
      for (let n = 0; n < 40; n += 3) rmSync(join(folder, `file${n}`));
      writeFileSync(join(folder, 'durable'), 'a short one', { flush: true });
      await run('fstrim', [folder]);
    } finally {
      await run('umount', [folder]);
    }
  } finally {
    rmdirSync(folder);
  }
}
