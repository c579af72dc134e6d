import { PartyFault } from '#machines/faults.ts';
import type { GuestDiskLocator, ReplicaDisk, ReplicaDisks } from '#machines/parties/replicaDisk.ts';
import { SimulatedBlocks } from './simulatedBlocks.ts';

type Attached = { readonly blocks: SimulatedBlocks; opener: SimulatedReplicaDisk | undefined };

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {});

/** The disks that the hypervisor has attached to one appliance, by WWN, in memory. */
export class SimulatedReplicaDisks implements ReplicaDisks {
  readonly #attached = new Map<string, Attached>();

  /** The hypervisor attaches a disk; the blocks stay its own. A number makes an empty disk of so many bytes. */
  attach(wwn: string, disk: SimulatedBlocks | number): SimulatedBlocks {
    const blocks = typeof disk === 'number' ? new SimulatedBlocks(disk) : disk;
    this.#attached.set(wwn, { blocks, opener: undefined });
    return blocks;
  }

  /** The hypervisor detaches it: whoever still has it open is told so by every call. */
  detach(wwn: string): void {
    this.#attached.get(wwn)?.opener?.detached();
    this.#attached.delete(wwn);
  }

  /** Whether a guest still holds the disk: a hypervisor must not detach it then. */
  isOpen(wwn: string): boolean {
    return this.#attached.get(wwn)?.opener !== undefined;
  }

  /** The opener's process is killed: its handles stay silent for ever, and the disks can be opened anew. */
  killOpeners(): void {
    for (const attached of this.#attached.values()) {
      attached.opener?.kill();
      attached.opener = undefined;
    }
  }

  async open(locator: GuestDiskLocator): Promise<ReplicaDisk> {
    const attached = this.#attached.get(locator.wwn);
    const unproven = (reason: string): PartyFault =>
      new PartyFault('replicaDiskUnproven', { path: locator.wwn, reason });
    if (attached === undefined) throw unproven('no such disk');
    const { bytes } = attached.blocks;
    if (bytes !== locator.expectBytes) throw unproven(`${bytes} bytes instead of ${locator.expectBytes}`);
    if (attached.opener !== undefined) throw unproven('open already');
    const disk = new SimulatedReplicaDisk(attached.blocks, locator.wwn, () => {
      if (attached.opener === disk) attached.opener = undefined;
    });
    attached.opener = disk;
    return disk;
  }
}

class SimulatedReplicaDisk implements ReplicaDisk {
  readonly bytes: number;
  readonly #blocks: SimulatedBlocks;
  readonly #wwn: string;
  readonly #release: () => void;
  #state: 'open' | 'closed' | 'detached' | 'dead' = 'open';

  constructor(blocks: SimulatedBlocks, wwn: string, release: () => void) {
    this.#blocks = blocks;
    this.#wwn = wwn;
    this.#release = release;
    this.bytes = blocks.bytes;
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#do(() => this.#blocks.write(offset, bytes));
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#do(() => this.#blocks.zero(offset, length));
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#do(() => this.#blocks.read(offset, length));
  }

  flush(): Promise<void> {
    return this.#do(() => this.#blocks.flush());
  }

  async close(): Promise<void> {
    if (this.#state === 'dead') return never();
    this.#state = 'closed';
    this.#release();
  }

  detached(): void {
    this.#state = 'detached';
  }

  kill(): void {
    this.#state = 'dead';
  }

  async #do<Value>(work: () => Value): Promise<Value> {
    if (this.#state === 'dead') return never();
    if (this.#state === 'closed') throw new Error('the replica disk is closed');
    if (this.#state === 'detached') {
      throw new PartyFault('replicaDiskUnproven', { path: this.#wwn, reason: 'detached' }, 'unknown');
    }
    return work();
  }
}
