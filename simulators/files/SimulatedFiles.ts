import { PartyFault } from '#machines/faults.ts';
import type { Files, LogFile } from '#machines/parties/files.ts';
import type { Random } from '#machines/parties/random.ts';

/** One file: what the process reads, and how much of it stable storage holds. */
type StoredFile = { bytes: Uint8Array; length: number; durableLength: number };

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/** Files of one host in memory, as one process has them. */
export class SimulatedFiles implements Files {
  readonly #files: Map<string, StoredFile>;
  /** Room of the volume; what would go over it is refused with `diskFull`. */
  bytesMax: number;
  #dead = false;

  constructor(options: { readonly bytesMax?: number; readonly files?: ReadonlyMap<string, Uint8Array> } = {}) {
    this.bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY;
    this.#files = new Map();
    for (const [path, bytes] of options.files ?? []) this.#files.set(path, durable(bytes));
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    if (this.#dead) return never();
    const file = this.#files.get(path);
    return file?.bytes.slice(0, file.length);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    if (this.#dead) return never();
    this.#makeRoom(path, bytes.byteLength);
    this.#files.set(path, durable(bytes));
  }

  async remove(path: string): Promise<void> {
    if (this.#dead) return never();
    this.#files.delete(path);
  }

  async list(folder: string): Promise<readonly string[]> {
    if (this.#dead) return never();
    const prefix = folder.endsWith('/') ? folder : `${folder}/`;
    const names = new Set<string>();
    for (const path of this.#files.keys()) {
      const [name] = path.startsWith(prefix) ? path.slice(prefix.length).split('/') : [];
      if (name !== undefined) names.add(name);
    }
    return [...names].sort();
  }

  async openLog(path: string): Promise<LogFile> {
    if (this.#dead) return never();
    let file = this.#files.get(path);
    if (file === undefined) this.#files.set(path, (file = durable(new Uint8Array(0))));
    return new SimulatedLogFile(file, {
      dead: () => this.#dead,
      makeRoom: (bytes) => this.#makeRoom(path, bytes),
    });
  }

  /**
   * The process is killed: this view and its open logs stay silent for ever, and what is returned is the view of the
   * process that starts next. With `powerLost` the caches are gone too: of what was appended and not flushed a part of
   * random length is left, as on a real disk.
   */
  restart(powerLost?: Random): SimulatedFiles {
    this.#dead = true;
    const next = new SimulatedFiles({ bytesMax: this.bytesMax });
    for (const [path, file] of this.#files) {
      const kept =
        powerLost === undefined
          ? file.length
          : file.durableLength + powerLost.integer(file.length - file.durableLength + 1);
      next.#files.set(path, {
        ...durable(file.bytes.subarray(0, kept)),
        durableLength: Math.min(kept, file.durableLength),
      });
    }
    return next;
  }

  #makeRoom(path: string, moreBytes: number): void {
    let used = moreBytes;
    for (const file of this.#files.values()) used += file.length;
    if (used > this.bytesMax) throw new PartyFault('diskFull', { path });
  }
}

class SimulatedLogFile implements LogFile {
  readonly #file: StoredFile;
  readonly #volume: { readonly dead: () => boolean; readonly makeRoom: (bytes: number) => void };
  #open = true;

  constructor(file: StoredFile, volume: { readonly dead: () => boolean; readonly makeRoom: (bytes: number) => void }) {
    this.#file = file;
    this.#volume = volume;
  }

  get bytes(): number {
    return this.#file.length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#volume.dead()) return never();
    this.#mustBeOpen();
    this.#volume.makeRoom(bytes.byteLength);
    const file = this.#file;
    const length = file.length + bytes.byteLength;
    if (length > file.bytes.byteLength) {
      const grown = new Uint8Array(Math.max(length, 2 * file.bytes.byteLength, 256));
      grown.set(file.bytes.subarray(0, file.length));
      file.bytes = grown;
    }
    file.bytes.set(bytes, file.length);
    file.length = length;
  }

  async flush(): Promise<void> {
    if (this.#volume.dead()) return never();
    this.#mustBeOpen();
    this.#file.durableLength = this.#file.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#volume.dead()) return never();
    this.#mustBeOpen();
    return this.#file.bytes.slice(offset, Math.min(offset + length, this.#file.length));
  }

  async truncate(bytes: number): Promise<void> {
    if (this.#volume.dead()) return never();
    this.#mustBeOpen();
    if (bytes > this.#file.length) throw new RangeError('a log is never made longer by truncating it');
    this.#file.length = bytes;
    this.#file.durableLength = Math.min(this.#file.durableLength, bytes);
  }

  async close(): Promise<void> {
    if (this.#volume.dead()) return never();
    this.#open = false;
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Error('the log is closed');
  }
}

function durable(bytes: Uint8Array): StoredFile {
  // Not `slice`: on a Buffer that gives the same memory.
  return { bytes: new Uint8Array(bytes), length: bytes.byteLength, durableLength: bytes.byteLength };
}
