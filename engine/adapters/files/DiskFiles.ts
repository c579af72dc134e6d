import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PartyFault } from '#machines/faults.ts';
import type { Files, LogFile } from '#machines/parties/files.ts';

/** The engine's files hold secrets and the master's data: nobody but the engine's user reads them. */
const privateFile = 0o600;
const privateFolder = 0o700;

/** The engine's own files on a local file system. */
export class DiskFiles implements Files {
  async read(path: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(path);
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return undefined;
      throw faultOf(thrown, path);
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const aside = `${path}.${randomUUID()}.tmp`;
    try {
      await makeFolder(dirname(path));
      const file = await open(aside, 'wx', privateFile);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(aside, path);
      await syncFolder(dirname(path));
    } catch (thrown) {
      await rm(aside, { force: true });
      throw faultOf(thrown, path);
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await rm(path);
      await syncFolder(dirname(path));
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw faultOf(thrown, path);
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return (await readdir(folder)).filter((name) => !name.endsWith('.tmp')).sort();
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return [];
      throw faultOf(thrown, folder);
    }
  }

  async openLog(path: string): Promise<LogFile> {
    try {
      await makeFolder(dirname(path));
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, privateFile);
      const { size } = await file.stat();
      await syncFolder(dirname(path));
      return new DiskLogFile(file, path, size);
    } catch (thrown) {
      throw faultOf(thrown, path);
    }
  }
}

/** Writes go to the length known here, one after the other: a torn append of before is written over. */
class DiskLogFile implements LogFile {
  readonly #file: FileHandle;
  readonly #path: string;
  #bytes: number;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle, path: string, bytes: number) {
    this.#file = file;
    this.#path = path;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#inOrder(async () => {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, this.#bytes + done);
        done += bytesWritten;
      }
      this.#bytes += bytes.byteLength;
    });
  }

  flush(): Promise<void> {
    return this.#inOrder(() => this.#file.datasync());
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.#bytes - offset));
    const bytes = new Uint8Array(wanted);
    try {
      for (let done = 0; done < wanted;) {
        const { bytesRead } = await this.#file.read(bytes, done, wanted - done, offset + done);
        if (bytesRead === 0) return bytes.subarray(0, done);
        done += bytesRead;
      }
    } catch (thrown) {
      throw faultOf(thrown, this.#path);
    }
    return bytes;
  }

  truncate(bytes: number): Promise<void> {
    return this.#inOrder(async () => {
      if (bytes > this.#bytes) throw new RangeError('a log is never made longer by truncating it');
      await this.#file.truncate(bytes);
      this.#bytes = bytes;
    });
  }

  close(): Promise<void> {
    return this.#inOrder(() => this.#file.close());
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#lastChange.then(work).catch((thrown: unknown) => {
      throw faultOf(thrown, this.#path);
    });
    // The next change runs whether this one succeeded or not; its own caller hears of the failure.
    this.#lastChange = done.catch(() => {});
    return done;
  }
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: privateFolder });
  if (first === undefined) return;
  // Each new folder is an entry in its parent, which must survive a power cut too.
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
}

function faultOf(thrown: unknown, path: string): unknown {
  const code = codeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new PartyFault('diskFull', { path });
  if (code === 'ENOENT') return new PartyFault('notFound', { object: path });
  return thrown;
}
