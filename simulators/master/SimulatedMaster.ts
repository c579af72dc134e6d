import { engineVersion } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ChangeFeed, Master, SourceDisk } from '#machines/parties/master.ts';
import type { Firmware, MasterDescription, MasterDisk } from '#machines/vocabulary.ts';
import { SimulatedChangeFeed } from './SimulatedChangeFeed.ts';
import { SparseDisk } from './SparseDisk.ts';

const blockBytes = 4096;

export type SimulatedMasterOptions = {
  readonly disks: readonly MasterDisk[];
  readonly clock: Clock;
  readonly hostName?: string;
  readonly engineVersion?: string;
  readonly firmware?: Firmware;
  readonly cpus?: number;
  readonly memoryMiB?: number;
};

/** A protected host in memory, and the hooks a site or a test uses to make things happen to it. */
export class SimulatedMaster implements Master {
  /** Set to make `trackChanges` fail as on a kernel that does not let us trace. */
  traceNotPermitted = false;
  readonly #options: SimulatedMasterOptions;
  readonly #disks: Map<string, SparseDisk>;
  readonly #feeds = new Set<SimulatedChangeFeed>();
  #poweredOn = true;
  #boots = 1;

  constructor(options: SimulatedMasterOptions) {
    this.#options = options;
    this.#disks = new Map(options.disks.map((disk) => [disk.diskId, new SparseDisk(disk.bytes)]));
  }

  get hostName(): string {
    return this.#options.hostName ?? 'master';
  }

  async describe(): Promise<MasterDescription> {
    this.#demandPower();
    return {
      hostName: this.hostName,
      engineVersion: this.#options.engineVersion ?? engineVersion,
      bootId: `boot ${this.#boots}`,
      firmware: this.#options.firmware ?? 'bios',
      cpus: this.#options.cpus ?? 2,
      memoryMiB: this.#options.memoryMiB ?? 2048,
      disks: this.#options.disks.flatMap(({ diskId, system }) => {
        const disk = this.#disks.get(diskId);
        return disk === undefined ? [] : [{ diskId, bytes: disk.bytes, system }];
      }),
      changeSource: this.traceNotPermitted ? 'compare' : 'trace',
    };
  }

  async openDisk(diskId: string): Promise<SourceDisk> {
    this.#demandPower();
    const { bytes } = this.disk(diskId);
    return {
      diskId,
      bytes,
      read: async (offset, length) => this.#read(diskId, bytes, offset, length),
      close: async () => {},
    };
  }

  async trackChanges(diskIds: readonly string[]): Promise<ChangeFeed> {
    this.#demandPower();
    if (diskIds.length === 0) throw new RangeError('there is no disk to track');
    const sizes = new Map(diskIds.map((diskId) => [diskId, this.disk(diskId).bytes]));
    if (this.traceNotPermitted) throw new PartyFault('traceNotPermitted', { reason: 'simulated' });
    const feed: SimulatedChangeFeed = new SimulatedChangeFeed(sizes, {
      beforeDrain: () => {
        this.#demandPower();
        if (!this.#feeds.has(feed)) feed.lose('the host was restarted');
      },
      onClose: (closed) => this.#feeds.delete(closed),
    });
    this.#feeds.add(feed);
    return feed;
  }

  /** A workload's write; completed when it returns. Any alignment. Throws when the host is off. */
  write(diskId: string, offset: number, bytes: Uint8Array): void {
    this.#demandPower();
    this.disk(diskId).write(offset, bytes);
    const atNs = this.#options.clock.monotonicNs();
    for (const feed of this.#feeds) feed.record(diskId, offset, bytes.length, atNs);
  }

  /** The disk's content, whether or not the host is on. Faults: `diskMissing`. */
  disk(diskId: string): SparseDisk {
    const disk = this.#disks.get(diskId);
    if (disk === undefined) throw new PartyFault('diskMissing', { disk: diskId });
    return disk;
  }

  /** Makes the next drain of every open feed report a loss; what they had recorded is gone. */
  loseChanges(reason: string): void {
    for (const feed of this.#feeds) feed.lose(reason);
  }

  removeDisk(diskId: string): void {
    this.disk(diskId);
    this.#disks.delete(diskId);
  }

  shrinkDisk(diskId: string, bytes: number): void {
    this.disk(diskId).resize(bytes);
  }

  get poweredOn(): boolean {
    return this.#poweredOn;
  }

  /** At once, as a power cut: everything asked of the host is `unreachable` from now on, and its feeds are gone. */
  powerOff(): void {
    this.#poweredOn = false;
    this.#feeds.clear();
  }

  powerOn(): void {
    if (!this.#poweredOn) this.#boots += 1;
    this.#poweredOn = true;
  }

  #read(diskId: string, bytes: number, offset: number, length: number): Uint8Array {
    this.#demandPower();
    const disk = this.disk(diskId);
    if (disk.bytes !== bytes) {
      throw new PartyFault('diskChanged', { disk: diskId, expectedBytes: bytes, actualBytes: disk.bytes });
    }
    if (offset % blockBytes !== 0 || (length % blockBytes !== 0 && offset + length !== bytes)) {
      throw new RangeError(`${offset}+${length} is not a range of whole blocks`);
    }
    if (offset < 0 || length <= 0 || offset >= bytes) {
      throw new RangeError(`${offset}+${length} is outside of ${diskId}`);
    }
    return disk.read(offset, Math.min(length, bytes - offset));
  }

  #demandPower(): void {
    if (!this.#poweredOn) throw new PartyFault('unreachable', { host: this.hostName, reason: 'powered off' });
  }
}
