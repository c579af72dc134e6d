import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type {
  DiskInfo,
  GuestState,
  Hypervisor,
  HypervisorInventory,
  VmSpec,
  VmState,
} from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Random } from '#machines/parties/random.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import { folderOf, formatDatastorePath, parseDatastorePath } from './model/datastorePath.ts';
import type { HypervisorModel } from './model/hypervisorModel.ts';
import type { Credentials } from './model/sessionBook.ts';
import type { VmRecord } from './model/state.ts';
import { diskPaths } from './model/vmFacts.ts';
import { partyFaultOf } from './partyFaults.ts';
import { devicesOf, freePlace, hasTag, isDouble, nicsOf, tagKeys, vmState } from './partyVms.ts';

export type HypervisorMethod = Exclude<keyof Hypervisor, 'close'>;

/**
 * A failure that a test plans: `before` the host has done anything, or `after`, when only the answer is lost. `slow`: it
 * is done, much later.
 */
export type PlannedFailure = {
  readonly method: HypervisorMethod;
  /** 1 is the next call of this method. */
  readonly nth: number;
  readonly when: 'before' | 'after' | 'slow';
  /** Instead of `unreachable` (before) or `effectUnknown` (after). */
  readonly fault?: PartyFault;
};

export type SimulatedHypervisorParts = {
  readonly model: HypervisorModel;
  readonly clock: Clock;
  readonly random: Random;
  /** What the caller believes to be the host's; the model knows better. */
  readonly credentials?: Credentials;
  readonly host?: string;
  /** How long a call takes, at most; at least half of it. */
  readonly latencyMs?: number;
  /** Whether the host can be reached now; always when not given. */
  readonly reachable?: () => boolean;
};

/** Longer than a host ever takes, shorter than a wish waits. */
const slowMs = 20_000;
/** What a guest is given to shut down by itself before it is switched off. */
const guestShutdownMs = 120_000;

/** The host's model behind the party's interface, in the time of the clock that is handed in. */
export class SimulatedHypervisor implements Hypervisor {
  readonly model: HypervisorModel;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #credentials: Credentials | undefined;
  readonly #host: string;
  readonly #latencyMs: number;
  readonly #reachable: () => boolean;
  readonly #answers = new Map<string, unknown>();
  readonly #epochs = new Map<string, number>();
  readonly #calls = new Map<HypervisorMethod, number>();
  #failures: (PlannedFailure & { readonly atCall: number })[] = [];
  #session: string | undefined;
  #refused = false;

  constructor(parts: SimulatedHypervisorParts) {
    this.model = parts.model;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#credentials = parts.credentials;
    this.#host = parts.host ?? 'esxi';
    this.#latencyMs = parts.latencyMs ?? 40;
    this.#reachable = parts.reachable ?? (() => true);
  }

  /** Plans a failure; several may wait at once. */
  fail(failure: PlannedFailure): void {
    this.#failures.push({ ...failure, atCall: (this.#calls.get(failure.method) ?? 0) + failure.nth });
  }

  /** How often a method was called. */
  callsOf(method: HypervisorMethod): number {
    return this.#calls.get(method) ?? 0;
  }

  inspect(): Promise<HypervisorInventory> {
    const { model } = this;
    return this.#ask('inspect', this.#host, () => ({
      product: 'VMware ESXi',
      version: '6.7.0',
      writable: true,
      datastores: model.disks.datastores.map(({ name, capacityBytes, accessible }) => {
        return { name, capacityBytes, accessible, freeBytes: model.disks.freeBytes(name) };
      }),
      networks: model.networks.map((name) => ({ name })),
      resourcePools: model.resourcePools.map((name) => ({ name })),
      vms: model.vms().map(vmState),
    }));
  }

  createDisk(disk: { readonly path: string; readonly bytes: number }, intent: Intent): Promise<DiskInfo> {
    const { disks } = this.model;
    return this.#change('createDisk', disk.path, intent, disk.bytes, () => {
      if (disk.bytes <= 0 || disk.bytes % 512 !== 0) {
        throw new PartyFault('invalidSpec', { field: 'bytes', reason: `${disk.bytes} is not a multiple of 512` });
      }
      const found = disks.find(disk.path);
      if (found !== undefined && found.bytes !== disk.bytes) throw new PartyFault('exists', { object: disk.path });
      const { datastore, file } = parseDatastorePath(disk.path);
      if (folderOf(file) !== '') disks.ensureFolder(formatDatastorePath({ datastore, file: folderOf(file) }));
      const { path, bytes, uuid } = found ?? this.model.createDisk({ ...disk, thin: true });
      return { path, bytes, uuid };
    });
  }

  attachDisk(place: { readonly vmName: string; readonly path: string }, intent: Intent): Promise<GuestDiskLocator> {
    return this.#change('attachDisk', place.path, intent, 0, () => {
      const vm = this.#vmNamed(place.vmName);
      if (vm.power !== 'poweredOn') throw new PartyFault('invalidState', { object: vm.name, reason: vm.power });
      const disk = this.model.disks.get(place.path);
      if (!diskPaths(vm).includes(disk.path)) {
        // A disk added above a snapshot could not be taken away again.
        if (vm.snapshots.length > 0) throw new PartyFault('snapshotBlocks', { object: vm.name });
        const deviceChanges = [freePlace(vm, disk.path)];
        this.model.reconfigureVm(vm.id, { deviceChanges });
      }
      return { wwn: disk.uuid, expectBytes: disk.bytes };
    });
  }

  detachDisk(place: { readonly vmName: string; readonly path: string }, intent: Intent): Promise<void> {
    return this.#change('detachDisk', place.vmName, intent, 0, () => {
      const vm = this.#vmNamed(place.vmName);
      const device = vm.devices.find((one) => one.kind === 'disk' && one.path === place.path);
      if (device === undefined) return;
      this.model.reconfigureVm(vm.id, { deviceChanges: [{ remove: device.key, destroyFile: false }] });
    });
  }

  createVm(spec: VmSpec, intent: Intent): Promise<VmState> {
    return this.#change('createVm', spec.name, intent, 0, () => {
      const ours = this.model.vms().find((vm) => hasTag(vm, intent.scenarioId, spec.role));
      if (ours !== undefined) return vmState(ours);
      const made = this.#withChildren(spec, () =>
        this.model.createVm({
          name: spec.name,
          vmPathName: `[${spec.datastore}]`,
          resourcePool: spec.resourcePool ?? 'Resources',
          cpus: spec.cpus,
          memoryMiB: spec.memoryMiB,
          firmware: spec.firmware,
          extraConfig: {
            [tagKeys.scenarioId]: intent.scenarioId,
            [tagKeys.role]: spec.role,
            [tagKeys.ticket]: intent.ticket,
            'disk.EnableUUID': 'TRUE',
          },
          deviceChanges: devicesOf(spec),
        }),
      );
      return vmState(made);
    });
  }

  powerOnVm({ vmId }: { readonly vmId: string }, intent: Intent): Promise<void> {
    return this.#change('powerOnVm', vmId, intent, 0, () => {
      const vm = this.model.vm(vmId);
      if (vm.power === 'poweredOn') return;
      const rival = this.model
        .vms()
        .find((one) => one.id !== vmId && one.power === 'poweredOn' && isDouble(one, intent.scenarioId));
      if (rival !== undefined) {
        const reason = `${rival.name} of the same scenario is on`;
        throw new PartyFault('invalidState', { object: vm.name, reason });
      }
      this.model.powerOn(vmId);
    });
  }

  powerOffVm({ vmId, how }: { readonly vmId: string; readonly how: 'guest' | 'hard' }, intent: Intent): Promise<void> {
    return this.#change('powerOffVm', vmId, intent, 0, async () => {
      const vm = this.model.vm(vmId);
      if (vm.power === 'poweredOff') return;
      if (how === 'guest' && vm.guest.tools === 'guestToolsRunning') {
        this.model.shutdownGuest(vmId);
        const patienceMs = Math.min(guestShutdownMs, (intent.deadlineAtMs - this.#clock.nowMs()) / 2);
        await this.#until(() => vm.power === 'poweredOff', patienceMs);
      }
      this.model.guestGone(vmId);
    });
  }

  describeVm({ vmId }: { readonly vmId: string }): Promise<VmState> {
    return this.#ask('describeVm', vmId, () => vmState(this.model.vm(vmId)));
  }

  waitForGuest({ vmId }: { readonly vmId: string }, intent: Intent): Promise<GuestState> {
    return this.#ask('waitForGuest', vmId, async () => {
      const vm = this.model.vm(vmId);
      const leftMs = intent.deadlineAtMs - this.#clock.nowMs();
      const up = await this.#until(() => vm.guest.tools === 'guestToolsRunning', leftMs);
      if (!up) throw new PartyFault('timedOut', { what: `waitForGuest ${vm.name}` });
      const { hostName, ipAddress } = vm.guest;
      return {
        tools: 'running' as const,
        ...(hostName === undefined ? {} : { hostName }),
        ...(ipAddress === undefined ? {} : { ipAddress }),
      };
    });
  }

  setNicsConnected(
    { vmId, connected }: { readonly vmId: string; readonly connected: boolean },
    intent: Intent,
  ): Promise<void> {
    return this.#change('setNicsConnected', vmId, intent, 0, () => {
      const vm = this.model.vm(vmId);
      const rival = this.model
        .vms()
        .find((one) => one.id !== vmId && isDouble(one, intent.scenarioId) && nicsOf(one).some((nic) => nic.connected));
      if (connected && rival !== undefined) {
        const reason = `${rival.name} of the same scenario is on the network`;
        throw new PartyFault('invalidState', { object: vm.name, reason });
      }
      const deviceChanges = nicsOf(vm).flatMap((nic) =>
        nic.connected === connected ? [] : [{ edit: nic.key, connected }],
      );
      if (deviceChanges.length > 0) this.model.reconfigureVm(vmId, { deviceChanges });
    });
  }

  deleteChildDisk({ path }: { readonly path: string }, intent: Intent): Promise<{ readonly discardedBytes: number }> {
    return this.#change('deleteChildDisk', path, intent, 0, () => {
      const { disks } = this.model;
      const disk = disks.find(path);
      if (disk === undefined) return { discardedBytes: 0 };
      if (disk.parent === undefined)
        throw new PartyFault('invalidSpec', { field: 'path', reason: `${path} is no child` });
      if (this.model.vms().some((vm) => diskPaths(vm).includes(disk.path)))
        throw new PartyFault('locked', { path }, 'none');
      const discardedBytes = disks.contents?.bytesIn(disk) ?? 0;
      this.model.deleteDisk(disk.path);
      return { discardedBytes };
    });
  }

  unregisterVm({ vmId }: { readonly vmId: string }, intent: Intent): Promise<void> {
    return this.#change('unregisterVm', vmId, intent, 0, () => {
      if (this.model.findVm(vmId) !== undefined) this.model.unregisterVm(vmId);
    });
  }

  async close(): Promise<void> {
    if (this.#session !== undefined) this.model.sessions.logout(this.#session);
    this.#session = undefined;
  }

  /** A VM that is not made leaves no children behind. */
  #withChildren(spec: VmSpec, make: () => VmRecord): VmRecord {
    const { model } = this;
    const children: string[] = [];
    try {
      for (const { path, childOf } of spec.disks) {
        if (childOf === undefined) continue;
        const { bytes, path: parent } = model.disks.get(childOf);
        const { datastore, file } = parseDatastorePath(path);
        if (folderOf(file) !== '') model.disks.ensureFolder(formatDatastorePath({ datastore, file: folderOf(file) }));
        children.push(model.createDisk({ path, bytes, parent, thin: true }).path);
      }
      return make();
    } catch (thrown) {
      for (const path of children) model.disks.remove(path);
      throw thrown;
    }
  }

  #vmNamed(name: string): VmRecord {
    const vm = this.model.vms().find((one) => one.name === name);
    if (vm === undefined) throw new PartyFault('notFound', { object: name });
    return vm;
  }

  /** A mutation: once per ticket, and never for an older epoch. */
  async #change<Result>(
    method: HypervisorMethod,
    object: string,
    intent: Intent,
    neededBytes: number,
    work: () => Result | Promise<Result>,
  ): Promise<Result> {
    const key = `${method} ${intent.ticket}`;
    const run = async (): Promise<Result> => {
      if (this.#answers.has(key)) return this.#answers.get(key) as Result;
      const newest = this.#epochs.get(intent.scenarioId) ?? 0;
      if (intent.epoch < newest) throw new PartyFault('staleEpoch', { theirs: intent.epoch, ours: newest });
      this.#epochs.set(intent.scenarioId, intent.epoch);
      const result = await work();
      this.#answers.set(key, result);
      return result;
    };
    return this.#ask(method, object, run, neededBytes);
  }

  async #ask<Result>(
    method: HypervisorMethod,
    object: string,
    work: () => Result | Promise<Result>,
    neededBytes = 0,
  ): Promise<Result> {
    const nth = this.callsOf(method) + 1;
    this.#calls.set(method, nth);
    const planned = this.#failures.find((one) => one.method === method && one.atCall === nth);
    this.#failures = this.#failures.filter((one) => one !== planned);
    const half = Math.ceil(this.#latencyMs / 2);
    // What was sent is on its way, whatever becomes of whoever sent it; he hears of it when he runs.
    await this.model.clock.sleep(half + this.#random.integer(half + 1));
    if (planned?.when === 'slow') await this.model.clock.sleep(slowMs);
    if (planned?.when === 'before') {
      throw planned.fault ?? new PartyFault('unreachable', { host: this.#host, reason: 'simulated' });
    }
    if (!this.#reachable()) throw new PartyFault('unreachable', { host: this.#host, reason: 'ETIMEDOUT' });
    let result: Result;
    try {
      this.#logIn();
      result = await work();
      await this.#clock.sleep(0);
    } catch (thrown) {
      await this.#clock.sleep(0);
      throw partyFaultOf(thrown, { model: this.model, host: this.#host, object, neededBytes });
    }
    if (planned?.when === 'after') throw planned.fault ?? new PartyFault('effectUnknown', { host: this.#host });
    return result;
  }

  /** Wrong credentials are refused once and never sent again: the host would lock the account. */
  #logIn(): void {
    if (this.#credentials === undefined || this.model.sessions.use(this.#session) !== undefined) return;
    if (this.#refused) throw new PartyFault('badCredentials', { host: this.#host });
    try {
      this.#session = this.model.sessions.login(this.#credentials.user, this.#credentials.password).key;
    } catch (thrown) {
      this.#refused = true;
      throw thrown;
    }
  }

  /** Waits for a change of the model; false when it did not come in time. */
  #until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isTrue()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        stopListening();
        stopTimer();
        resolve(result);
      };
      const stopListening = this.model.onChanged(() => {
        if (isTrue()) finish(true);
      });
      const stopTimer = this.#clock.after(Math.max(0, timeoutMs), () => finish(isTrue()));
    });
  }
}
