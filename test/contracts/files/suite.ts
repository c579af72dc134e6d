import { beforeEach, describe, expect, test } from 'vitest';
import type { Files } from '#machines/parties/files.ts';

export type FilesBench = {
  readonly files: Files;
  /** An existing folder of the test's own. */ readonly folder: string;
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

export function filesContract(name: string, bench: () => Promise<FilesBench>): void {
  describe(`${name} keeps the contract of Files`, () => {
    let files: Files;
    let folder: string;
    beforeEach(async () => {
      ({ files, folder } = await bench());
    });

    test('reads undefined where no file is', async () => {
      expect(await files.read(`${folder}/none`)).toBeUndefined();
      expect(await files.read(`${folder}/no/folder/none`)).toBeUndefined();
    });

    test('writes whole files, makes their folders, and replaces what was there', async () => {
      const path = `${folder}/a/b/state`;
      await files.write(path, bytesOf('a first and longer text'));
      await files.write(path, bytesOf('second'));
      expect(textOf(await files.read(path))).toBe('second');
      await files.write(path, new Uint8Array(0));
      expect(await files.read(path)).toHaveLength(0);
    });

    test('a reader beside a writer sees one whole text or the other', async () => {
      const path = `${folder}/state`;
      const texts = ['a'.repeat(100_000), 'b'.repeat(50_000)];
      await files.write(path, bytesOf(texts[0] ?? ''));
      const writing = (async () => {
        for (let round = 0; round < 10; round++) await files.write(path, bytesOf(texts[round % 2] ?? ''));
      })();
      for (let round = 0; round < 20; round++) expect(texts).toContain(textOf(await files.read(path)));
      await writing;
    });

    test('what was handed over or handed out is a copy', async () => {
      const path = `${folder}/copy`;
      const bytes = Buffer.from('mine');
      await files.write(path, bytes);
      bytes.fill(0);
      (await files.read(path))?.fill(0);
      expect(textOf(await files.read(path))).toBe('mine');
    });

    test('lists names sorted, folders too, and nothing of a missing folder', async () => {
      for (const name of ['spool/10', 'spool/9', 'spool/deep/1']) await files.write(`${folder}/${name}`, bytesOf(name));
      expect(await files.list(`${folder}/spool`)).toEqual(['10', '9', 'deep']);
      expect(await files.list(`${folder}/none`)).toEqual([]);
    });

    test('removes; a missing file is removed already', async () => {
      await files.write(`${folder}/gone`, bytesOf('x'));
      await files.remove(`${folder}/gone`);
      await files.remove(`${folder}/gone`);
      expect(await files.read(`${folder}/gone`)).toBeUndefined();
      expect(await files.list(folder)).toEqual([]);
    });

    test('a log grows in the order of the appends, awaited or not', async () => {
      const log = await files.openLog(`${folder}/spool/1`);
      expect(log.bytes).toBe(0);
      await Promise.all(Array.from({ length: 50 }, (_, at) => log.append(bytesOf(`${at},`))));
      await log.flush();
      const text = Array.from({ length: 50 }, (_, at) => `${at},`).join('');
      expect(log.bytes).toBe(text.length);
      expect(textOf(await log.read(0, log.bytes))).toBe(text);
      await log.close();
      expect(textOf(await files.read(`${folder}/spool/1`))).toBe(text);
    });

    test('a log reads from the middle, and shorter at its end', async () => {
      const log = await files.openLog(`${folder}/log`);
      await log.append(bytesOf('0123456789'));
      expect(textOf(await log.read(3, 4))).toBe('3456');
      expect(textOf(await log.read(8, 100))).toBe('89');
      expect(await log.read(10, 5)).toHaveLength(0);
      expect(await log.read(50, 5)).toHaveLength(0);
      await log.close();
    });

    test('a log is truncated, goes on from there, and is found so when it is opened again', async () => {
      const log = await files.openLog(`${folder}/log`);
      await log.append(bytesOf('0123456789'));
      await log.truncate(4);
      expect(log.bytes).toBe(4);
      await log.append(bytesOf('ab'));
      await expect(log.truncate(100)).rejects.toThrow(RangeError);
      await log.flush();
      await log.close();
      const again = await files.openLog(`${folder}/log`);
      expect(again.bytes).toBe(6);
      await again.append(bytesOf('!'));
      expect(textOf(await again.read(0, 100))).toBe('0123ab!');
      await again.close();
    });

    test('a closed log refuses', async () => {
      const log = await files.openLog(`${folder}/log`);
      await log.close();
      await expect(log.append(bytesOf('x'))).rejects.toThrow();
    });
  });
}

/** The volume has about `roomBytes` left; `diskFull` on both ways of writing, and what was there stays. */
export function fullVolumeContract(
  name: string,
  bench: () => Promise<FilesBench & { readonly roomBytes: number }>,
): void {
  test(`${name} says diskFull and keeps what was there`, async () => {
    const { files, folder, roomBytes } = await bench();
    await files.write(`${folder}/state`, bytesOf('kept'));
    await expect(files.write(`${folder}/state`, new Uint8Array(2 * roomBytes))).rejects.toMatchObject({
      fault: { code: 'diskFull', params: { path: `${folder}/state` } },
    });
    expect(textOf(await files.read(`${folder}/state`))).toBe('kept');
    expect(await files.list(folder)).toEqual(['state']);
    const log = await files.openLog(`${folder}/log`);
    await log.append(bytesOf('start'));
    await expect(log.append(new Uint8Array(2 * roomBytes))).rejects.toMatchObject({ fault: { code: 'diskFull' } });
    expect(log.bytes).toBe(5);
    expect(textOf(await log.read(0, 100))).toBe('start');
    await log.append(bytesOf('ed'));
    expect(textOf(await log.read(0, 100))).toBe('started');
    await log.close();
  });
}
