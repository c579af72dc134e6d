/** A file, folder or empty folder of an initramfs; parents come before their children. */
export type ArchiveEntry = { readonly path: string; readonly mode: number; readonly bytes?: Uint8Array };

const folderType = 0o040000;
const fileType = 0o100000;

/** An archive in cpio's `newc` format, the one a Linux kernel unpacks as its initramfs. */
export function newcArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const entry of entries) {
    const type = entry.bytes === undefined ? folderType : fileType;
    parts.push(...member(entry.path, inode++, type | entry.mode, entry.bytes ?? new Uint8Array()));
  }
  parts.push(...member('TRAILER!!!', 0, 0, new Uint8Array()));
  return Buffer.concat(parts);
}

function member(path: string, inode: number, mode: number, bytes: Uint8Array): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return [...padded(Buffer.concat([Buffer.from(header), name])), ...padded(Buffer.from(bytes))];
}

const padded = (bytes: Buffer): Buffer[] => [bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)];
