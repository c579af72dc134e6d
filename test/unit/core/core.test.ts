import { expect, test } from 'vitest';
import { DirtyMap } from '#engine/core/dirtyMap.ts';
import { isZero } from '#engine/core/isZero.ts';
import { Rate, RemoteAge } from '#engine/core/rate.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const block = 4096;

test('a dirty map hands out each changed block once, joined and bounded', () => {
  const random = new SimulatedRandom('dirty');
  const sizes = [300 * block + 512, 64 * block];
  const map = new DirtyMap(sizes, 16 * block);
  const expected = new Set<string>();
  for (let round = 0; round < 500; round += 1) {
    const disk = random.integer(2);
    const offset = random.integer(sizes[disk]!);
    const length = 1 + random.integer(40 * block);
    map.add(disk, offset, length);
    const end = Math.min(offset + length, sizes[disk]!);
    for (let at = Math.floor(offset / block); at * block < end; at += 1) expected.add(`${disk}:${at}`);
    if (round % 50 !== 49) continue;
    expect(map.bytes).toBe(expected.size * block);
    for (let extent = map.take(); extent; extent = map.take()) {
      expect(extent.length).toBeLessThanOrEqual(16 * block);
      expect(extent.offset + extent.length).toBeLessThanOrEqual(sizes[extent.disk]!);
      for (let at = extent.offset; at < extent.offset + extent.length; at += block) {
        expect(expected.delete(`${extent.disk}:${at / block}`)).toBe(true);
      }
    }
    expect(expected.size).toBe(0);
    expect(map.empty).toBe(true);
  }
});

test('zeros are told from content at every place and alignment', () => {
  for (let from = 0; from < 9; from += 1) {
    const bytes = new Uint8Array(100).subarray(from, from + 70);
    expect(isZero(bytes)).toBe(true);
    for (let at = 0; at < bytes.length; at += 1) {
      bytes[at] = 1;
      expect(isZero(bytes)).toBe(false);
      bytes[at] = 0;
    }
  }
});

test('progress tells the rate of the last moments and the time that is left', () => {
  const rate = new Rate(1_000);
  expect(rate.progress(0, 100)).toEqual({ doneBytes: 0, totalBytes: 100, bytesPerSecond: 0 });
  for (let second = 0; second <= 5; second += 1) rate.sample(second * 1_000, second * 10);
  expect(rate.progress(50, 100)).toEqual({ doneBytes: 50, totalBytes: 100, bytesPerSecond: 10, remainingMs: 5_000 });
});

test('the age of a remote moment counts the quickest message as no delay', () => {
  const age = new RemoteAge();
  expect(age.ageMs(0n, 0n)).toBeUndefined();
  age.heard(1_000_000_000n, 5_030_000_000n);
  age.heard(2_000_000_000n, 6_010_000_000n);
  expect(age.ageMs(2_000_000_000n, 6_510_000_000n)).toBe(500);
});
