import { faultText, PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Hypervisor, PowerState, VmState } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { EpochGuard } from '#engine/core/epochGuard.ts';
import { provenOff } from '#engine/core/provenOff.ts';
import type { Power } from '#engine/core/provenOff.ts';

export type HypervisorFenceOptions = {
  /** Used for nothing else: `close` ends it. */
  readonly hypervisor: Hypervisor;
  readonly host: string;
  /** The master's own VM. */
  readonly vmName: string;
  readonly clock: Clock;
  /** Between two looks at the power, milliseconds. */
  readonly pollMs?: number;
};

/** The faults of a fence; the rest of a hypervisor's are reasons of a refusal. */
const kept = new Set([
  'badCredentials',
  'untrustedCertificate',
  'unreachable',
  'notFound',
  'fenceDeviceRefused',
  'timedOut',
  'effectUnknown',
  'staleEpoch',
]);

/** A master that is itself a VM: its hypervisor takes its power away. */
export class HypervisorFenceDevice implements FenceDevice {
  readonly #options: HypervisorFenceOptions;
  readonly #epochs = new EpochGuard();

  constructor(options: HypervisorFenceOptions) {
    this.#options = options;
  }

  async describe(): Promise<{ readonly power: Power; readonly identity: string }> {
    const { product, version, vm } = await this.#asFence(() => this.#find());
    return { power: powerOf(vm.power), identity: `${product} ${version} ${vm.name} ${vm.vmId}` };
  }

  async powerOff(intent: Intent): Promise<void> {
    const { hypervisor, host, clock, pollMs = 500 } = this.#options;
    this.#epochs.admit(intent);
    const { vmId } = (await this.#asFence(() => this.#find())).vm;
    await provenOff(
      {
        host: `${host} ${this.#options.vmName}`,
        clock,
        pollMs,
        read: () => this.#asFence(async () => powerOf((await hypervisor.describeVm({ vmId })).power)),
        cut: () => this.#asFence(() => hypervisor.powerOffVm({ vmId, how: 'hard' }, intent), 'effectUnknown'),
      },
      intent,
    );
  }

  async close(): Promise<void> {
    await this.#options.hypervisor.close();
  }

  async #find(): Promise<{ readonly product: string; readonly version: string; readonly vm: VmState }> {
    const { hypervisor, host, vmName } = this.#options;
    const { product, version, vms } = await hypervisor.inspect();
    const [vm, ...others] = vms.filter(({ name }) => name === vmName);
    if (vm === undefined) throw new PartyFault('notFound', { object: vmName });
    // Folders of a vCenter may hold a name twice, and the wrong machine must not be the one that loses its power.
    if (others.length > 0) {
      throw new PartyFault('fenceDeviceRefused', { host, reason: `${others.length + 1} VMs are named ${vmName}` });
    }
    return { product, version, vm };
  }

  /** `passing` is what a passing trouble of the host (it is busy) means for this piece of work. */
  async #asFence<Result>(
    work: () => Promise<Result>,
    passing: 'unreachable' | 'effectUnknown' = 'unreachable',
  ): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      const value = toFault(thrown);
      if (kept.has(value.code)) throw thrown;
      const { host } = this.#options;
      const code = value.duration === 'transient' ? passing : 'fenceDeviceRefused';
      throw new PartyFault(code, { host, reason: faultText(value, 'en') });
    }
  }
}

/** A suspended VM comes back where it was: it still has its power. */
const powerOf = (power: PowerState): Power => {
  if (power === 'off' || power === 'unknown') return power;
  return 'on';
};
