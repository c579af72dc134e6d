import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { diskPaths } from '../model/vmFacts.ts';
import type { HypervisorModel } from '../model/hypervisorModel.ts';
import type { DatastoreFolder } from './datastoreFolder.ts';

/**
 * Stands in for `/dev/disk/by-id` of modelled guests: `<folder>/<vmName>/wwn-0x<uuid>` leads to the bytes of each disk
 * that is attached to the running VM, and goes away with it.
 */
export class GuestDisks {
  readonly #folder: string;
  readonly #model: HypervisorModel;
  readonly #datastores: DatastoreFolder;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly folder: string;
    readonly model: HypervisorModel;
    readonly datastores: DatastoreFolder;
  }) {
    this.#folder = parts.folder;
    this.#model = parts.model;
    this.#datastores = parts.datastores;
  }

  /** Makes the links what the model says; calls take turns. */
  show(): Promise<void> {
    this.#last = this.#last.then(
      () => this.#show(),
      () => this.#show(),
    );
    return this.#last;
  }

  async #show(): Promise<void> {
    for (const vm of this.#model.vms()) {
      if (!this.#model.isGuestModelled(vm)) continue;
      const folder = join(this.#folder, vm.name.replaceAll('/', '_'));
      await mkdir(folder, { recursive: true });
      const wanted = new Map<string, string>();
      for (const path of vm.power === 'poweredOn' ? diskPaths(vm) : []) {
        const disk = this.#model.disks.find(path);
        // A child's bytes are in no one file.
        if (disk !== undefined && disk.parent === undefined)
          wanted.set(`wwn-0x${disk.uuid}`, this.#datastores.extentPath(disk));
      }
      const present = await readdir(folder);
      for (const name of present) {
        if (name.startsWith('wwn-0x') && !wanted.has(name)) await rm(join(folder, name), { force: true });
      }
      for (const [name, target] of wanted) {
        if (!present.includes(name)) await symlink(target, join(folder, name));
      }
    }
  }
}
