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
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import { deleteChildVirtualDisk } from './childDisks.ts';
import { attachVirtualDisk, detachVirtualDisk } from './diskAttachment.ts';
import type { AttachmentPlace } from './diskAttachment.ts';
import { toPartyFault } from './faults.ts';
import { readInventory, readVm } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { setNetworkCards } from './networkCards.ts';
import { createVirtualDisk } from './virtualDisks.ts';
import {
  createVirtualMachine,
  powerOffVirtualMachine,
  powerOnVirtualMachine,
  unregisterVirtualMachine,
  vmRef,
  waitForGuestTools,
} from './virtualMachines.ts';
import { VimClient } from './VimClient.ts';
import type { VimCredentials } from './VimClient.ts';

export type EsxiOptions = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** SHA-256 of the host's own certificate, hex; colons and case do not matter. */
  readonly certificateSha256: string;
  readonly clock: Clock;
};

/** A standalone ESXi, or a vCenter with one datacenter, over vim25. Connects when it is first asked something. */
export class EsxiHypervisor implements Hypervisor {
  readonly #session: EsxiSession;
  /** Changes of this host one after the other: two attachments would choose the same unit. */
  #lastChange: Promise<unknown> = Promise.resolve();
  /** The newest epoch heard of each scenario, for as long as this process lives. */
  readonly #epochs = new Map<string, number>();

  constructor({ host, port, user, password, certificateSha256, clock }: EsxiOptions) {
    this.#session = { client: new VimClient({ host, port, certificateSha256 }, { user, password }), clock, host };
  }

  /** Corrected credentials, after a `badCredentials`. */
  useCredentials(credentials: VimCredentials): void {
    this.#session.client.useCredentials(credentials);
  }

  async inspect(): Promise<HypervisorInventory> {
    return this.#told(this.#session.host, () => readInventory(this.#session));
  }

  async createDisk(disk: { readonly path: string; readonly bytes: number }, intent: Intent): Promise<DiskInfo> {
    return this.#changed(disk.path, intent, () => createVirtualDisk(this.#session, disk, intent.deadlineAtMs));
  }

  async attachDisk(place: AttachmentPlace, intent: Intent): Promise<GuestDiskLocator> {
    return this.#changed(place.path, intent, () => attachVirtualDisk(this.#session, place, intent.deadlineAtMs));
  }

  async detachDisk(place: AttachmentPlace, intent: Intent): Promise<void> {
    return this.#changed(place.path, intent, () => detachVirtualDisk(this.#session, place, intent.deadlineAtMs));
  }

  async createVm(spec: VmSpec, intent: Intent): Promise<VmState> {
    return this.#changed(spec.name, intent, () => createVirtualMachine(this.#session, spec, intent));
  }

  async powerOnVm({ vmId }: { readonly vmId: string }, intent: Intent): Promise<void> {
    return this.#changed(vmId, intent, () => powerOnVirtualMachine(this.#session, vmId, intent));
  }

  async powerOffVm(vm: { readonly vmId: string; readonly how: 'guest' | 'hard' }, intent: Intent): Promise<void> {
    this.#refuseUnwanted(vm.vmId, intent);
    // Not behind the other changes: a guest may take minutes to shut down.
    return this.#told(vm.vmId, () => powerOffVirtualMachine(this.#session, vm, intent));
  }

  async describeVm({ vmId }: { readonly vmId: string }): Promise<VmState> {
    return this.#told(vmId, () => readVm(this.#session, vmRef(vmId)));
  }

  async waitForGuest({ vmId }: { readonly vmId: string }, intent: Intent): Promise<GuestState> {
    return this.#told(vmId, () => waitForGuestTools(this.#session, vmId, intent));
  }

  async setNicsConnected(vm: { readonly vmId: string; readonly connected: boolean }, intent: Intent): Promise<void> {
    return this.#changed(vm.vmId, intent, () => setNetworkCards(this.#session, vm, intent));
  }

  async deleteChildDisk(
    { path }: { readonly path: string },
    intent: Intent,
  ): Promise<{ readonly discardedBytes: number }> {
    return this.#changed(path, intent, () => deleteChildVirtualDisk(this.#session, path, intent.deadlineAtMs));
  }

  async unregisterVm({ vmId }: { readonly vmId: string }, intent: Intent): Promise<void> {
    return this.#changed(vmId, intent, () => unregisterVirtualMachine(this.#session, vmId));
  }

  async close(): Promise<void> {
    await this.#session.client.close();
  }

  #changed<Result>(object: string, intent: Intent, change: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(() => {
      this.#refuseUnwanted(object, intent);
      return this.#told(object, change);
    });
    this.#lastChange = result.catch(() => undefined);
    return result;
  }

  /** Looked at when the change's turn has come: it may have waited behind a slow one. */
  #refuseUnwanted(object: string, { scenarioId, epoch, deadlineAtMs }: Intent): void {
    if (this.#session.clock.nowMs() >= deadlineAtMs) throw new PartyFault('timedOut', { what: object }, 'none');
    const newest = this.#epochs.get(scenarioId) ?? epoch;
    if (epoch < newest) throw new PartyFault('staleEpoch', { theirs: epoch, ours: newest });
    this.#epochs.set(scenarioId, epoch);
  }

  async #told<Result>(object: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw toPartyFault(error, { host: this.#session.host, object });
    }
  }
}
