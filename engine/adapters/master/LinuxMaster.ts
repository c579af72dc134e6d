import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { engineVersion } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { ChangeFeed, Master, SourceDisk } from '#machines/parties/master.ts';
import type { MasterDescription } from '#machines/vocabulary.ts';
import { AlignedSlots } from './alignedMemory.ts';
import { findBlockDevice, type BlockDevice } from './blockDevice.ts';
import { IsolationRecord } from './isolationRecord.ts';
import { LinuxSourceDisk } from './LinuxSourceDisk.ts';
import { TraceChangeFeed } from './TraceChangeFeed.ts';
import { defaultTraceFolder, reasonOf, traceObstacle } from './traceInstance.ts';

export type LinuxMasterOptions = {
  /** Device paths of whole disks, e.g. `/dev/sda`. Nothing else can be opened through this party. */
  readonly disks: readonly string[];
  readonly systemDisk: string;
  /** Interfaces of the production network; empty means that isolation is only recorded. */
  readonly productionInterfaces: readonly string[];
  readonly stateFolder: string;
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
  readonly #isolation: IsolationRecord;
  readonly #slots = new AlignedSlots({ slots: 8, slotBytes: 1024 * 1024 });

  constructor(options: LinuxMasterOptions) {
    this.#options = options;
    this.#traceFolder = options.traceFolder ?? defaultTraceFolder;
    this.#isolation = new IsolationRecord(options.stateFolder);
  }

  /** A disk that is not there now is left out: the others can still be protected, and verification names the missing one. */
  async describe(): Promise<MasterDescription> {
    const devices = this.#options.disks.flatMap(deviceIfPresent);
    return {
      hostName: hostname(),
      engineVersion,
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

  /** Faults: `staleEpoch`, `timedOut`; `internal` with the effect unknown when an interface does not go down. */
  async isolate(intent: Intent): Promise<void> {
    // Recorded first: an engine killed in between finishes the isolation when it comes back.
    this.#isolation.isolate(intent, this.#options.clock.nowMs());
    await this.enforceIsolation();
  }

  /** Faults: as `isolate`. */
  async rejoin(intent: Intent): Promise<void> {
    this.#isolation.rejoin(intent, this.#options.clock.nowMs());
    if (!this.#isolation.isolated) await this.#setInterfaces('up');
  }

  /** Whether the record says that this host stays off its production network; true from construction on. */
  isIsolated(): boolean {
    return this.#isolation.isolated;
  }

  /** Takes the interfaces down when the record says so; called at the engine's start, as a restart of the host lifts them. */
  async enforceIsolation(): Promise<void> {
    if (this.#isolation.isolated) await this.#setInterfaces('down');
  }

  async #setInterfaces(state: 'up' | 'down'): Promise<void> {
    // Every interface is tried, whatever happens to the others: half an isolation is better than none.
    const results = await Promise.allSettled(
      this.#options.productionInterfaces.map((name) => promisify(execFile)('ip', ['link', 'set', 'dev', name, state])),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw new PartyFault('internal', { reason: reasonOf(failure.reason) }, 'unknown');
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
