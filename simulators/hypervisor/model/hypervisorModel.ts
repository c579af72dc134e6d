import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { formatDatastorePath, parseDatastorePath } from './datastorePath.ts';
import { changeDevices } from './devices.ts';
import type { DeviceChange } from './devices.ts';
import { DiskBook } from './diskBook.ts';
import type { NewDisk } from './diskBook.ts';
import { DiskLocks } from './diskLocks.ts';
import { SessionBook } from './sessionBook.ts';
import type { Credentials } from './sessionBook.ts';
import type { DatastoreState, DiskState, GuestInside, HostState, VmRecord } from './state.ts';
import { TaskBook } from './taskBook.ts';
import { VimFault } from './vimFault.ts';
import { changeVersion, diskPaths, folderPath, modelledGuest, powerFault, volumeId } from './vmFacts.ts';

export type ModelOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly credentials?: Credentials;
  readonly datastores?: readonly { readonly name: string; readonly capacityBytes: number }[];
  readonly networks?: readonly string[];
  readonly resourcePools?: readonly string[];
  /** How long a task waits before it runs. */
  readonly taskLatencyMs?: number;
  /** A modelled guest reports itself up this long after power-on; undefined: never. */
  readonly guestUpAfterMs?: number | undefined;
  /** False for a VM whose guest really runs and reports for itself. */
  readonly isGuestModelled?: (vm: VmRecord) => boolean;
  /** What an earlier run left. */
  readonly saved?: HostState;
};

export type NewVm = {
  readonly name: string;
  /** `[datastore]` or `[datastore] folder/name.vmx` */
  readonly vmPathName: string;
  readonly resourcePool: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly firmware?: 'bios' | 'efi';
  readonly version?: string;
  readonly guestId?: string;
  readonly annotation?: string;
  readonly uuid?: string;
  readonly extraConfig?: Readonly<Record<string, string>>;
  readonly deviceChanges?: readonly DeviceChange[];
};

export type VmChange = Partial<Omit<NewVm, 'vmPathName' | 'resourcePool' | 'uuid'>> & {
  /** Optimistic lock: the change count that the caller has seen. */
  readonly changeVersion?: string;
};

const guestDown: GuestInside = { tools: 'guestToolsNotRunning' };

/** One ESXi host in memory. Every rule of the host is here, and only here; the faces translate. */
export class HypervisorModel {
  readonly clock: Clock;
  readonly random: Random;
  readonly disks: DiskBook;
  readonly sessions: SessionBook;
  readonly tasks: TaskBook;
  readonly networks: readonly string[];
  readonly resourcePools: readonly string[];
  readonly startedAtMs: number;
  /** Set by tests: modelled guests never report themselves up. */
  guestsNeverUp = false;
  readonly #options: ModelOptions;
  readonly #vms = new Map<string, VmRecord>();
  readonly #locks: DiskLocks;
  readonly #listeners = new Set<() => void>();
  readonly #boots = new Map<string, number>();
  #nextVmId: number;

  constructor(options: ModelOptions) {
    const { clock, random, saved } = options;
    this.#options = options;
    this.clock = clock;
    this.random = random;
    this.startedAtMs = clock.nowMs();
    this.networks = options.networks ?? saved?.networks ?? ['VM Network'];
    this.resourcePools = options.resourcePools ?? saved?.resourcePools ?? ['Resources'];
    const wanted = options.datastores ?? [{ name: 'datastore1', capacityBytes: 2 ** 40 }];
    const datastores = wanted.map((one): DatastoreState => {
      const before = saved?.datastores.find((old) => old.name === one.name);
      return { ...one, id: before?.id ?? volumeId(random), accessible: true };
    });
    this.disks = new DiskBook({ random, datastores, disks: saved?.disks ?? [], folders: saved?.folders ?? [] });
    this.#locks = new DiskLocks({ disks: this.disks, vms: () => this.vms() });
    const credentials = options.credentials ?? { user: 'root', password: 'vmware' };
    this.sessions = new SessionBook({ clock, random, credentials });
    this.tasks = new TaskBook({
      clock,
      random,
      latencyMs: options.taskLatencyMs ?? 20,
      changed: () => this.changed(),
    });
    for (const vm of saved?.vms ?? []) this.#vms.set(vm.id, this.#afterRestart(vm));
    this.#nextVmId = saved?.nextVmId ?? 1;
  }

  /** Calls `listener` after every change. Returns the cancellation. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Everything that outlives the host's agent. */
  save(): HostState {
    return {
      datastores: this.disks.datastores,
      networks: this.networks,
      resourcePools: this.resourcePools,
      folders: this.disks.folders(),
      disks: this.disks.all(),
      vms: this.vms(),
      nextVmId: this.#nextVmId,
    };
  }

  vms(): readonly VmRecord[] {
    return [...this.#vms.values()];
  }

  findVm(id: string): VmRecord | undefined {
    return this.#vms.get(id);
  }

  /** Faults: `ManagedObjectNotFound`. */
  vm(id: string): VmRecord {
    const vm = this.#vms.get(id);
    if (vm === undefined) throw new VimFault('ManagedObjectNotFound', { obj: { type: 'VirtualMachine', id } });
    return vm;
  }

  isGuestModelled(vm: VmRecord): boolean {
    return this.#options.isGuestModelled?.(vm) ?? true;
  }

  /**
   * Thin or thick disk, or the child of one that nobody writes to. Faults: `FileAlreadyExists`, `FileNotFound`,
   * `NoDiskSpace`, `InvalidDatastore`, `FileLocked` (base).
   */
  createDisk(disk: NewDisk): DiskState {
    if (disk.parent !== undefined) this.#locks.checkBase(disk.parent);
    const made = this.disks.create(disk);
    this.changed();
    return made;
  }

  /** Faults: `FileNotFound`, `FileLocked`. */
  deleteDisk(path: string): DiskState {
    const disk = this.disks.get(path);
    this.#locks.checkFree(disk.path);
    this.disks.remove(disk.path);
    this.changed();
    return disk;
  }

  /** Faults: `DuplicateName`, `InvalidName`, `InvalidArgument`, `InvalidDatastore`, those of its devices. */
  createVm(spec: NewVm): VmRecord {
    if (spec.name === '' || spec.name.length > 80) throw new VimFault('InvalidName', { name: spec.name });
    this.#checkName(spec.name);
    this.#checkShape(spec);
    if (!this.resourcePools.includes(spec.resourcePool)) {
      throw new VimFault('ManagedObjectNotFound', { obj: { type: 'ResourcePool', id: spec.resourcePool } });
    }
    const id = String(this.#nextVmId);
    const vm: VmRecord = {
      id,
      name: spec.name,
      uuid: spec.uuid ?? this.random.uuid(),
      instanceUuid: this.random.uuid(),
      vmPathName: this.#placeVm(spec),
      resourcePool: spec.resourcePool,
      version: spec.version ?? 'vmx-14',
      guestId: spec.guestId ?? 'otherGuest64',
      annotation: spec.annotation ?? '',
      cpus: spec.cpus ?? 1,
      memoryMiB: spec.memoryMiB ?? 128,
      firmware: spec.firmware ?? 'bios',
      extraConfig: { ...spec.extraConfig },
      devices: [],
      snapshots: [],
      power: 'poweredOff',
      guest: guestDown,
      changeCount: 1,
    };
    vm.devices = this.#changedDevices(vm, spec.deviceChanges ?? []);
    this.#nextVmId += 1;
    this.disks.ensureFolder(folderPath(vm));
    this.#vms.set(id, vm);
    this.changed();
    return vm;
  }

  /** All of the change or nothing. Faults: `ConcurrentAccess`, `InvalidPowerState`, those of its devices. */
  reconfigureVm(id: string, change: VmChange): VmRecord {
    const vm = this.vm(id);
    if (change.changeVersion !== undefined && change.changeVersion !== changeVersion(vm)) {
      throw new VimFault('ConcurrentAccess');
    }
    if (change.name !== undefined && change.name !== vm.name) this.#checkName(change.name);
    this.#checkShape(change);
    const needsOff = change.cpus !== undefined || change.memoryMiB !== undefined || change.firmware !== undefined;
    if (needsOff && vm.power !== 'poweredOff') throw powerFault(vm, 'poweredOff');
    const changes = change.deviceChanges ?? [];
    const destroyed = changes.flatMap((one) => {
      if (!('remove' in one) || !one.destroyFile) return [];
      const device = vm.devices.find((device) => device.key === one.remove);
      return device?.kind === 'disk' ? [device.path] : [];
    });
    vm.devices = this.#changedDevices(vm, changes);
    for (const path of destroyed) this.disks.remove(path);
    vm.name = change.name ?? vm.name;
    vm.cpus = change.cpus ?? vm.cpus;
    vm.memoryMiB = change.memoryMiB ?? vm.memoryMiB;
    vm.firmware = change.firmware ?? vm.firmware;
    vm.version = change.version ?? vm.version;
    vm.guestId = change.guestId ?? vm.guestId;
    vm.annotation = change.annotation ?? vm.annotation;
    const merged = Object.entries({ ...vm.extraConfig, ...change.extraConfig });
    // An empty value removes a key, as on a real host.
    vm.extraConfig = Object.fromEntries(merged.filter(([, value]) => value !== ''));
    vm.changeCount += 1;
    this.changed();
    return vm;
  }

  /** Faults: `InvalidPowerState`, `FileNotFound`, `FileLocked`. */
  powerOn(id: string): VmRecord {
    const vm = this.vm(id);
    if (vm.power === 'poweredOn') throw powerFault(vm, 'poweredOn');
    for (const path of diskPaths(vm)) this.#locks.checkOpen(vm, path);
    vm.power = 'poweredOn';
    vm.bootedAtMs = this.clock.nowMs();
    vm.changeCount += 1;
    vm.guest = guestDown;
    this.#boots.set(id, (this.#boots.get(id) ?? 0) + 1);
    const upAfterMs = this.#options.guestUpAfterMs;
    if (this.isGuestModelled(vm) && upAfterMs !== undefined) {
      this.#duringBoot(id, upAfterMs, () => {
        const up = vm.guest.tools === 'guestToolsRunning';
        if (!up && !this.guestsNeverUp) this.guestReports(id, modelledGuest(vm));
      });
    }
    this.changed();
    return vm;
  }

  /** Faults: `InvalidPowerState`. */
  powerOff(id: string): VmRecord {
    const vm = this.vm(id);
    if (vm.power === 'poweredOff') throw powerFault(vm, 'poweredOff');
    this.guestGone(id);
    return vm;
  }

  /** Asks the guest to go down; a modelled one does so a second later. Faults: `InvalidPowerState`, `ToolsUnavailable`. */
  shutdownGuest(id: string): VmRecord {
    const vm = this.vm(id);
    if (vm.power !== 'poweredOn') throw powerFault(vm, 'poweredOn');
    if (vm.guest.tools !== 'guestToolsRunning') throw new VimFault('ToolsUnavailable');
    if (this.isGuestModelled(vm)) this.#duringBoot(id, 1000, () => this.guestGone(id));
    return vm;
  }

  /** The guest's tools have spoken. */
  guestReports(id: string, guest: GuestInside): void {
    const vm = this.#vms.get(id);
    if (vm === undefined || vm.power !== 'poweredOn') return;
    vm.guest = guest;
    this.changed();
  }

  /** The VM's machine has stopped, whoever stopped it. */
  guestGone(id: string): void {
    const vm = this.#vms.get(id);
    if (vm === undefined || vm.power === 'poweredOff') return;
    this.#boots.set(id, (this.#boots.get(id) ?? 0) + 1);
    vm.power = 'poweredOff';
    vm.guest = guestDown;
    delete vm.bootedAtMs;
    this.changed();
  }

  /** Forgets the VM, keeps all of its files. Faults: `InvalidPowerState`. */
  unregisterVm(id: string): VmRecord {
    const vm = this.vm(id);
    if (vm.power !== 'poweredOff') throw powerFault(vm, 'poweredOff');
    this.#vms.delete(id);
    this.changed();
    return vm;
  }

  /** Removes the VM **and its disks**, as a real host does; the bases of children stay. Faults: `InvalidPowerState`, `FileLocked`. */
  destroyVm(id: string): { readonly vm: VmRecord; readonly disks: readonly DiskState[] } {
    const paths = diskPaths(this.vm(id));
    const vm = this.vm(id);
    if (vm.power !== 'poweredOff') throw powerFault(vm, 'poweredOff');
    for (const path of paths) this.#locks.checkFree(path);
    this.unregisterVm(id);
    const disks = paths.flatMap((path) => (this.disks.find(path) === undefined ? [] : [this.disks.remove(path)]));
    this.changed();
    return { vm, disks };
  }

  createSnapshot(id: string, snapshot: { readonly name: string; readonly description: string }): number {
    const vm = this.vm(id);
    const number = Math.max(0, ...vm.snapshots.map((one) => one.id)) + 1;
    vm.snapshots = [...vm.snapshots, { ...snapshot, id: number, createdAtMs: this.clock.nowMs() }];
    this.changed();
    return number;
  }

  removeSnapshots(id: string): void {
    this.vm(id).snapshots = [];
    this.changed();
  }

  /** Later, but only if the VM has not been powered off or on again meanwhile. */
  #duringBoot(id: string, delayMs: number, fire: () => void): void {
    const boot = this.#boots.get(id);
    this.clock.after(delayMs, () => {
      if (this.#boots.get(id) === boot) fire();
    });
  }

  #afterRestart(vm: VmRecord): VmRecord {
    const keepsRunning = vm.power === 'poweredOn' && this.isGuestModelled(vm);
    if (keepsRunning || vm.power === 'poweredOff') return { ...vm };
    return { ...vm, power: 'poweredOff', guest: guestDown };
  }

  #checkName(name: string): void {
    const other = this.vms().find((vm) => vm.name === name);
    if (other !== undefined) {
      throw new VimFault('DuplicateName', { name, object: { type: 'VirtualMachine', id: other.id } });
    }
  }

  #checkShape(spec: { readonly cpus?: number; readonly memoryMiB?: number }): void {
    const { cpus = 1, memoryMiB = 4 } = spec;
    if (cpus < 1 || cpus > 128) throw new VimFault('InvalidArgument', { invalidProperty: 'configSpec.numCPUs' });
    if (memoryMiB < 4 || memoryMiB % 4 !== 0) {
      throw new VimFault('InvalidArgument', { invalidProperty: 'configSpec.memoryMB' });
    }
  }

  #placeVm(spec: NewVm): string {
    const datastore = this.disks.datastoreOf(spec.vmPathName);
    const { file } = parseDatastorePath(spec.vmPathName);
    const taken = (path: string): boolean => this.vms().some((vm) => vm.vmPathName === path);
    if (file !== '') {
      const wanted = file.endsWith('.vmx') ? file : `${file}/${spec.name}.vmx`;
      const path = formatDatastorePath({ datastore: datastore.name, file: wanted });
      if (taken(path)) throw new VimFault('FileAlreadyExists', { file: path });
      return path;
    }
    for (let copy = 0; ; copy += 1) {
      const folder = copy === 0 ? spec.name : `${spec.name}_${copy}`;
      const path = formatDatastorePath({ datastore: datastore.name, file: `${folder}/${spec.name}.vmx` });
      if (!taken(path)) return path;
    }
  }

  #changedDevices(vm: VmRecord, changes: readonly DeviceChange[]): VmRecord['devices'] {
    return changeDevices(vm.devices, changes, {
      poweredOn: vm.power === 'poweredOn',
      snapshots: vm.snapshots.length,
      networks: this.networks,
      checkDisk: (path) => {
        if (vm.power === 'poweredOn') this.#locks.checkOpen(vm, path);
        else this.disks.get(path);
      },
      newMacAddress: () => {
        const bytes = [this.random.integer(64), this.random.integer(256), this.random.integer(256)];
        return `00:0c:29:${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
      },
    });
  }
}
