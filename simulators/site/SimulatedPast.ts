import type { Fact } from '#machines/host/step.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { RecoveryPoints } from '#machines/parties/recoveryPoints.ts';
import { SimulatedRecoveryPoints } from '#simulators/recoveryPoints/SimulatedRecoveryPoints.ts';
import type { SimulatedPoint, SimulatedTarget } from '#simulators/recoveryPoints/SimulatedRecoveryPoints.ts';

const volumes = [{ volume: '/home', bytes: 2 ** 20, fileSystem: 'ext4' }];

/** The recovery points of a site's replica, and the hosts that files are brought back to. */
export class SimulatedPast {
  readonly points: readonly SimulatedPoint[] = ['yesterday', 'today'].map((pointId, at) => ({
    pointId,
    atMs: at,
    point: { sequence: at + 1, atNs: '0' },
    volumes,
    files: new Map(['a.txt', 'folder/b.txt', 'folder/c.txt'].map((name) => [`/home/${name}`, `${name} ${pointId}`])),
  }));
  readonly targets = new Map<string, SimulatedTarget>([['master', { volumes, files: new Map() }]]);
  #party: SimulatedRecoveryPoints | undefined;
  #process: Clock | undefined;

  /** What is mounted belongs to the appliance's process. */
  party(process: Clock, tell: (fact: Fact) => void): RecoveryPoints {
    if (this.#process !== process || this.#party === undefined) {
      this.#process = process;
      this.#party = new SimulatedRecoveryPoints({ clock: process, tell, points: this.points, targets: this.targets });
    }
    return this.#party;
  }

  get mounted(): string | undefined {
    return this.#party?.mounted;
  }

  letGo(reason: string): void {
    this.#party?.letGo(reason);
  }

  crash(): void {
    this.#party?.crash();
  }
}
