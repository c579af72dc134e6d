import type { DiskBook } from './diskBook.ts';
import type { VmRecord } from './state.ts';
import { VimFault } from './vimFault.ts';
import { diskPaths } from './vmFacts.ts';

/** Who may open which disk: one running VM writes to it, or any number of children read it. */
export class DiskLocks {
  readonly #disks: DiskBook;
  readonly #vms: () => readonly VmRecord[];

  constructor(parts: { readonly disks: DiskBook; readonly vms: () => readonly VmRecord[] }) {
    this.#disks = parts.disks;
    this.#vms = parts.vms;
  }

  /** The running VM that has a disk open for writing. */
  writerOf(path: string): VmRecord | undefined {
    return this.#vms().find((vm) => vm.power !== 'poweredOff' && diskPaths(vm).includes(path));
  }

  /** The VM, on or off, that has a child of this disk: writing to the base would ruin what the child reads. */
  childHolder(path: string): VmRecord | undefined {
    return this.#vms().find((vm) =>
      diskPaths(vm).some((held) => this.#disks.basesOf(held).some((base) => base.path === path)),
    );
  }

  /** Whether nobody loses anything when the disk goes. Fault: `FileLocked`. */
  checkFree(path: string): void {
    if (this.writerOf(path) ?? this.childHolder(path)) throw new VimFault('FileLocked', { file: path });
  }

  /** Whether a VM may run with a disk, writing to it and reading its bases. Faults: `FileNotFound`, `FileLocked`. */
  checkOpen(vm: VmRecord, path: string): void {
    const disk = this.#disks.get(path);
    const writer = this.writerOf(disk.path);
    if ((writer !== undefined && writer.id !== vm.id) || this.childHolder(disk.path) !== undefined) {
      throw new VimFault('FileLocked', { file: disk.path });
    }
    for (const base of this.#disks.basesOf(disk.path)) this.checkBase(base.path);
  }

  /** Whether a disk may have children now: nobody writes to it. Faults: `FileNotFound`, `FileLocked`. */
  checkBase(path: string): void {
    const base = this.#disks.get(path);
    if (this.writerOf(base.path) !== undefined) throw new VimFault('FileLocked', { file: base.path });
  }
}
