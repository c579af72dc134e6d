import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PartyFault, type Fault, type FaultCode } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ChangedRange, ChangeFeed, Master } from '#machines/parties/master.ts';

/** A master with two disks of `bytes` (not a multiple of 4096), and what a test may do to it from outside. */
export type MasterWorld = {
  readonly master: Master;
  readonly clock: Clock;
  readonly disks: readonly [string, string];
  readonly bytes: number;
  /** Completed when it returns. */
  write(diskId: string, offset: number, bytes: Uint8Array): void;
  removeDisk(diskId: string): void;
  shrinkDisk(diskId: string, bytes: number): void;
  restartEngine(): Master;
  tearDown(): Promise<void>;
};

export function masterContract(filling: string, build: () => Promise<MasterWorld>): void {
  describe(`Master, ${filling}`, () => {
    let world: MasterWorld;
    const feeds: ChangeFeed[] = [];
    beforeEach(async () => {
      world = await build();
    });
    afterEach(async () => {
      // However the test ended: a ring in the kernel outlives its process.
      for (const feed of feeds.splice(0)) await feed.close();
      await world.tearDown();
    });
    readingContract(() => world);
    trackingContract(
      () => world,
      async (...diskIds) => {
        const feed = await world.master.trackChanges(diskIds);
        feeds.push(feed);
        return feed;
      },
    );
  });
}

function readingContract(at: () => MasterWorld): void {
  it('describes its host and its disks', async () => {
    const { master, disks, bytes } = at();
    const description = await master.describe();
    expect(description.disks).toEqual([
      { diskId: disks[0], bytes, system: true },
      { diskId: disks[1], bytes, system: false },
    ]);
    expect(description.changeSource).toBe('trace');
    expect(description.cpus).toBeGreaterThan(0);
    expect(description.memoryMiB).toBeGreaterThan(0);
  });

  it('reads what the disk holds, the tail included, into arrays of its own', async () => {
    const { master, disks, bytes, write } = at();
    write(disks[0], 8192 + 512, filled(4096, 7));
    write(disks[0], bytes - 512, filled(512, 9));
    const disk = await master.openDisk(disks[0]);
    const [head, tail] = await Promise.all([disk.read(8192, 8192), disk.read(bytes - (bytes % 4096), bytes % 4096)]);
    await disk.close();
    expect(disk.bytes).toBe(bytes);
    expect(head).toEqual(joined(filled(512, 0), filled(4096, 7), filled(3584, 0)));
    expect(tail).toEqual(joined(filled((bytes % 4096) - 512, 0), filled(512, 9)));
  });

  it('reads the whole disk in one call', async () => {
    const { master, disks, bytes, write } = at();
    write(disks[0], 4096, filled(4096, 1));
    write(disks[0], 1024 * 1024 - 4096, filled(8192, 2));
    const disk = await master.openDisk(disks[0]);
    const content = await disk.read(0, bytes);
    await disk.close();
    const expected = new Uint8Array(bytes);
    expected.fill(1, 4096, 8192).fill(2, 1024 * 1024 - 4096, 1024 * 1024 + 4096);
    expect(Buffer.compare(content, expected)).toBe(0);
  });

  it('refuses ranges that are not whole blocks or lie outside', async () => {
    const { master, disks, bytes } = at();
    const disk = await master.openDisk(disks[0]);
    await expect(disk.read(512, 4096)).rejects.toThrow(RangeError);
    await expect(disk.read(0, 512)).rejects.toThrow(RangeError);
    await expect(disk.read(Math.ceil(bytes / 4096) * 4096, 4096)).rejects.toThrow(RangeError);
    await disk.close();
  });

  it('says which disk is missing, and leaves it out of the description', async () => {
    const { master, disks, removeDisk } = at();
    removeDisk(disks[1]);
    expect(await faultOf(master.openDisk(disks[1]))).toMatchObject({ code: 'diskMissing', params: { disk: disks[1] } });
    expect(await codeOf(master.trackChanges([...disks]))).toBe('diskMissing');
    expect(await codeOf(master.openDisk('/dev/noSuchDisk'))).toBe('diskMissing');
    expect((await master.describe()).disks.map((disk) => disk.diskId)).toEqual([disks[0]]);
  });

  it('refuses to read on when the disk has shrunk', async () => {
    const { master, disks, bytes, shrinkDisk } = at();
    const disk = await master.openDisk(disks[0]);
    shrinkDisk(disks[0], 1024 * 1024);
    const fault = await faultOf(disk.read(0, 4096));
    await disk.close();
    expect(fault).toMatchObject({
      code: 'diskChanged',
      params: { disk: disks[0], expectedBytes: bytes, actualBytes: 1024 * 1024 },
    });
  });
}

function trackingContract(at: () => MasterWorld, track: (...diskIds: string[]) => Promise<ChangeFeed>): void {
  it('reports a completed write once, with its content readable and its time', async () => {
    const { master, clock, disks, write } = at();
    const disk = await master.openDisk(disks[0]);
    const feed = await track(...disks);
    expect(feed.drain()).toEqual({ ranges: [], earliestNs: undefined });
    for (let round = 1; round <= 20; round += 1) {
      const beforeNs = clock.monotonicNs();
      write(disks[0], round * 65_536, filled(4096, round));
      const afterNs = clock.monotonicNs();
      const { ranges, earliestNs, lost } = feed.drain();
      expect(lost).toBeUndefined();
      expect(ranges).toEqual([{ diskId: disks[0], offset: round * 65_536, length: 4096 }]);
      expect(earliestNs).toBeGreaterThanOrEqual(beforeNs);
      expect(earliestNs).toBeLessThanOrEqual(afterNs);
      expect(await disk.read(round * 65_536, 4096)).toEqual(filled(4096, round));
      expect(feed.drain()).toEqual({ ranges: [], earliestNs: undefined });
    }
    await disk.close();
  });

  it('rounds out to blocks, clips at the end of the disk, and merges what touches', async () => {
    const { disks, bytes, write } = at();
    const feed = await track(disks[0]);
    write(disks[0], bytes - 512, filled(512, 1));
    write(disks[0], 5 * 4096, filled(4096, 2));
    write(disks[0], 3 * 4096 + 512, filled(512, 3));
    write(disks[0], 4 * 4096, filled(4096, 4));
    write(disks[0], 5 * 4096, filled(4096, 5));
    const { ranges } = feed.drain();
    const tail = bytes - (bytes % 4096);
    expect(ranges).toEqual([
      { diskId: disks[0], offset: 3 * 4096, length: 3 * 4096 },
      { diskId: disks[0], offset: tail, length: bytes - tail },
    ]);
  });

  it('tells two disks apart and stays silent about a disk that is not tracked', async () => {
    const { disks, write } = at();
    const both = await track(...disks);
    const second = await track(disks[1]);
    write(disks[0], 4096, filled(4096, 1));
    expect(second.drain().ranges).toEqual([]);
    write(disks[1], 8192, filled(4096, 1));
    const onSecond = { diskId: disks[1], offset: 8192, length: 4096 };
    expect(byDisk(both.drain().ranges)).toEqual(byDisk([{ diskId: disks[0], offset: 4096, length: 4096 }, onSecond]));
    expect(second.drain().ranges).toEqual([onSecond]);
    await both.close();
    write(disks[1], 0, filled(4096, 2));
    expect(second.drain().ranges).toEqual([{ diskId: disks[1], offset: 0, length: 4096 }]);
  });

  it('covers every block of a thousand scattered writes, and nothing else', async () => {
    const { disks, bytes, write } = at();
    const feed = await track(disks[0]);
    const expected = new Set<number>();
    const blocks = Math.floor(bytes / 4096);
    for (let write_ = 0; write_ < 1000; write_ += 1) {
      const block = (write_ * 2_654_435_761) % blocks;
      write(disks[0], block * 4096, filled(4096, 1 + (write_ % 255)));
      expected.add(block);
    }
    const { ranges } = feed.drain();
    const seen = ranges.flatMap(({ offset, length }) =>
      Array.from({ length: length / 4096 }, (_, at) => offset / 4096 + at),
    );
    expect(seen).toEqual([...expected].sort((a, b) => a - b));
  });
}

export async function faultOf(answer: Promise<unknown>): Promise<Fault | undefined> {
  return answer.then(
    () => undefined,
    (thrown: unknown) => {
      if (thrown instanceof PartyFault) return thrown.fault;
      throw thrown;
    },
  );
}

const codeOf = async (answer: Promise<unknown>): Promise<FaultCode | undefined> => (await faultOf(answer))?.code;

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const byDisk = (ranges: readonly ChangedRange[]): readonly ChangedRange[] =>
  ranges.toSorted((a, b) => a.diskId.localeCompare(b.diskId));
