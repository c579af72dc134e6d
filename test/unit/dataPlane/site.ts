import { createHash } from 'node:crypto';
import { ReplicationSources } from '#engine/master/ReplicationSources.ts';
import { acceptSession } from '#engine/protocol/session.ts';
import { ReplicaReceiver } from '#engine/replica/ReplicaReceiver.ts';
import type { ReplicaFact } from '#engine/replica/ReplicaStream.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Network } from '#machines/parties/network.ts';
import type { ReplicaDisks } from '#machines/parties/replicaDisk.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedReplicaDisks } from '#simulators/replicaDisk/SimulatedReplicaDisks.ts';

export const scenario = scenarioId('4009412486');
const blockBytes = 4096;
export const diskPlans = [
  { diskId: '/dev/a', bytes: 96 * blockBytes, locator: { wwn: 'a'.repeat(32), expectBytes: 96 * blockBytes } },
  { diskId: '/dev/b', bytes: 160 * blockBytes, locator: { wwn: 'b'.repeat(32), expectBytes: 160 * blockBytes } },
];

type Write = { readonly disk: number; readonly offset: number; readonly bytes: Uint8Array; readonly atNs: bigint };

/** A master with a workload, a network, and an appliance that may crash: enough of a site to move blocks in it. */
export class Site {
  readonly clock = new SimulatedClock();
  readonly random: SimulatedRandom;
  readonly network: SimulatedNetwork;
  readonly master: SimulatedMaster;
  readonly history: Write[] = [];
  readonly facts: ReplicaFact[] = [];
  readonly disks = new SimulatedReplicaDisks();
  readonly blocks = diskPlans.map(({ locator, bytes }) => this.disks.attach(locator.wwn, bytes));
  readonly masterFiles = new SimulatedFiles();
  readonly spoolBytesMax: number;
  readonly #wrapFiles: (files: Files) => Files;
  readonly #flushDisks: boolean;
  files = new SimulatedFiles();
  receiver!: ReplicaReceiver;
  sources!: ReplicationSources;
  #applianceClock!: ProcessClock;
  #masterClock!: ProcessClock;
  #stopWorkload: () => void = () => {};
  epoch = 1;
  /** By the appliance, over all its connections. */
  receivedBytes = 0;

  constructor(
    seed: string,
    options: {
      readonly spoolBytesMax?: number;
      readonly wrapFiles?: ((files: Files) => Files) | undefined;
      readonly flushDisks?: boolean;
    } = {},
  ) {
    this.#flushDisks = options.flushDisks ?? true;
    this.random = new SimulatedRandom(seed);
    this.spoolBytesMax = options.spoolBytesMax ?? 64 * 1024 * 1024;
    this.#wrapFiles = options.wrapFiles ?? ((files) => files);
    this.network = new SimulatedNetwork({ clock: this.clock, random: this.random.fork('network') });
    this.master = new SimulatedMaster({
      clock: this.clock,
      disks: diskPlans.map(({ diskId, bytes }, index) => ({ diskId, bytes, system: index === 0 })),
    });
  }

  async startMaster(): Promise<void> {
    this.#masterClock = this.clock.process();
    const clock = this.#masterClock;
    this.sources = new ReplicationSources({
      master: this.master,
      files: this.masterFiles,
      clock,
      random: this.random.fork(`streams ${this.clock.nowMs()}`),
      digest: (bytes) => createHash('md5').update(bytes).digest(),
      folder: '/spool',
    });
    const { handlers } = this.sources;
    await this.network.host('master').listen({ host: 'master', port: 25_000 }, (connection) => {
      acceptSession(connection, { clock, node: 'master', handlers }).catch(() => {});
    });
  }

  killMasterEngine(): void {
    this.network.kill('master');
    this.#masterClock.kill();
  }

  async restartMaster(): Promise<void> {
    this.killMasterEngine();
    await this.startMaster();
  }

  startAppliance(): void {
    this.#applianceClock = this.clock.process();
    this.receiver = new ReplicaReceiver({
      network: this.#counted(this.network.host('appliance')),
      replicaDisks: this.#slowDisks(this.#applianceClock),
      files: this.#wrapFiles(this.files),
      clock: this.#applianceClock,
      node: 'appliance',
      stateFolder: '/state',
      onFact: (_, fact) => this.facts.push(fact),
    });
  }

  /** The network, and how much comes in over it. */
  #counted(network: Network): Network {
    return {
      listen: (address, accept) => network.listen(address, accept),
      connect: async (address, options) => {
        const connection = await network.connect(address, options);
        const onBytes = connection.onBytes.bind(connection);
        connection.onBytes = (take) =>
          onBytes((bytes) => {
            this.receivedBytes += bytes.length;
            take(bytes);
          });
        return connection;
      },
    };
  }

  /** Disks that take their time, so that a crash finds an epoch half applied. */
  #slowDisks(clock: ProcessClock): ReplicaDisks {
    const chance = this.random.fork(`disks ${this.clock.nowMs()}`);
    return {
      open: async (locator) => {
        const disk = await this.disks.open(locator);
        const late = async <Value>(work: () => Promise<Value>): Promise<Value> => {
          await clock.sleep(chance.integer(8));
          return work();
        };
        return {
          bytes: disk.bytes,
          write: (offset, bytes) => late(() => disk.write(offset, bytes)),
          zero: (offset, length) => late(() => disk.zero(offset, length)),
          read: (offset, length) => disk.read(offset, length),
          flush: () => late(async () => (this.#flushDisks ? disk.flush() : undefined)),
          close: () => disk.close(),
        };
      },
    };
  }

  /** A power cut of the appliance: what was not flushed is gone, in part. */
  crashAppliance(): void {
    const chance = this.random.fork(`crash ${this.clock.nowMs()}`);
    this.network.kill('appliance');
    this.#applianceClock.kill();
    this.files = this.files.restart(chance);
    this.disks.killOpeners();
    for (const blocks of this.blocks) blocks.losePower(chance);
    this.startAppliance();
  }

  /** Moves time until the promise settles. */
  async run<Value>(promise: Promise<Value>, limitMs = 120_000): Promise<Value> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => {});
    await this.clock.runUntil(() => settled, limitMs);
    return watched;
  }

  /** Receives, and tries again while the master cannot be reached. */
  async receive(): Promise<void> {
    for (;;) {
      try {
        return await this.run(this.receiver.receive(this.plan, this.intent()));
      } catch (thrown) {
        if ((thrown as { fault?: { code: string } }).fault?.code !== 'unreachable') throw thrown;
        await this.clock.advance(500);
      }
    }
  }

  get plan() {
    return {
      master: { host: 'master', port: 25_000 },
      disks: diskPlans,
      method: 'volumeLevel' as const,
      spoolBytesMax: this.spoolBytesMax,
    };
  }

  intent(): Intent {
    return {
      ticket: this.random.uuid(),
      scenarioId: scenario,
      epoch: this.epoch,
      deadlineAtMs: this.clock.nowMs() + 60_000,
    };
  }

  /** Numbered writes in order, a few milliseconds apart, some of them zeros, over both disks. */
  startWorkload(gapMs: () => number): void {
    const chance = this.random.fork('workload');
    const next = (): void => {
      const disk = chance.integer(2);
      const { diskId, bytes } = diskPlans[disk]!;
      const length = 512 * (1 + chance.integer(24));
      const offset = 512 * chance.integer((bytes - length) / 512);
      const content = new Uint8Array(length).fill(chance.integer(8) === 0 ? 0 : 1 + (this.history.length % 255));
      new DataView(content.buffer).setUint32(0, this.history.length + 1, true);
      this.write(disk, offset, content, diskId);
      this.#stopWorkload = this.clock.after(gapMs(), next);
    };
    this.#stopWorkload = this.clock.after(gapMs(), next);
  }

  stopWorkload(): void {
    this.#stopWorkload();
  }

  write(disk: number, offset: number, bytes: Uint8Array, diskId = diskPlans[disk]!.diskId): void {
    this.master.write(diskId, offset, bytes);
    this.history.push({ disk, offset, bytes, atNs: this.clock.monotonicNs() });
  }

  writesBy(point: ConsistentPoint | null | undefined): number {
    return point ? this.history.filter((write) => write.atNs <= BigInt(point.atNs)).length : 0;
  }

  /** Every number of writes after which the master's disks were what the replica's are now, byte for byte. */
  matchingPrefixes(): number[] {
    const model = diskPlans.map(({ bytes }) => new Uint8Array(bytes));
    const replica = this.blocks.map((blocks) => blocks.read(0, blocks.bytes));
    let different = model.reduce(
      (sum, bytes, disk) => sum + bytes.filter((byte, at) => byte !== replica[disk]![at]).length,
      0,
    );
    const matching = different === 0 ? [0] : [];
    for (const [index, { disk, offset, bytes }] of this.history.entries()) {
      for (const [at, byte] of bytes.entries()) {
        const place = offset + at;
        if (model[disk]![place] !== replica[disk]![place]) different -= 1;
        model[disk]![place] = byte;
        if (byte !== replica[disk]![place]) different += 1;
      }
      if (different === 0) matching.push(index + 1);
    }
    return matching;
  }

  factsOf(type: ReplicaFact['type']): ReplicaFact[] {
    return this.facts.filter((fact) => fact.type === type);
  }
}
