import type {
  ConsistentPoint,
  Epoch,
  MasterDescription,
  ScenarioDefinition,
  ScenarioId,
} from '#machines/vocabulary.ts';
import type { Fault } from '#machines/faults.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { LeaseAnswer, Renewal } from '#machines/masterGuard/leaseVoter.ts';
import type { GuardDescription, GuardTerms } from '#machines/parties/masterGuard.ts';
import type { Promised, VoterView } from '#machines/parties/witness.ts';
import type { Answer } from '#machines/scenario/commands.ts';
import type { OperatorCommand, ScenarioCommand } from '#machines/scenario/operatorCommands.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';

/** Version of the engine and of the language it speaks; both ends must be equal (R16). */
export const engineVersion = '0.1.0';

export type HelloPurpose = 'control' | 'engine' | 'data';

/** The scenario as control and the manager show it. `unknown` values are absent, never guessed. */
export type ScenarioStatus = {
  readonly scenarioId: ScenarioId;
  /** Path of the chart's active state, e.g. `running.replicating`. */
  readonly state: string;
  readonly label: { readonly ja: string; readonly en: string };
  readonly running: boolean;
  /** Why a stopped scenario is stopped, and what to do next. */
  readonly stopReason?: { readonly code: string; readonly ja: string; readonly en: string };
  /** Wall-clock time of the last chart event. */
  readonly sinceMs: number;
  readonly epoch: Epoch;
  /** Commands accepted now; the others with the reason. */
  readonly commands: Readonly<Record<ScenarioCommandName, CommandAnswer>>;
  readonly synchronization?: Progress;
  /** Now minus the time of the last consistent point that is durable on the replica. */
  readonly replicationLagMs?: number;
  readonly consistentPoint?: ConsistentPoint;
  readonly replicatedBytes?: number;
  readonly spool?: { readonly bytes: number; readonly bytesMax: number };
  readonly link?: 'connected' | 'disconnected';
  readonly substituteVmId?: string;
  readonly lastFault?: Fault;
};

export type Progress = {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly remainingMs?: number;
};

export type { ScenarioCommand } from '#machines/scenario/operatorCommands.ts';
export type ScenarioCommandName = OperatorCommand;
export type CommandAnswer = Answer;

/** One line of the appliance's durable report: control mirrors it into the event log. */
export type Report = {
  readonly seq: number;
  readonly atMs: number;
  readonly scenarioId: ScenarioId;
  /** Code of the event catalogue, or `state` for a change of state (params: {state}). */
  readonly code: string;
  readonly params: Readonly<Record<string, string | number>>;
};

/** Where the copy of the whole volumes got to: everything before it is durable on the replica. */
export type SyncCursor = { readonly disk: number; readonly offset: number };

/** What the appliance already holds decides how the master goes on. */
export type StreamOpening = {
  readonly scenarioId: ScenarioId;
  readonly epoch: Epoch;
  /** Their order gives the disk numbers of the data frames. */
  readonly disks: readonly { readonly diskId: string; readonly bytes: number }[];
  readonly spoolBytesMax: number;
  readonly streamId?: string;
  /** Stated while the copy of the whole volumes is not complete. */
  readonly syncCursor?: SyncCursor;
  /** Stated once it is. */
  readonly durableSequence?: number;
};

export type StreamOpened = {
  readonly streamId: string;
  /** `copy`: all blocks are sent, from the cursor if the stream is the one stated; `changes`: the spool goes on. */
  readonly start: 'copy' | 'changes';
  readonly changeSource: MasterDescription['changeSource'];
  readonly bootId: MasterDescription['bootId'];
  /** Why a stream that the appliance knew cannot go on. */
  readonly reason?: string;
  /** Why changes are found by comparing all blocks. */
  readonly fallback?: Fault;
};

export type StreamNews = {
  /** The master's monotonic clock, nanoseconds: gives a point's age on the other side. */
  readonly nowNs: string;
  readonly spoolBytes: number;
  readonly spoolBytesMax: number;
  readonly lastSequence: number;
  /** Changes may have been missed: all blocks are being compared. */
  readonly comparing?: string;
  readonly spoolFull?: boolean;
};

/** Requests of port 25000, by method: who serves it, what goes in, what comes back. */
export type Requests = {
  // every engine
  'host.describe': { params: Record<string, never>; result: MasterDescription };
  'host.ping': { params: Record<string, never>; result: { readonly nowMs: number } };
  // the appliance's engine, for control
  'scenario.define': { params: { readonly definition: ScenarioDefinition }; result: CommandAnswer };
  'scenario.remove': { params: { readonly scenarioId: ScenarioId }; result: CommandAnswer };
  'scenario.command': {
    params: { readonly scenarioId: ScenarioId; readonly commandId: string; readonly command: ScenarioCommand };
    result: CommandAnswer;
  };
  'scenario.status': { params: { readonly scenarioId: ScenarioId }; result: ScenarioStatus };
  /** What a switchover would do now, against the live inventory; nothing is done. */
  'scenario.rehearse': {
    params: { readonly scenarioId: ScenarioId; readonly waitForJournals: boolean };
    result: SwitchoverRehearsal;
  };
  /** Why it stands where it stands, what would have to be so for a switchover, and the next deadlines. */
  'scenario.explain': { params: { readonly scenarioId: ScenarioId }; result: Explanation };
  'scenario.list': { params: Record<string, never>; result: { readonly scenarioIds: readonly ScenarioId[] } };
  /** Long poll: answers with at least one report, or with none after `waitMs`. */
  'reports.after': {
    params: { readonly seq: number; readonly waitMs: number };
    result: { readonly reports: readonly Report[] };
  };
  'secret.put': { params: { readonly name: string; readonly value: string }; result: Record<string, never> };
  // a master's engine, for the appliance that receives from it: one data connection a scenario
  'stream.open': { params: StreamOpening; result: StreamOpened };
  /** Makes a point of everything the master has completed by now, and answers once it is on its way. */
  'stream.flush': {
    params: { readonly scenarioId: ScenarioId; readonly epoch: Epoch };
    result: { readonly point: ConsistentPoint };
  };
  /** The appliance receives no more: the master forgets the stream and stops to record changes. */
  'stream.close': { params: { readonly scenarioId: ScenarioId; readonly epoch: Epoch }; result: Record<string, never> };
  /** From the master to the appliance, each second and whenever something in it changes; also the data link's pulse. */
  'stream.news': { params: StreamNews; result: Record<string, never> };
  // the guard on a master, for the appliance
  'guard.describe': { params: { readonly scenarioId: ScenarioId }; result: GuardDescription };
  'guard.arm': {
    params: { readonly terms: Omit<GuardTerms, 'at'>; readonly intent: Intent };
    result: Record<string, never>;
  };
  'guard.disarm': { params: { readonly intent: Intent }; result: Record<string, never> };
  'guard.isolate': { params: { readonly intent: Intent }; result: Record<string, never> };
  'guard.rejoin': {
    params: { readonly commandedIn: Epoch; readonly intent: Intent };
    result: Record<string, never>;
  };
  // both voters, appliance and witness, for the guard
  'lease.renew': {
    params: Renewal;
    result: LeaseAnswer;
  };
  // the witness, for the appliance
  'witness.read': { params: { readonly scenarioId: ScenarioId }; result: VoterView & { readonly node: string } };
  'witness.claim': {
    params: { readonly quietForMs: number; readonly generation?: string | undefined; readonly intent: Intent };
    result: Promised;
  };
  'witness.release': { params: { readonly intent: Intent }; result: Record<string, never> };
  // the appliance, for the guard: the master says beforehand that it will be silent
  'master.notice': {
    params: { readonly scenarioId: ScenarioId; readonly forMs: number; readonly reason: string };
    result: Record<string, never>;
  };
  'hypervisor.inspect': {
    params: { readonly hypervisor: ScenarioDefinition['hypervisor'] };
    result: HypervisorInventory;
  };
};
export type RequestName = keyof Requests;
