/** How the appliance's guest recognises a disk that the hypervisor attached to it; proven before the first write. */
export type GuestDiskLocator = {
  /** UUID of the virtual disk, 32 lower-case hex digits: the guest sees it as WWN or serial. */
  readonly wwn: string;
  readonly expectBytes: number;
};

/** The virtual disks on the appliance's side. Faults: `replicaDiskUnproven`, `diskFull`. */
export interface ReplicaDisks {
  /** Proves identity and size, then opens for writing. Only one opener at a time. */
  open(locator: GuestDiskLocator): Promise<ReplicaDisk>;
}

export interface ReplicaDisk {
  readonly bytes: number;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes a range read as zeros, sparse where the disk can. */
  zero(offset: number, length: number): Promise<void>;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Resolves when every earlier write survives a power cut. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
