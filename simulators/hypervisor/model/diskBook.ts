import type { Random } from '#machines/parties/random.ts';
import { folderOf, formatDatastorePath, parseDatastorePath } from './datastorePath.ts';
import type { DatastoreState, DiskState } from './state.ts';
import { VimFault } from './vimFault.ts';

/** Where a site keeps what its disks hold: told of children when they are made, and of every disk that goes. */
export type DiskContents = {
  childMade(child: DiskState, base: DiskState): void;
  /** What the disk itself holds; of a child only what was written to it. */
  bytesIn(disk: DiskState): number;
  deleted(disk: DiskState): void;
};

export type NewDisk = {
  readonly path: string;
  readonly bytes: number;
  readonly thin: boolean;
  readonly parent?: string;
};

/**
 * Datastores, their folders and virtual disks. Free space is reckoned as if every thin disk were full: what a
 * replica of a disk will need sooner or later. Children count nothing: they are short-lived, and hold only writes.
 */
export class DiskBook {
  readonly #random: Random;
  readonly datastores: readonly DatastoreState[];
  readonly #disks = new Map<string, DiskState>();
  readonly #folders = new Set<string>();
  /** Set by a site that models what disks hold. */
  contents: DiskContents | undefined;

  constructor(parts: {
    readonly random: Random;
    readonly datastores: readonly DatastoreState[];
    readonly disks?: readonly DiskState[];
    readonly folders?: readonly string[];
  }) {
    this.#random = parts.random;
    this.datastores = parts.datastores;
    for (const disk of parts.disks ?? []) this.#disks.set(disk.path, disk);
    for (const folder of parts.folders ?? []) this.#folders.add(folder);
  }

  all(): readonly DiskState[] {
    return [...this.#disks.values()];
  }

  folders(): readonly string[] {
    return [...this.#folders];
  }

  /** Faults: `InvalidDatastore`, `InvalidDatastorePath`. */
  datastoreOf(path: string): DatastoreState {
    const { datastore } = parseDatastorePath(path);
    const found = this.datastores.find((one) => one.name === datastore);
    if (found === undefined || !found.accessible) throw new VimFault('InvalidDatastore', { name: datastore });
    return found;
  }

  freeBytes(datastore: string): number {
    const used = this.all().reduce(
      (sum, disk) => (parseDatastorePath(disk.path).datastore === datastore ? sum + reservedBytes(disk) : sum),
      0,
    );
    return Math.max(0, (this.datastores.find((one) => one.name === datastore)?.capacityBytes ?? 0) - used);
  }

  find(path: string): DiskState | undefined {
    return this.#disks.get(formatDatastorePath(parseDatastorePath(path)));
  }

  /** Faults: `FileNotFound`. */
  get(path: string): DiskState {
    const disk = this.find(path);
    if (disk === undefined) throw new VimFault('FileNotFound', { file: path });
    return disk;
  }

  /** The disks that a child reads through to, the nearest first. */
  basesOf(path: string): readonly DiskState[] {
    const parent = this.find(path)?.parent;
    const base = parent === undefined ? undefined : this.find(parent);
    return base === undefined ? [] : [base, ...this.basesOf(base.path)];
  }

  /** Faults: `FileAlreadyExists`, `FileNotFound` for a missing parent folder. */
  makeFolder(path: string, withParents: boolean): void {
    this.datastoreOf(path);
    const { datastore, file } = parseDatastorePath(path);
    const full = formatDatastorePath({ datastore, file });
    if (file === '' || this.#folders.has(full)) throw new VimFault('FileAlreadyExists', { file: path });
    const parent = folderOf(file);
    if (parent !== '' && !this.#folders.has(formatDatastorePath({ datastore, file: parent }))) {
      if (!withParents) throw new VimFault('FileNotFound', { file: formatDatastorePath({ datastore, file: parent }) });
      this.makeFolder(formatDatastorePath({ datastore, file: parent }), true);
    }
    this.#folders.add(full);
  }

  /** Makes sure that a folder is there. */
  ensureFolder(path: string): void {
    const { datastore, file } = parseDatastorePath(path);
    if (file !== '' && !this.#folders.has(formatDatastorePath({ datastore, file }))) this.makeFolder(path, true);
  }

  /** Faults: `FileAlreadyExists`, `FileNotFound` (folder, base), `NoDiskSpace`, `InvalidDatastore`, `InvalidArgument`. */
  create(disk: NewDisk): DiskState {
    const datastore = this.datastoreOf(disk.path);
    const { file } = parseDatastorePath(disk.path);
    const path = formatDatastorePath({ datastore: datastore.name, file });
    const folder = folderOf(file);
    if (!file.endsWith('.vmdk')) throw new VimFault('InvalidDatastorePath', { datastorePath: disk.path });
    if (folder !== '' && !this.#folders.has(formatDatastorePath({ datastore: datastore.name, file: folder }))) {
      throw new VimFault('FileNotFound', { file: path });
    }
    if (this.#disks.has(path)) throw new VimFault('FileAlreadyExists', { file: path });
    const base = disk.parent === undefined ? undefined : this.get(disk.parent);
    if (base !== undefined && base.bytes !== disk.bytes) {
      throw new VimFault('InvalidArgument', { invalidProperty: 'capacityInKB' });
    }
    if (reservedBytes(disk) > this.freeBytes(datastore.name)) {
      throw new VimFault('NoDiskSpace', { file: path, datastore: datastore.name });
    }
    const hex = (this.#random.uuid() + this.#random.uuid()).replaceAll('-', '');
    const made: DiskState = {
      path,
      bytes: disk.bytes,
      uuid: `6000c29${hex.slice(0, 25)}`,
      contentId: hex.slice(32, 64),
      thin: disk.thin,
      ...(base === undefined ? {} : { parent: base.path }),
    };
    this.#disks.set(path, made);
    if (base !== undefined) this.contents?.childMade(made, base);
    return made;
  }

  remove(path: string): DiskState {
    const disk = this.get(path);
    this.#disks.delete(disk.path);
    this.contents?.deleted(disk);
    return disk;
  }
}

const reservedBytes = ({ bytes, parent }: Pick<NewDisk, 'bytes' | 'parent'>): number =>
  parent === undefined ? bytes : 0;
