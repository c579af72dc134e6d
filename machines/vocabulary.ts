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
  /** Another one each time the host is started. */
  readonly bootId: string;
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

/** Times that the fence rests on; `machines/masterGuard/leaseTiming.ts` computes and checks what follows from them. */
export type LeaseTiming = {
  /** The guard asks both voters for a new lease this often. */
  readonly renewMs: number;
  /** A grant is valid this long, counted by the master's monotonic clock from the moment it was asked for. */
  readonly leaseMs: number;
  /** The guard looks at its leases this often. */
  readonly guardPollMs: number;
  /** A guard that died is running again after this at the latest, isolated until it has a lease. */
  readonly guardRestartMs: number;
  /** The watchdog resets a master whose guard has not fed it for this long; 0 where there is none. */
  readonly watchdogMs: number;
  /** The master is off its network this long after the guard decided it, at the latest. */
  readonly actuationMs: number;
  /** Longest ordinary round trip between the guard and a voter. */
  readonly roundTripMs: number;
  /** How much two monotonic clocks may differ, parts per million. */
  readonly driftPpm: number;
  readonly marginMs: number;
};

/** Something that takes the master's power away from outside and reads it back. */
export type FenceDeviceAddress = HostAddress & {
  readonly user: string;
  readonly secretName: string;
  /** SHA-256 of the leaf certificate, hex. */
  readonly certificateSha256: string;
} & (
    | { /** The master's BMC. */ readonly kind: 'redfish'; readonly systemId: string }
    | { /** The master is itself a VM. */ readonly kind: 'hypervisor'; readonly vmName: string }
  );

/** How it is proven that the master serves nobody any more before its double does. */
export type FenceDefinition = {
  /** The third voter, neither on the master nor on the appliance. */
  readonly witness?: HostAddress;
  readonly device?: FenceDeviceAddress;
  readonly timing: LeaseTiming;
  /** IPv4 addresses the master serves: probed before the double gets its network. */
  readonly productionAddresses: readonly string[];
};

/** Something that a running system must answer, within a time of its own. */
export type ServiceCheck = { readonly name: string; readonly timeoutMs: number } & (
  | {
      /** Something listens on this TCP port of the guest. */
      readonly kind: 'port';
      readonly port: number;
    }
  | {
      /** The user's own script in the guest, full path (guide product 4.3); exit 0 is success. */
      readonly kind: 'script';
      readonly path: string;
    }
  | {
      /** The database answers this query, asked inside the guest. */
      readonly kind: 'database';
      readonly system: 'postgresql' | 'mysql' | 'sqlServer' | 'oracle';
      readonly port: number;
      readonly database: string;
      readonly user: string;
      /** Name under which the engine that asks keeps the password. */
      readonly secretName: string;
      readonly query: string;
    }
);

/** What else belongs to being alive (guide product 5): a master whose application is down is no dead master. */
export type IsAliveChecks = {
  readonly script?: Extract<ServiceCheck, { readonly kind: 'script' }>;
  readonly database?: Extract<ServiceCheck, { readonly kind: 'database' }>;
  /** `switchover`: once it has lasted for the Is-Alive timeout, in automatic mode. */
  readonly action: 'notify' | 'switchover';
};

/** There are no integrity tests without it (R5, guide 6-5). */
export type AssuredRecoveryDefinition = {
  /** Asked in this order by an automatic test; without any, a guest that is up is what passes. */
  readonly checks: readonly ServiceCheck[];
  /** A test that still runs after this is ended; 4 hours when not given. */
  readonly testMsMax?: number;
};

/** 0 is Sunday. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/**
 * When a scheduled task begins, in the local time of a fixed offset (guide product 9). R10: a scenario has one task, so
 * that a suspension and a test never wait for each other; the type leaves no room for both.
 */
export type Schedule = {
  readonly task: 'assuredRecovery' | 'suspension';
  /** East is positive: Japan is 540. No summer time: the same hour of UTC all the year. */
  readonly utcOffsetMinutes: number;
  /** Local days on which nothing begins, `2026-12-31`. */
  readonly excludedDates: readonly string[];
  /** Of a suspension: it resumes by itself after this. */
  readonly durationMs?: number;
} & (
  | {
      readonly days: readonly Weekday[];
      /** Full hours, 0 to 23. */
      readonly hours: readonly number[];
    }
  | {
      /** Counted anew from each Sunday 00:00, up to 168: 36 means Sunday 00:00, Monday 12:00, Wednesday 00:00 … */
      readonly everyHours: number;
    }
);

/** Definition of a scenario: what control stores and sends to the appliance's engine. Holds no secret. */
export type ScenarioDefinition = {
  readonly scenarioId: ScenarioId;
  readonly name: string;
  readonly master: HostAddress & {
    /** The guard's own port beside the engine's. */ readonly guardPort: number;
    readonly disks: readonly MasterDisk[];
  };
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
    readonly nicMapping: {
      readonly highAvailability: readonly { readonly network: string }[];
      /** Guide 9-3: a test VM has no network unless one is mapped. */
      readonly assuredRecovery: readonly { readonly network: string }[];
    };
  };
  readonly isAlive: { readonly heartbeatMs: number; readonly timeoutMs: number; readonly checks?: IsAliveChecks };
  readonly switchover: SwitchoverMode;
  /** Boot the double at the first suspicion, its network disconnected until the fence is proven. */
  readonly speculation: boolean;
  readonly fence: FenceDefinition;
  /** Guide C-5: a master that was restarted is protected again by itself. */
  readonly runAfterReboot: boolean;
  readonly syncMethod: SyncMethod;
  readonly assuredRecovery?: AssuredRecoveryDefinition;
  readonly schedule?: Schedule;
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
