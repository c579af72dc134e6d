/** The words of the guide as types (guide glossary; house rule: units last, no synonyms). */

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Ten digits like `4009412486`, fixed for the life of the scenario (guide OS-4). */
export type ScenarioId = Branded<string, 'ScenarioId'>;
export const scenarioId = (text: string): ScenarioId => {
  if (!/^\d{10}$/.test(text)) throw new RangeError(`a scenario id has ten digits, not '${text}'`);
  return text as ScenarioId;
};

/** Raised by every switchover; every actuator refuses an older one. */
export type Epoch = number;

export type Role = 'master' | 'replica';
export type SyncMethod = 'volumeLevel' | 'blockLevel' | 'fileLevel' | 'offline';
/** Guide 6-16: over a WAN choose manual. */
export type SwitchoverMode = 'automatic' | 'manual';
export type Firmware = 'bios' | 'efi';

/** A whole disk of the master as the guide's volume page lists it (guide 6-9). */
export type MasterDisk = {
  /** Stable name of the disk on the master, e.g. `/dev/loop0`; never an arrival order. */
  readonly diskId: string;
  readonly bytes: number;
  /** Holds the operating system: cannot be excluded (R4). */
  readonly system: boolean;
};

/** What the master's engine says of its host. */
export type MasterDescription = {
  readonly hostName: string;
  readonly engineVersion: string;
  readonly firmware: Firmware;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly disks: readonly MasterDisk[];
  /** How changes are found: read from the kernel's block trace, or by comparing all blocks. */
  readonly changeSource: 'trace' | 'compare';
};

/** One disk of a scenario: the master's, and the virtual disk that doubles it. */
export type ScenarioDisk = MasterDisk & {
  /** `[datastore] folder/name.vmdk` */
  readonly replicaPath: string;
};

export type HostAddress = { readonly host: string; readonly port: number };

/** Definition of a scenario: what control stores and sends to the appliance's engine. Holds no secret. */
export type ScenarioDefinition = {
  readonly scenarioId: ScenarioId;
  readonly name: string;
  readonly master: HostAddress & { readonly disks: readonly MasterDisk[] };
  readonly appliance: HostAddress & {
    /** Name of the appliance's own VM on the hypervisor. */ readonly vmName: string;
  };
  readonly hypervisor: HostAddress & {
    readonly user: string;
    /** Name under which the appliance's engine keeps the password. */
    readonly secretName: string;
    /** SHA-256 of the leaf certificate, hex. */
    readonly certificateSha256: string;
    readonly datastore: string;
    readonly resourcePool?: string;
  };
  readonly substituteVm: {
    readonly name: string;
    readonly cpus: number;
    readonly memoryMiB: number;
    /** Guide 6-14. */
    readonly nicMapping: { readonly highAvailability: readonly { readonly network: string }[] };
  };
  readonly isAlive: { readonly heartbeatMs: number; readonly timeoutMs: number };
  readonly switchover: SwitchoverMode;
  readonly syncMethod: SyncMethod;
  readonly spool: { readonly spoolBytesMax: number };
};

/** Guide product, chapter 5: a heartbeat every 30 s, down after 300 s. */
export const isAliveDefaults = { heartbeatMs: 30_000, timeoutMs: 300_000 } as const;

/** One finding of scenario verification (guide 8-2). */
export type VerificationFinding = { readonly code: string; readonly ja: string; readonly en: string };
export type Verification = {
  readonly errors: readonly VerificationFinding[];
  readonly warnings: readonly VerificationFinding[];
};

/** A consistent point: everything the master completed up to `atNs` (its monotonic clock) is in it. */
export type ConsistentPoint = { readonly sequence: number; readonly atNs: string };
