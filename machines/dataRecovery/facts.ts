import type { Fault } from '#machines/faults.ts';
import type { RecoveryItem, RecoveryPoint, RecoveryVolume } from '#machines/parties/recoveryPoints.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

/** What is to be brought back, and where to (guide 12-5, 12-6). */
export type RestorePlan = {
  readonly items: readonly RecoveryItem[];
  readonly target: HostAddress;
  readonly folder?: string;
};

/** A recovery under way. */
export type DataRecovery = {
  readonly points: readonly RecoveryPoint[];
  readonly pointId?: string;
  readonly volumes: readonly RecoveryVolume[];
  readonly plan?: RestorePlan | undefined;
};

export type DataRecoveryContext = { readonly dataRecovery?: DataRecovery | undefined };

export type DataRecoveryFact =
  /** Guide 12-2: shows the recovery points. */
  | { type: 'operator.recoverData'; atMs: number }
  | { type: 'operator.mountRecoveryPoint'; atMs: number; pointId: string }
  | ({ type: 'operator.restoreFiles'; atMs: number } & RestorePlan)
  /** Ends the recovery, and a restore under way with it. */
  | { type: 'operator.endRecovery'; atMs: number }
  | { type: 'recoveryPoints.restored'; atMs: number; files: number; bytes: number }
  | { type: 'recoveryPoints.failed'; atMs: number; fault: Fault }
  | { type: 'recoveryPoints.lost'; atMs: number; reason: string };
