import { expect, test } from 'vitest';
import type { SpoolOptions } from '#engine/core/spool.ts';
import { Spool } from '#engine/core/spool.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const content = (sequence: number, length = 1_000): Uint8Array => new Uint8Array(length).fill(sequence);

const open = (files: SimulatedFiles, options: Partial<SpoolOptions> = {}): Promise<Spool> =>
  Spool.open({ files, folder: '/spool', checksum: crc32, bytesMax: 1e9, segmentBytes: 10_000, ...options });

async function sequences(spool: Spool, from: number): Promise<number[]> {
  const all = [];
  for await (const record of spool.readFrom(from)) {
    expect(record.bytes).toEqual(content(record.sequence, record.bytes.length));
    all.push(record.sequence);
  }
  return all;
}

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, at) => first + at);

test('records come back in order from any sequence, over segments, and while more are appended', async () => {
  const spool = await open(new SimulatedFiles());
  for (const sequence of upTo(1, 50)) await spool.append(sequence, content(sequence, 400), content(sequence, 600));
  for (const from of [0, 1, 9, 10, 11, 37, 50, 51])
    expect(await sequences(spool, from)).toEqual(upTo(Math.max(1, from), 50));
  const seen: number[] = [];
  for await (const { sequence } of spool.readFrom(48)) {
    seen.push(sequence);
    if (sequence < 60) await spool.append(sequence + 3, content(sequence + 3));
  }
  expect(seen).toEqual(upTo(48, 62));
  await expect(spool.append(62, content(62))).rejects.toThrow(RangeError);
});

test('a full spool says so, writes nothing, and has room again once its front is dropped', async () => {
  const spool = await open(new SimulatedFiles(), { bytesMax: 20_000, segmentBytes: 5_000 });
  let sequence = 0;
  while ((await spool.append(sequence + 1, content(sequence + 1))) === 'appended') sequence += 1;
  expect(spool.bytes).toBeLessThanOrEqual(20_000);
  expect(await sequences(spool, 1)).toEqual(upTo(1, sequence));
  await spool.dropThrough(10);
  expect(await spool.append(sequence + 1, content(sequence + 1))).toBe('appended');
  expect(await sequences(spool, 11)).toEqual(upTo(11, sequence + 1));
});

test('after a power cut everything flushed is there, and what is left of the rest is whole records in order', async () => {
  for (let seed = 0; seed < 60; seed += 1) {
    const random = new SimulatedRandom(`torn ${seed}`);
    const files = new SimulatedFiles();
    const spool = await open(files);
    const flushed = 1 + random.integer(30);
    for (const sequence of upTo(1, flushed)) await spool.append(sequence, content(sequence));
    await spool.flush();
    for (const sequence of upTo(flushed + 1, flushed + 20)) await spool.append(sequence, content(sequence));
    const after = await open(files.restart(random));
    expect(after.lastSequence).toBeGreaterThanOrEqual(flushed);
    expect(await sequences(after, 1)).toEqual(upTo(1, after.lastSequence));
    await after.append(after.lastSequence + 1, content(after.lastSequence + 1));
    expect(await sequences(after, flushed)).toEqual(upTo(flushed, after.lastSequence));
  }
});

test('a damaged record ends what is recovered', async () => {
  const files = new SimulatedFiles();
  const spool = await open(files);
  for (const sequence of upTo(1, 25)) await spool.append(sequence, content(sequence));
  await spool.close();
  const [first] = await files.list('/spool');
  const bytes = await files.read(`/spool/${first}`);
  bytes![3_500]! ^= 1;
  await files.write(`/spool/${first}`, bytes!);
  expect(await sequences(await open(files), 1)).toEqual([1, 2, 3]);
  expect(await files.list('/spool')).toEqual([first]);
});

test('whoever waits for the next record is woken by it', async () => {
  const spool = await open(new SimulatedFiles());
  await spool.append(1, content(1));
  await spool.waitAfter(0).ready;
  let woken = false;
  const waiting = spool.waitAfter(1).ready.then(() => (woken = true));
  expect(woken).toBe(false);
  await spool.append(2, content(2));
  await waiting;
});
