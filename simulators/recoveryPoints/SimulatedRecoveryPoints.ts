import { PartyFault } from '#machines/faults.ts';
import type { Fact } from '#machines/host/step.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { RecoveryPoint, RecoveryPoints, RecoveryVolume } from '#machines/parties/recoveryPoints.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import { Calls } from '#simulators/bareMetal/plannedFailures.ts';
import type { PlannedFailure } from '#simulators/bareMetal/plannedFailures.ts';

export type RecoveryPointsMethod = keyof RecoveryPoints;

/** A point as the simulation keeps it: files by volume and path. */
export type SimulatedPoint = RecoveryPoint & {
  readonly volumes: readonly RecoveryVolume[];
  /** `C:/folder/file` → what is in it. */
  readonly files: ReadonlyMap<string, string>;
};

export type SimulatedTarget = { readonly volumes: readonly RecoveryVolume[]; readonly files: Map<string, string> };

type Parts = {
  readonly clock: Clock;
  /** Milestones, as the appliance hears them. */
  readonly tell: (fact: Fact) => void;
  readonly points: readonly SimulatedPoint[];
  /** Hosts that files can go to. */
  readonly targets: ReadonlyMap<string, SimulatedTarget>;
  /** How long one file takes. */
  readonly fileMs?: number;
  readonly latencyMs?: number;
};

type Plan = Parameters<RecoveryPoints['restore']>[0];

/** The replica's past in memory. Points are never changed: whatever is restored, they hold what they held. */
export class SimulatedRecoveryPoints implements RecoveryPoints {
  readonly calls: Calls<RecoveryPointsMethod>;
  mounted: string | undefined;
  readonly #parts: Parts;
  #cancel: () => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.calls = new Calls(parts.clock, 'appliance', parts.latencyMs ?? 40);
  }

  fail(failure: PlannedFailure<RecoveryPointsMethod>): void {
    this.calls.fail(failure);
  }

  /** Somebody lets go of the replica's disks. */
  letGo(reason: string): void {
    if (this.mounted === undefined) return;
    this.#endMount();
    this.#parts.tell({ type: 'recoveryPoints.lost', reason });
  }

  /** The appliance's process ends: its mount and a restore under way end with it. */
  crash(): void {
    this.#endMount();
  }

  list(): Promise<readonly RecoveryPoint[]> {
    return this.calls.ask('list', () =>
      this.#parts.points
        .map(({ pointId, atMs, point, name }) => ({ pointId, atMs, point, ...(name === undefined ? {} : { name }) }))
        .toSorted((a, b) => b.atMs - a.atMs),
    );
  }

  mount(
    { pointId }: { readonly pointId: string },
    intent: Intent,
  ): Promise<{ readonly volumes: readonly RecoveryVolume[] }> {
    return this.calls.change('mount', intent, () => {
      const { volumes } = this.#pointOf(pointId);
      if (this.mounted !== pointId) this.#endMount();
      this.mounted = pointId;
      return { volumes };
    });
  }

  describeTarget({ host }: HostAddress): Promise<{ readonly volumes: readonly RecoveryVolume[] }> {
    return this.calls.ask('describeTarget', () => ({ volumes: this.#targetOf(host).volumes }));
  }

  restore(plan: Plan, intent: Intent): Promise<void> {
    return this.calls.change('restore', intent, () => {
      if (this.mounted !== plan.pointId) throw new PartyFault('notFound', { object: plan.pointId });
      const target = this.#targetOf(plan.target.host);
      const chosen = [...this.#pointOf(plan.pointId).files].filter(([path]) =>
        plan.items.some((item) => isWithin(path, item.path === '' ? item.volume : `${item.volume}/${item.path}`)),
      );
      this.#copyNext(chosen, plan, target, 0);
    });
  }

  unmount(intent: Intent): Promise<void> {
    return this.calls.change('unmount', intent, () => this.#endMount());
  }

  #copyNext(files: readonly (readonly [string, string])[], plan: Plan, target: SimulatedTarget, at: number): void {
    const file = files[at];
    if (!file) {
      const bytes = files.reduce((sum, [, content]) => sum + content.length, 0);
      this.#parts.tell({ type: 'recoveryPoints.restored', files: files.length, bytes });
      return;
    }
    this.#cancel = this.#parts.clock.after(this.#parts.fileMs ?? 10, () => {
      target.files.set(placeOf(file[0], plan), file[1]);
      this.#copyNext(files, plan, target, at + 1);
    });
  }

  #endMount(): void {
    this.#cancel();
    this.mounted = undefined;
  }

  #pointOf(pointId: string): SimulatedPoint {
    const point = this.#parts.points.find((candidate) => candidate.pointId === pointId);
    if (!point) throw new PartyFault('notFound', { object: pointId });
    return point;
  }

  #targetOf(host: string): SimulatedTarget {
    const target = this.#parts.targets.get(host);
    if (!target) throw new PartyFault('unreachable', { host, reason: 'no engine' });
    return target;
  }
}

const isWithin = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

/** The original place, or below a folder of the same volume; a volume like `/home` has a separator in its name. */
function placeOf(path: string, { folder, items }: Plan): string {
  if (folder === undefined) return path;
  const volume = items.find((item) => isWithin(path, item.volume))?.volume ?? '';
  return `${volume}/${folder}${path.slice(volume.length)}`;
}
