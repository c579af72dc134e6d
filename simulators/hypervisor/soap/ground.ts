import type { ListedFile } from '../model/taskBook.ts';
import type { DiskState, VmRecord } from '../model/state.ts';

/** What the model's changes do outside of it: files, guests, what the appliance's guest sees. */
export type Ground = {
  makeFolder(path: string): Promise<void>;
  /** Writes descriptor and sparse extent; a child's names its base. Fault: `NoDiskSpace`. */
  createDisk(disk: DiskState, base: DiskState | undefined): Promise<void>;
  removeDisk(disk: DiskState): Promise<void>;
  writeVm(vm: VmRecord): Promise<void>;
  removeVm(vm: VmRecord): Promise<void>;
  /** Starts the guest of a powered-on VM, where it is not a modelled one. */
  boot(vm: VmRecord): Promise<void>;
  stop(vm: VmRecord): Promise<void>;
  /** Makes the plugs of a running guest's network cards what the VM says. */
  plugNics(vm: VmRecord): Promise<void>;
  shutdown(vm: VmRecord): Promise<void>;
  /** Shows the disks of all running, modelled VMs to their guests, and hides all others. */
  showDisks(): Promise<void>;
  /** Files in a folder of a datastore. Fault: `FileNotFound`. */
  list(path: string): Promise<readonly ListedFile[]>;
  /** Real path of a datastore's file, for reading. */
  realPath(path: string): string;
};
