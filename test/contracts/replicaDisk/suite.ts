import { describe, expect, test } from 'vitest';
import type { ReplicaDisks } from '#machines/parties/replicaDisk.ts';

export type ReplicaDisksBench = {
  readonly disks: ReplicaDisks;
  /** A new, empty disk, attached under this WWN; `allocatedBytes` says how much of it takes up room. */
  readonly attach: (wwn: string, bytes: number) => Promise<{ allocatedBytes(): number }>;
};

const mib = 1024 * 1024;
const unproven = { fault: { code: 'replicaDiskUnproven', effect: 'none' } };
let made = 0;
const newWwn = (): string => `6000c29${(made++).toString(16).padStart(25, '0')}`;

export function replicaDiskContract(
  name: string,
  makeBench: () => ReplicaDisksBench,
  options = { sparse: true },
): void {
  describe(`${name} keeps the contract of ReplicaDisks`, () => {
    const bench = makeBench();
    const opened = async (bytes = 4 * mib) => {
      const wwn = newWwn();
      const attached = await bench.attach(wwn, bytes);
      const locator = { wwn, expectBytes: bytes };
      return { disk: await bench.disks.open(locator), attached, locator };
    };

    test('opens a disk only when it is there and has the expected size', async () => {
      const wwn = newWwn();
      await expect(bench.disks.open({ wwn, expectBytes: mib })).rejects.toMatchObject(unproven);
      await bench.attach(wwn, mib);
      for (const expectBytes of [mib - 512, mib + 512, 0]) {
        await expect(bench.disks.open({ wwn, expectBytes })).rejects.toMatchObject(unproven);
      }
      const disk = await bench.disks.open({ wwn, expectBytes: mib });
      expect(disk.bytes).toBe(mib);
      await disk.close();
    });

    test('never follows a WWN that is none', async () => {
      const wwn = '../../../../../../../../dev/null';
      await expect(bench.disks.open({ wwn, expectBytes: 0 })).rejects.toMatchObject(unproven);
    });

    test('one opener at a time', async () => {
      const { disk, locator } = await opened();
      await expect(bench.disks.open(locator)).rejects.toMatchObject(unproven);
      await disk.write(0, Uint8Array.of(7));
      await disk.close();
      const again = await bench.disks.open(locator);
      expect([...(await again.read(0, 1))]).toEqual([7]);
      await again.close();
    });

    test('reads zeros until written, then what was written, over any boundary', async () => {
      const { disk } = await opened();
      expect((await disk.read(0, 4 * mib)).every((byte) => byte === 0)).toBe(true);
      const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 31) & 0xff);
      await disk.write(4096 - 17, bytes);
      await disk.flush();
      expect(Buffer.from(await disk.read(4096 - 17, bytes.byteLength)).equals(bytes)).toBe(true);
      expect([...(await disk.read(4096 - 19, 2))]).toEqual([0, 0]);
      await disk.write(4 * mib - 1, Uint8Array.of(9));
      expect([...(await disk.read(4 * mib - 2, 2))]).toEqual([0, 9]);
      await disk.close();
    });

    test('the later of two writes wins, also when both are under way', async () => {
      const { disk } = await opened();
      await disk.write(0, new Uint8Array(8192).fill(1));
      await disk.write(4096, new Uint8Array(4096).fill(2));
      await Promise.all([
        disk.write(100_000, new Uint8Array(10).fill(3)),
        disk.write(200_000, new Uint8Array(10).fill(4)),
      ]);
      expect([(await disk.read(4095, 2))[0], (await disk.read(4095, 2))[1]]).toEqual([1, 2]);
      expect([(await disk.read(100_009, 1))[0], (await disk.read(200_009, 1))[0]]).toEqual([3, 4]);
      await disk.close();
    });

    test('zero makes a range read as zeros and leaves its neighbours', async () => {
      const { disk } = await opened();
      await disk.write(0, new Uint8Array(3 * mib).fill(0xff));
      await disk.zero(5000, 2 * mib);
      expect((await disk.read(5000, 2 * mib)).every((byte) => byte === 0)).toBe(true);
      expect([(await disk.read(4999, 1))[0], (await disk.read(5000 + 2 * mib, 1))[0]]).toEqual([0xff, 0xff]);
      await disk.close();
    });

    if (options.sparse)
      test('zeros take up no room where nothing was', async () => {
        const { disk, attached } = await opened(64 * mib);
        await disk.write(8 * mib, new Uint8Array(4096).fill(1));
        await disk.zero(0, 64 * mib);
        await disk.flush();
        expect(attached.allocatedBytes()).toBeLessThan(mib);
        expect((await disk.read(8 * mib, 4096)).every((byte) => byte === 0)).toBe(true);
        await disk.close();
      });

    test('nothing is read or written outside of the disk', async () => {
      const { disk } = await opened(mib);
      await expect(disk.write(mib - 1, new Uint8Array(2))).rejects.toThrow(RangeError);
      await expect(disk.write(-1, new Uint8Array(1))).rejects.toThrow(RangeError);
      await expect(disk.read(mib, 1)).rejects.toThrow(RangeError);
      await expect(disk.zero(0, mib + 1)).rejects.toThrow(RangeError);
      expect((await disk.read(mib - 1, 1))[0]).toBe(0);
      await disk.close();
    });

    test('a closed disk refuses', async () => {
      const { disk } = await opened();
      await disk.close();
      await expect(disk.write(0, Uint8Array.of(1))).rejects.toThrow();
    });
  });
}
