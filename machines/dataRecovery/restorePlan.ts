import { fault } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';
import type { RecoveryItem, RecoveryVolume } from '#machines/parties/recoveryPoints.ts';
import type { RestorePlan } from './facts.ts';

/** Names that Windows does not take for files, whatever their extension. */
const devices = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)/i;

/**
 * Whether a path could lead out of the root it is laid under, on any operating system (invariant D16): upward, absolute,
 * to another drive or stream, to a device, or by a short name that hides another.
 */
export function isUnsafePath(path: string): boolean {
  // Control characters, both separators' twins and the colon of drives and streams have no place in a name.
  // oxlint-disable-next-line no-control-regex -- exactly these are looked for
  if (path === '' || /[\u0000-\u001f\\:*?"<>|]/.test(path)) return true;
  return path.split('/').some((name) => {
    if (name === '' || name === '.' || name === '..') return true;
    return devices.test(name) || /~\d/.test(name) || /[. ]$/.test(name);
  });
}

/** Why this cannot be restored, or undefined. An empty path means the whole volume. */
export function planFault(plan: Partial<RestorePlan>, mounted: readonly RecoveryVolume[]): Fault | undefined {
  const { items = [], folder } = plan;
  if (items.length === 0 || !plan.target) return fault('invalidSpec', { field: 'items', reason: '0' });
  const unsafe = items.find(({ path }) => path !== '' && isUnsafePath(path));
  if (unsafe) return fault('unsafePath', { path: unsafe.path });
  if (folder !== undefined && isUnsafePath(folder)) return fault('unsafePath', { path: folder });
  const unknown = items.find(({ volume }) => !mounted.some((candidate) => candidate.volume === volume));
  return unknown ? fault('notFound', { object: unknown.volume }) : undefined;
}

/** R14: a folder of `D:` cannot go to a machine that has only `C:`. */
export function layoutFault(
  items: readonly RecoveryItem[],
  target: { readonly host: string; readonly volumes: readonly RecoveryVolume[] },
): Fault | undefined {
  const missing = items.find(({ volume }) => !target.volumes.some((candidate) => candidate.volume === volume));
  return missing ? fault('layoutDiffers', { host: target.host, volume: missing.volume }) : undefined;
}
