import { describe, expect, it } from 'vitest';
import type { Clock } from '#machines/parties/clock.ts';
import { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import { SparseDisk } from '#simulators/master/SparseDisk.ts';
import { faultOf, masterContract, type MasterWorld } from './suite.ts';

const bytes = 8 * 1024 * 1024 + 3 * 512;

/** Time that moves by a nanosecond whenever somebody looks. */
function countingClock(): Clock {
  let ns = 0n;
  const none = (): never => {
    throw new Error('the simulated master waits for nothing');
  };
  return { nowMs: () => 1_000_000, monotonicNs: () => (ns += 1n), after: none, sleep: none };
}

async function build(): Promise<MasterWorld & { readonly master: SimulatedMaster }> {
  const clock = countingClock();
  const disks = ['/dev/sda', '/dev/sdb'] as const;
  const master = new SimulatedMaster({
    clock,
    disks: disks.map((diskId) => ({ diskId, bytes, system: diskId === '/dev/sda' })),
  });
  return {
    master,
    clock,
    disks,
    bytes,
    write: (diskId, offset, content) => master.write(diskId, offset, content),
    removeDisk: (diskId) => master.removeDisk(diskId),
    shrinkDisk: (diskId, size) => master.shrinkDisk(diskId, size),
    restartEngine: () => {
      master.powerOff();
      master.powerOn();
      return master;
    },
    tearDown: async () => {},
  };
}

masterContract('SimulatedMaster', build);

describe('SimulatedMaster', () => {
  it('loses changes when told to, once and aloud', async () => {
    const { master, disks } = await build();
    const feed = await master.trackChanges([...disks]);
    master.write(disks[0], 0, new Uint8Array(4096).fill(1));
    master.loseChanges('the trace ring overflowed');
    expect(feed.drain()).toEqual({ ranges: [], earliestNs: undefined, lost: 'the trace ring overflowed' });
    expect(feed.drain().lost).toBeUndefined();
  });

  it('does not trace when not permitted', async () => {
    const { master, disks } = await build();
    master.traceNotPermitted = true;
    expect((await faultOf(master.trackChanges([...disks])))?.code).toBe('traceNotPermitted');
    expect((await master.describe()).changeSource).toBe('compare');
  });

  it('is unreachable while it is off, and keeps its disks', async () => {
    const { master, disks } = await build();
    const disk = await master.openDisk(disks[0]);
    const feed = await master.trackChanges([...disks]);
    master.write(disks[0], 0, new Uint8Array(4096).fill(1));
    master.powerOff();
    expect((await faultOf(disk.read(0, 4096)))?.code).toBe('unreachable');
    expect((await faultOf(master.describe()))?.code).toBe('unreachable');
    expect(() => feed.drain()).toThrow('powered off');
    expect(() => master.write(disks[0], 0, new Uint8Array(1))).toThrow('powered off');
    master.powerOn();
    expect(feed.drain().lost).toBe('the host was restarted');
    expect((await disk.read(0, 4096))[0]).toBe(1);
  });
});

describe('SparseDisk', () => {
  it('keeps only blocks that are not zeros', () => {
    const disk = new SparseDisk(1024 * 1024);
    disk.write(4000, new Uint8Array(200).fill(3));
    expect(disk.allocatedBlocks()).toEqual([0, 1]);
    const copy = disk.copy();
    expect(copy.equals(disk)).toBe(true);
    disk.zero(4096, 4096);
    expect(disk.allocatedBlocks()).toEqual([0]);
    expect(copy.allocatedBytes).toBe(8192);
    expect(copy.equals(disk)).toBe(false);
    disk.write(4000, new Uint8Array(96));
    expect(disk.allocatedBytes).toBe(0);
    expect(() => disk.write(1024 * 1024 - 1, new Uint8Array(2))).toThrow(RangeError);
  });
});
