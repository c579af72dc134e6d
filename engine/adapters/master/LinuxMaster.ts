import { existsSync, readFileSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { engineVersion } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { ChangeFeed, Master, SourceDisk } from '#machines/parties/master.ts';
import type { MasterDescription } from '#machines/vocabulary.ts';
import { AlignedSlots } from './alignedMemory.ts';
import { findBlockDevice, type BlockDevice } from './blockDevice.ts';
import { LinuxSourceDisk } from './LinuxSourceDisk.ts';
import { TraceChangeFeed } from './TraceChangeFeed.ts';
import { defaultTraceFolder, traceObstacle } from './traceInstance.ts';

export type LinuxMasterOptions = {
  /** Device paths of whole disks, e.g. `/dev/sda`. Nothing else can be opened through this party. */
  readonly disks: readonly string[];
  readonly systemDisk: string;
  readonly clock: Clock;
  readonly traceFolder?: string | undefined;
  /** Firmware the protected disks boot with, where they are not those this host booted from. */
  readonly firmware?: 'bios' | 'efi' | undefined;
  /** Tells the trace rings of several engines on one host apart. */
  readonly traceName?: string;
  /** Size of the trace ring of each CPU. */
  readonly ringKib?: number;
};

/** A Linux host on which the engine runs as root. */
export class LinuxMaster implements Master {
  readonly #options: LinuxMasterOptions;
  readonly #traceFolder: string;
  readonly #slots = new AlignedSlots({ slots: 8, slotBytes: 1024 * 1024 });

  constructor(options: LinuxMasterOptions) {
    this.#options = options;
    this.#traceFolder = options.traceFolder ?? defaultTraceFolder;
  }

  /** A disk that is not there now is left out: the others can still be protected, and verification names the missing one. */
  async describe(): Promise<MasterDescription> {
    const devices = this.#options.disks.flatMap(deviceIfPresent);
    return {
      hostName: hostname(),
      engineVersion,
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      firmware: this.#options.firmware ?? (existsSync('/sys/firmware/efi') ? 'efi' : 'bios'),
      cpus: cpus().length,
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      disks: devices.map(({ diskId, bytes }) => ({ diskId, bytes, system: diskId === this.#options.systemDisk })),
      changeSource: (await traceObstacle(this.#traceFolder, devices)) === undefined ? 'trace' : 'compare',
    };
  }

  async openDisk(diskId: string): Promise<SourceDisk> {
    this.#known(diskId);
    return LinuxSourceDisk.open(diskId, this.#slots);
  }

  async trackChanges(diskIds: readonly string[]): Promise<ChangeFeed> {
    if (diskIds.length === 0) throw new RangeError('there is no disk to track');
    const devices = diskIds.map((diskId) => findBlockDevice(this.#known(diskId)));
    const reason = await traceObstacle(this.#traceFolder, devices);
    if (reason !== undefined) throw new PartyFault('traceNotPermitted', { reason });
    const { traceName: name = 'engine', ringKib, clock } = this.#options;
    const options = { name, devices, traceFolder: this.#traceFolder, clock };
    return new TraceChangeFeed(ringKib === undefined ? options : { ...options, ringKib });
  }

  #known(diskId: string): string {
    if (!this.#options.disks.includes(diskId)) throw new PartyFault('diskMissing', { disk: diskId });
    return diskId;
  }
}

function deviceIfPresent(diskId: string): BlockDevice[] {
  try {
    return [findBlockDevice(diskId)];
  } catch {
    return [];
  }
}
