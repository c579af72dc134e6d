export const sectorBytes = 512;
/** The boot program may fill the sector up to here; the disk's signature and the table follow. */
export const bootCodeBytes = 440;

/** A primary partition, in bytes from the start of the disk; both are whole sectors. */
export type Partition = {
  readonly offset: number;
  readonly bytes: number;
  readonly active: boolean;
  readonly type: number;
};

/** Sector 0 of a disk: the boot program, a signature, up to four primary partitions. */
export function masterBootRecord(
  bootCode: Uint8Array,
  signature: number,
  partitions: readonly Partition[],
): Uint8Array {
  const sector = Buffer.alloc(sectorBytes);
  sector.set(bootCode.subarray(0, bootCodeBytes));
  sector.writeUInt32LE(signature, bootCodeBytes);
  for (const [index, partition] of partitions.entries()) {
    const at = 446 + 16 * index;
    sector.writeUInt8(partition.active ? 0x80 : 0, at);
    // Cylinder addresses beyond their range: everything reads the sector numbers instead.
    sector.writeUIntBE(0xfeffff, at + 1, 3);
    sector.writeUInt8(partition.type, at + 4);
    sector.writeUIntBE(0xfeffff, at + 5, 3);
    sector.writeUInt32LE(partition.offset / sectorBytes, at + 8);
    sector.writeUInt32LE(partition.bytes / sectorBytes, at + 12);
  }
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}
