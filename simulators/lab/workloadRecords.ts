/**
 * What the workload leaves on the disk. A slot of 4 KiB holds one numbered write; each of its eight
 * sectors carries the number, so that a slot torn between two writes is seen as torn. The records are
 * lines of text, because the guest that verifies them has nothing but busybox (guest/verifyRecords.sh).
 */
export const slotBytes = 4096;
export const sectorBytes = 512;
const sectorsPerSlot = slotBytes / sectorBytes;

/** Odd, hence a permutation of any power of two slots; far jumps make neighbouring writes distant on the disk. */
const slotStride = 10_007;
const checkModulus = 2_147_483_647;

/** The slot of write `number`; consecutive writes land far apart, and `slots` writes fill every slot once. */
export function slotOf(number: number, slots: number): number {
  return ((number % slots) * slotStride) % slots;
}

export function assertSlots(slots: number): void {
  if (!Number.isSafeInteger(slots) || slots < 8 || !Number.isInteger(Math.log2(slots))) {
    throw new RangeError(`the number of slots is a power of two of at least 8, not ${slots}`);
  }
}

function sectorLine(number: number, sector: number): string {
  const check = (number * 48_271 + sector * 7919) % checkModulus;
  return `KAGEMUSHA ${pad(number)} ${sector} ${pad(check)}\n`;
}

const pad = (value: number): string => String(value).padStart(10, '0');

/** Writes record `number` into the 4096 bytes of `slot`. */
export function encodeRecord(number: number, slot: Uint8Array): void {
  slot.fill(0);
  const encoder = new TextEncoder();
  for (let sector = 0; sector < sectorsPerSlot; sector++) {
    slot.set(encoder.encode(sectorLine(number, sector)), sector * sectorBytes);
  }
}

/** The number of the write that a slot holds completely; undefined when it is empty, torn or damaged. */
export function decodeRecord(slot: Uint8Array): number | undefined {
  const text = new TextDecoder('latin1').decode(slot);
  const number = Number(/^KAGEMUSHA (\d{10}) /.exec(text)?.[1]);
  if (Number.isNaN(number)) return undefined;
  for (let sector = 0; sector < sectorsPerSlot; sector++) {
    if (!text.startsWith(sectorLine(number, sector), sector * sectorBytes)) return undefined;
  }
  return number;
}

/** The first line of the workload's partition, by which the guest finds it on whatever disk it was given. */
export const workloadLabel = (slots: number): string => `KAGEMUSHA-WORKLOAD slots=${slots}\n`;

/** From the start of the partition to slot 0; what lies before holds the label. */
export const labelBytes = 1 << 20;
