import type { Random } from '#machines/parties/random.ts';
import { folderOf, formatDatastorePath, parseDatastorePath } from './datastorePath.ts';
import type { DatastoreState, DiskState } from './state.ts';
import { VimFault } from './vimFault.ts';

/**
 * Datastores, their folders and virtual disks. Free space is reckoned as if every thin disk were full: what a
 * replica of a disk will need sooner or later.
 */
export class DiskBook {
  readonly #random: Random;
  readonly datastores: readonly DatastoreState[];
  readonly #disks = new Map<string, DiskState>();
  readonly #folders = new Set<string>();

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
      (sum, disk) => (parseDatastorePath(disk.path).datastore === datastore ? sum + disk.bytes : sum),
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

  /** Faults: `FileAlreadyExists`, `FileNotFound` (folder), `NoDiskSpace`, `InvalidDatastore`. */
  create(disk: { readonly path: string; readonly bytes: number; readonly thin: boolean }): DiskState {
    const datastore = this.datastoreOf(disk.path);
    const { file } = parseDatastorePath(disk.path);
    const path = formatDatastorePath({ datastore: datastore.name, file });
    const folder = folderOf(file);
    if (!file.endsWith('.vmdk')) throw new VimFault('InvalidDatastorePath', { datastorePath: disk.path });
    if (folder !== '' && !this.#folders.has(formatDatastorePath({ datastore: datastore.name, file: folder }))) {
      throw new VimFault('FileNotFound', { file: path });
    }
    if (this.#disks.has(path)) throw new VimFault('FileAlreadyExists', { file: path });
    if (disk.bytes > this.freeBytes(datastore.name)) {
      throw new VimFault('NoDiskSpace', { file: path, datastore: datastore.name });
    }
    const hex = (this.#random.uuid() + this.#random.uuid()).replaceAll('-', '');
    const made: DiskState = {
      path,
      bytes: disk.bytes,
      uuid: `6000c29${hex.slice(0, 25)}`,
      contentId: hex.slice(32, 64),
      thin: disk.thin,
    };
    this.#disks.set(path, made);
    return made;
  }

  remove(path: string): DiskState {
    const disk = this.get(path);
    this.#disks.delete(disk.path);
    return disk;
  }
}
