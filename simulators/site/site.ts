import type { CommandAnswer, ScenarioCommand, ScenarioStatus } from '#engine/protocol/messages.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import type {
  AssuredRecoveryDefinition,
  LeaseTiming,
  ScenarioDefinition,
  Schedule,
  SwitchoverMode,
} from '#machines/vocabulary.ts';

/** What became of the workload's numbered writes. */
export type WriteTally = {
  /** Writes that a consistent point acknowledged by the replica covers. */
  readonly acknowledged: number;
  /** Complete writes on the substitute VM's disk, counted from the first. */
  readonly found: number;
  /** Acknowledged writes that are not there: must be 0. */
  readonly lost: number;
};

/** How a runbook's scenario switches over, and what proves the end of its master: a device, a lapsed lease, or nothing. */
export type ScenarioChoice = {
  readonly switchover: SwitchoverMode;
  readonly fence?: 'device' | 'lease' | 'none';
  readonly speculation?: boolean;
  /** No integrity tests without it (R5). */
  readonly assuredRecovery?: AssuredRecoveryDefinition;
  readonly schedule?: Schedule;
  /** The guide's own when not given. */
  readonly times?: { readonly isAlive: ScenarioDefinition['isAlive']; readonly timing: LeaseTiming };
};

/** A whole site as a runbook sees it; the runbook does not know which one it runs on. */
export interface Site {
  createScenario(choice: ScenarioChoice): Promise<void>;
  command(command: ScenarioCommand): Promise<CommandAnswer>;
  status(): Promise<ScenarioStatus>;
  rehearse(): Promise<SwitchoverRehearsal>;
  explain(): Promise<Explanation>;
  /** The event log in Japanese, oldest first. */
  events(): Promise<readonly string[]>;
  /** The machine is gone from one moment to the next. */
  killMaster(): Promise<void>;
  shrinkMasterDisk(): Promise<void>;
  isMasterIsolated(): Promise<boolean>;
  substituteVm(): Promise<{ readonly power: string } | undefined>;
  replicaDisks(): Promise<number>;
  writes(): Promise<WriteTally>;
  /** Lets time pass until it holds; rejects with what was awaited and where the site stood. */
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}
