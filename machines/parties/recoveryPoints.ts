import type { ConsistentPoint, HostAddress } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';

/** A point in time the replica can be read at (guide 12-4); a bookmark has a name. */
export type RecoveryPoint = {
  readonly pointId: string;
  readonly atMs: number;
  readonly point: ConsistentPoint;
  readonly name?: string;
};

/** A volume as its operating system names it: `C:`, `/home`. */
export type RecoveryVolume = { readonly volume: string; readonly bytes: number; readonly fileSystem: string };

/** A file or folder of a mounted point: the volume, and the path below its root with `/` between names. */
export type RecoveryItem = { readonly volume: string; readonly path: string };

/**
 * The replica's past, read while the scenario goes on (guide 12, where it has to be stopped). A point is mounted
 * read-only: nothing here writes to the replica, its bookmarks or its master. Whoever lets go of the replica's disks
 * (`replica.freeze`, `finish`, `stop`) ends a mount first: the double never waits for a restore.
 *
 * `restore` yields milestones as facts:
 * - `recoveryPoints.restored` {files, bytes}
 * - `recoveryPoints.failed` {fault} it cannot go on by itself
 * - `recoveryPoints.lost` {reason} the mount was ended from outside
 *
 * Faults: `notFound`, `unreachable`, `timedOut`, `layoutDiffers`, `unsafePath`, `diskFull`, `badCredentials`,
 * `effectUnknown`.
 */
export interface RecoveryPoints {
  /** Newest first. */
  list(): Promise<readonly RecoveryPoint[]>;
  /** Mounted already is success; another point of the scenario is unmounted first. */
  mount(point: { readonly pointId: string }, intent: Intent): Promise<{ readonly volumes: readonly RecoveryVolume[] }>;
  /** Volumes of the host with the engine that the files go to (guide 12-6). */
  describeTarget(at: HostAddress): Promise<{ readonly volumes: readonly RecoveryVolume[] }>;
  /**
   * Starts to copy; resolves once it runs. Writes only below the roots of the named volumes, or below `folder` there:
   * a path that leaves it, also through a link, is refused with `unsafePath`. Each file appears whole or not at all.
   */
  restore(
    plan: {
      readonly pointId: string;
      readonly items: readonly RecoveryItem[];
      readonly target: HostAddress;
      /** Below the root of each volume; the original place when absent. */
      readonly folder?: string;
    },
    intent: Intent,
  ): Promise<void>;
  /** Ends a restore under way and the mount; not mounted is success. */
  unmount(intent: Intent): Promise<void>;
}
