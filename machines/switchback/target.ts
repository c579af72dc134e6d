import { fault, faultText } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { BareMetalDescription, BareMetalDisk, DiskDigest, DiskMapping } from '#machines/parties/bareMetal.ts';
import type { MasterDescription, MasterDisk, Verification, VerificationFinding } from '#machines/vocabulary.ts';
import type { MappingConfirmation, VolumeChange } from './facts.ts';

type Facts = {
  readonly machine: BareMetalDescription;
  /** The substitute VM as its engine describes it. */
  readonly source: MasterDescription;
  /** What the scenario protects. */
  readonly disks: readonly MasterDisk[];
  readonly engineVersion: string;
};

const finding = (code: FaultCode, params: Record<string, string | number>): VerificationFinding => {
  const value = fault(code, params);
  return { code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
};

/** Largest first, so that a large disk is never left over because a small one took its only place. */
const bySize = <Disk extends { readonly bytes: number }>(disks: readonly Disk[]): Disk[] =>
  disks.toSorted((a, b) => b.bytes - a.bytes);

/**
 * The proposal of guide 11.1-9: each disk goes to the smallest one left that can take it, one without an operating
 * system before one that somebody may still need. Undefined for a disk that fits nowhere.
 */
function assign(
  disks: readonly MasterDisk[],
  targets: readonly BareMetalDisk[],
): Map<string, BareMetalDisk | undefined> {
  const left = bySize(targets).toReversed();
  const chosen = new Map<string, BareMetalDisk | undefined>();
  for (const disk of bySize(disks)) {
    const fitting = left.filter(({ bytes }) => bytes >= disk.bytes);
    const best = fitting.find(
      ({ bytes, operatingSystem }) => bytes === fitting[0]?.bytes && operatingSystem === undefined,
    );
    const taken = best ?? fitting[0];
    chosen.set(disk.diskId, taken);
    if (taken) left.splice(left.indexOf(taken), 1);
  }
  return chosen;
}

export function proposeMapping({ disks, machine }: Pick<Facts, 'disks' | 'machine'>): readonly DiskMapping[] {
  const chosen = assign(disks, machine.disks);
  return disks.flatMap(({ diskId, bytes }) => {
    const target = chosen.get(diskId);
    return target ? [{ diskId, serial: target.serial, bytes }] : [];
  });
}

/** Recovery verification (guide 11.1-13): errors refuse the machine before anything is written to it. */
export function verifyTarget({ machine, source, disks, engineVersion }: Facts): Verification {
  const errors: VerificationFinding[] = [];
  if (machine.kitVersion !== engineVersion)
    errors.push(finding('bootKitStale', { theirs: machine.kitVersion, ours: engineVersion }));
  if (source.engineVersion !== engineVersion)
    errors.push(
      finding('versionMismatch', { peer: source.hostName, theirs: source.engineVersion, ours: engineVersion }),
    );
  if (machine.firmware !== source.firmware)
    errors.push(finding('firmwareDiffers', { theirs: machine.firmware, ours: source.firmware }));
  errors.push(...verifySource(source, disks), ...verifyRoom(machine, disks));
  return { errors, warnings: warningsOf(machine, proposeMapping({ machine, disks })) };
}

/** The substitute VM holds what the scenario protects, or its stream would lack a disk. */
function verifySource(source: MasterDescription, disks: readonly MasterDisk[]): VerificationFinding[] {
  return source.disks.length < disks.length
    ? [finding('diskMissing', { disk: disks[source.disks.length]?.diskId ?? '?' })]
    : [];
}

function verifyRoom(machine: BareMetalDescription, disks: readonly MasterDisk[]): VerificationFinding[] {
  const chosen = assign(disks, machine.disks);
  const taken = new Set([...chosen.values()].map((disk) => disk?.serial));
  const largestBytes = machine.disks
    .filter(({ serial }) => !taken.has(serial))
    .reduce((largest, { bytes }) => Math.max(largest, bytes), 0);
  return disks
    .filter(({ diskId }) => chosen.get(diskId) === undefined)
    .map(({ diskId, bytes }) => finding('targetTooSmall', { disk: diskId, neededBytes: bytes, largestBytes }));
}

function warningsOf(machine: BareMetalDescription, mapping: readonly DiskMapping[]): VerificationFinding[] {
  const overwritten = machine.disks.filter(({ serial }) => mapping.some((mapped) => mapped.serial === serial));
  return [
    ...overwritten.flatMap(({ serial, operatingSystem }) =>
      operatingSystem
        ? [
            finding('holdsOperatingSystem', {
              serial,
              name: operatingSystem.name,
              lastUsed: operatingSystem.lastUsed,
            }),
          ]
        : [],
    ),
    ...machine.nics.filter(({ linkUp }) => !linkUp).map(({ mac }) => finding('noLink', { mac })),
  ];
}

/**
 * Why a confirmation does not stand for this machine, or undefined. The operator names each disk with the serial he saw;
 * he may choose other places than those proposed.
 */
export function mappingRefusal(
  { machine, disks }: { readonly machine: BareMetalDescription | undefined; readonly disks: readonly MasterDisk[] },
  confirmation: Partial<MappingConfirmation>,
): string | undefined {
  const { hardwareId, mapping = [] } = confirmation;
  if (!machine || hardwareId !== machine.hardwareId) return `hardwareId ${hardwareId ?? '-'}`;
  if (new Set(mapping.map(({ serial }) => serial)).size !== mapping.length) return 'one serial twice';
  if (mapping.length !== disks.length) return `${mapping.length} / ${disks.length} disks`;
  for (const { diskId, bytes } of disks) {
    const serial = mapping.find((mapped) => mapped.diskId === diskId)?.serial;
    const target = machine.disks.find((disk) => disk.serial === serial);
    if (!target) return `${diskId} → ${serial ?? '-'}`;
    if (target.bytes < bytes) return `${diskId} → ${target.serial}: ${target.bytes} < ${bytes}`;
  }
  return undefined;
}

/** A confirmation that is not refused, as the plan of what is written where. */
export function confirmedMapping(
  disks: readonly MasterDisk[],
  { mapping }: Pick<MappingConfirmation, 'mapping'>,
): readonly DiskMapping[] {
  return disks.map(({ diskId, bytes }) => ({
    diskId,
    bytes,
    serial: mapping.find((mapped) => mapped.diskId === diskId)?.serial ?? '',
  }));
}

/** Disks whose two sides are not proven equal: differing, or not compared at all (invariant D13). */
export function differingDisks(mapping: readonly DiskMapping[], digests: readonly DiskDigest[]): readonly string[] {
  return mapping
    .filter(({ diskId, serial }) => {
      const digest = digests.find((candidate) => candidate.diskId === diskId && candidate.serial === serial);
      return digest === undefined || digest.source === '' || digest.source !== digest.target;
    })
    .map(({ diskId }) => diskId);
}

/** Guide 11.2-5, 11.2-6: what became of each protected disk, and what is there besides. */
export function volumeChanges(before: readonly MasterDisk[], now: readonly MasterDisk[]): readonly VolumeChange[] {
  const known = before.map(({ diskId, bytes }): VolumeChange => {
    const found = now.find((disk) => disk.diskId === diskId);
    if (!found) return { diskId, change: 'missing', bytesBefore: bytes };
    return {
      diskId,
      change: found.bytes === bytes ? 'unchanged' : 'resized',
      bytesBefore: bytes,
      bytesNow: found.bytes,
    };
  });
  const added = now
    .filter(({ diskId }) => !before.some((disk) => disk.diskId === diskId))
    .map(({ diskId, bytes }): VolumeChange => ({ diskId, change: 'added', bytesNow: bytes }));
  return [...known, ...added];
}

/** Why these disks cannot be protected from now on, or undefined: unknown ones, none, or without the system (R4). */
export function volumesRefusal(master: MasterDescription | undefined, diskIds: readonly string[]): string | undefined {
  const unknown = diskIds.find((diskId) => !master?.disks.some((disk) => disk.diskId === diskId));
  if (unknown !== undefined) return unknown;
  if (diskIds.length === 0 || new Set(diskIds).size !== diskIds.length) return `${diskIds.length} disks`;
  return master?.disks.find(({ diskId, system }) => system && !diskIds.includes(diskId))?.diskId;
}
