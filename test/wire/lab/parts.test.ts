import { describe, expect, it } from 'vitest';

import { parseGuestProblem, parseGuestReport } from '#simulators/lab/guestReport.ts';
import { loadOrder } from '#simulators/lab/kernelModules.ts';
import { decodeRecord, encodeRecord, slotOf } from '#simulators/lab/workloadRecords.ts';
import { lastWrite, writesThrough } from '#simulators/lab/workloadLog.ts';

describe('the log of the workload', () => {
  const log = '1 100\n2 200\n3 300\n4 4';

  it('gives the highest write that was durable at a moment', () => {
    expect([99n, 100n, 250n, 300n, 9999n].map((atNs) => writesThrough(log, atNs))).toEqual([0, 1, 2, 3, 3]);
  });

  it('leaves out a line that a kill cut off', () => {
    expect(lastWrite(log)).toBe(3);
    expect(lastWrite('7')).toBe(0);
    expect(writesThrough('', 1n)).toBe(0);
  });
});

describe('the report of the guest', () => {
  const line = 'KAGEMUSHA-GUEST writes=41 first=1 last=42 missing=1 corrupt=0 torn=1';

  it('is read from among the noise of a serial line', () => {
    const report = { writes: 41, first: 1, last: 42, missing: 1, corrupt: 0, torn: 1 };
    expect(parseGuestReport(`[H[JKAGEMUSHA-GUEST-UP hostname=a\r\n${line}\r\n`)).toEqual(report);
    expect(parseGuestReport('KAGEMUSHA-GUEST-UP hostname=a\r\n')).toBeUndefined();
  });

  it('is not read before the line is whole', () => {
    for (let length = 0; length < line.length; length++)
      expect(parseGuestReport(line.slice(0, length))).toBeUndefined();
    expect(parseGuestReport(line)).toBeUndefined();
  });

  it('says when the guest found no disk', () => {
    expect(parseGuestProblem('x\r\nKAGEMUSHA-GUEST problem=noWorkloadPartition\r\n')).toBe('noWorkloadPartition');
    expect(parseGuestProblem(line)).toBeUndefined();
  });
});

describe('a record', () => {
  it('is found again, and not when one sector is another write', () => {
    const slot = new Uint8Array(4096);
    const other = new Uint8Array(4096);
    expect(decodeRecord(slot)).toBeUndefined();
    encodeRecord(9_999_999_999, slot);
    encodeRecord(7, other);
    expect(decodeRecord(slot)).toBe(9_999_999_999);
    slot.set(other.subarray(3584), 3584);
    expect(decodeRecord(slot)).toBeUndefined();
  });

  it('has a slot of its own among as many as there are slots', () => {
    expect(new Set(Array.from({ length: 1024 }, (_, index) => slotOf(5000 + index, 1024))).size).toBe(1024);
  });
});

describe('the drivers of the guest', () => {
  const modulesDep =
    'a/sd_mod.ko: a/scsi_mod.ko a/scsi_common.ko\na/scsi_mod.ko: a/scsi_common.ko\na/scsi_common.ko:\nb/vmw-pvscsi.ko.xz: a/scsi_mod.ko a/scsi_common.ko\n';

  it('come after what they need, once, and without those that the kernel lacks', () => {
    const order = loadOrder(modulesDep, ['vmw_pvscsi', 'ahci', 'sd_mod']);
    expect(order).toEqual(['a/scsi_common.ko', 'a/scsi_mod.ko', 'b/vmw-pvscsi.ko.xz', 'a/sd_mod.ko']);
  });
});
