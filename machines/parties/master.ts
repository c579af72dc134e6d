import type { MasterDescription } from '#machines/vocabulary.ts';

/** The protected host, as the engine on it touches it. Faults: `diskMissing`, `diskChanged`, `traceNotPermitted`. */
export interface Master {
  describe(): Promise<MasterDescription>;
  openDisk(diskId: string): Promise<SourceDisk>;
  /**
   * Starts to record which ranges of these disks change. Throws `traceNotPermitted` where the kernel does not let us;
   * the caller then compares all blocks.
   */
  trackChanges(diskIds: readonly string[]): Promise<ChangeFeed>;
}

/** A live disk, read past every cache: what comes back is what the disk holds now. */
export interface SourceDisk {
  readonly diskId: string;
  readonly bytes: number;
  /** Reads whole 4 KiB blocks into a new array. `offset` and `length` are multiples of 4096, but for the disk's tail. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A changed range, in bytes, rounded out to 4 KiB blocks. */
export type ChangedRange = { readonly diskId: string; readonly offset: number; readonly length: number };

/**
 * A range is handed out only after its write has completed on the disk; a write that depends on another is never
 * handed out before it. Events carry the master's monotonic clock.
 */
export interface ChangeFeed {
  /** Everything completed since the last call; cheap when nothing happened. Synchronous so that no write slips between. */
  drain(): {
    readonly ranges: readonly ChangedRange[];
    /** Smallest completion time among `ranges`, monotonic nanoseconds; undefined when there are none. */
    readonly earliestNs: bigint | undefined;
    /** Set when changes may have been missed since the last call: only a comparison of all blocks helps then. */
    readonly lost?: string;
  };
  close(): Promise<void>;
}
