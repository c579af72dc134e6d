import { PartyFault } from '#machines/faults.ts';
import type { Fact } from '#machines/host/step.ts';
import type { BareMetal, BareMetalDescription, BareMetalTarget, DiskDigest } from '#machines/parties/bareMetal.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { SimulatedBlocks } from '#simulators/replicaDisk/simulatedBlocks.ts';
import { Calls } from './plannedFailures.ts';
import type { PlannedFailure } from './plannedFailures.ts';

export type BareMetalMethod = keyof BareMetal;

export type SimulatedBareMetalParts = {
  readonly clock: Clock;
  /** Milestones, as the appliance hears them. */
  readonly tell: (fact: Fact) => void;
  readonly machine: BareMetalDescription;
  /** A disk of the running substitute VM; undefined while its engine cannot be reached. */
  readonly sourceDisk: (diskId: string) => SimulatedBlocks | undefined;
  /** A disk that is attached to the appliance. */
  readonly attachedDisk: (locator: GuestDiskLocator) => SimulatedBlocks | undefined;
  /** How long the copy of the whole disks takes. */
  readonly copyMs?: number;
  readonly latencyMs?: number;
  /** A disk of the machine is written to. */
  readonly onWrite?: () => void;
  /** The machine boots from its own disks. */
  readonly onRestart?: (intent: Intent) => void;
};

type Plan = Parameters<BareMetal['receive']>[0];

/**
 * A machine booted from the boot kit, in the time of the clock that is handed in. What was written to it is what was
 * copied: a test holds `contentOf` against the disks of the substitute VM.
 */
export class SimulatedBareMetal implements BareMetal {
  /** `off` is also a machine that hangs at boot. */
  state: 'kit' | 'booted' | 'off' = 'kit';
  /** Whether the kit can be reached over the network. */
  reachable = true;
  /** The guard on the restored disks, once the machine has booted from them. */
  guard: { epoch: number; isolated: boolean } | undefined;
  /** A machine that does not come up from its own disks. */
  boots = true;
  readonly calls: Calls<BareMetalMethod>;
  readonly #parts: SimulatedBareMetalParts;
  readonly #contents = new Map<string, SimulatedBlocks>();
  #plan: Plan | undefined;
  #copied = false;
  #cancel: () => void = () => {};

  constructor(parts: SimulatedBareMetalParts) {
    this.#parts = parts;
    this.calls = new Calls(parts.clock, parts.machine.hardwareId, parts.latencyMs ?? 40);
  }

  fail(failure: PlannedFailure<BareMetalMethod>): void {
    this.calls.fail(failure);
  }

  /** What a disk of the machine holds; undefined before the first write. */
  contentOf(serial: string): SimulatedBlocks | undefined {
    return this.#contents.get(serial);
  }

  /** The link from the substitute VM breaks and comes back. */
  disconnect(reason: string): void {
    this.#tell({ type: 'bareMetal.disconnected', reason });
  }

  reconnect(): void {
    this.#tell({ type: 'bareMetal.reconnected' });
    if (this.#plan !== undefined) this.#copySoon(this.#plan);
  }

  /** The appliance's process ends: it must ask for the stream again. */
  crash(): void {
    this.#stop();
  }

  /** The machine loses its power: the kit forgets, the disks stay, and it cannot boot from them before `restart`. */
  losePower(): void {
    this.disconnect('the machine has lost its power');
    this.#stop();
    this.state = 'off';
    this.guard = undefined;
  }

  describe(_at: HostAddress): Promise<BareMetalDescription> {
    return this.calls.ask('describe', () => {
      this.#mustRunKit();
      return this.#parts.machine;
    });
  }

  receive(plan: Plan, intent: Intent): Promise<void> {
    return this.calls.change('receive', intent, () => {
      this.#mustRunKit();
      this.#prove(plan.target);
      if (this.#plan !== undefined) return;
      this.#plan = plan;
      this.#copySoon(plan);
    });
  }

  finish(
    { target, disks }: Parameters<BareMetal['finish']>[0],
    intent: Intent,
  ): Promise<{ readonly digests: readonly DiskDigest[] }> {
    return this.calls.change('finish', intent, () => {
      this.#mustRunKit();
      this.#prove(target);
      this.#stop();
      const digests = target.mapping.map(({ diskId, serial }): DiskDigest => {
        const locator = disks.find((disk) => disk.diskId === diskId)?.locator;
        const source = locator && this.#parts.attachedDisk(locator);
        if (!source) throw new PartyFault('diskMissing', { disk: diskId });
        this.#write(serial, source);
        // A digest stands for the bytes: equal disks have the same one, others do not.
        const same = this.#contents.get(serial)?.equals(source) === true;
        return { diskId, serial, source: `${diskId}:bytes`, target: same ? `${diskId}:bytes` : 'other' };
      });
      return { digests };
    });
  }

  restart(target: BareMetalTarget, intent: Intent): Promise<void> {
    return this.calls.change('restart', intent, () => {
      this.#mustRunKit();
      this.#prove(target);
      this.#stop();
      this.state = this.boots ? 'booted' : 'off';
      if (!this.boots) return;
      this.guard = { epoch: intent.epoch, isolated: true };
      this.#parts.onRestart?.(intent);
    });
  }

  abandon(target: BareMetalTarget, intent: Intent): Promise<{ readonly confirmed: boolean }> {
    return this.calls.change('abandon', intent, () => {
      const confirmed = this.state === 'kit' && this.reachable && target.hardwareId === this.#parts.machine.hardwareId;
      if (confirmed) this.#stop();
      return { confirmed };
    });
  }

  /** A failure hook: what the machine's disk swallows of a write. */
  loseWrites = false;

  #write(serial: string, source: SimulatedBlocks): void {
    this.#parts.onWrite?.();
    if (this.loseWrites && this.#contents.has(serial)) return;
    this.#contents.set(serial, source.clone());
  }

  #copySoon(plan: Plan): void {
    this.#cancel();
    const { clock, copyMs = 60_000 } = this.#parts;
    this.#cancel = clock.after(this.#copied ? 0 : copyMs, () => this.#copyAll(plan));
  }

  #copyAll({ target }: Plan): void {
    for (const { diskId, serial } of target.mapping) {
      const source = this.#parts.sourceDisk(diskId);
      if (!source) return this.disconnect(`${diskId} cannot be read`);
      this.#write(serial, source);
    }
    const bytes = target.mapping.reduce((sum, disk) => sum + disk.bytes, 0);
    if (!this.#copied) this.#tell({ type: 'bareMetal.synchronized', bytes });
    this.#copied = true;
    this.#tell({ type: 'bareMetal.caughtUp', point: { sequence: 1, atNs: String(this.#parts.clock.monotonicNs()) } });
  }

  #prove({ hardwareId, mapping }: BareMetalTarget): void {
    const { machine } = this.#parts;
    if (hardwareId !== machine.hardwareId) throw new PartyFault('targetUnproven', { reason: machine.hardwareId });
    for (const { serial, bytes } of mapping) {
      const disk = machine.disks.find((candidate) => candidate.serial === serial);
      if (!disk || disk.bytes < bytes) throw new PartyFault('targetUnproven', { reason: serial });
    }
  }

  #mustRunKit(): void {
    if (this.state !== 'kit' || !this.reachable)
      throw new PartyFault('unreachable', { host: this.#parts.machine.hardwareId, reason: this.state });
  }

  #stop(): void {
    this.#cancel();
    this.#plan = undefined;
  }

  #tell(fact: Fact): void {
    if (this.#plan !== undefined) this.#parts.tell(fact);
  }
}
