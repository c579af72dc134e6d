import type { AssuredRecoveryContext } from '#machines/assuredRecovery/facts.ts';
import type { DataRecoveryContext } from '#machines/dataRecovery/facts.ts';
import type { Fault } from '#machines/faults.ts';
import type { IsAliveContext } from '#machines/isAlive/facts.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { GuardDescription } from '#machines/parties/masterGuard.ts';
import type { GuestDiskLocator } from '#machines/parties/replicaDisk.ts';
import type { VoterView } from '#machines/parties/witness.ts';
import type { SwitchbackContext } from '#machines/switchback/facts.ts';
import type { SynchronizationContext } from '#machines/synchronization/facts.ts';
import type {
  ConsistentPoint,
  Epoch,
  MasterDescription,
  ScenarioDefinition,
  ScenarioDisk,
  ServiceCheck,
  SyncMethod,
  Verification,
} from '#machines/vocabulary.ts';

/** Why a scenario is stopped; `stopReasons` has the words an administrator can act on. */
export type StopReason = 'neverRun' | 'byUser' | 'verificationFailed' | 'fault' | 'masterRebooted' | 'switchedBack';

/** What the engine under the chart can do; a command that needs more is refused aloud. */
export type Capability =
  | 'speculation'
  | 'assuredRecovery'
  | 'reverseReplication'
  | 'dataRecovery'
  | 'offline'
  | 'fileLevel'
  | 'isAliveChecks'
  | 'guestChecks';

/** What was found out about the fence at verification; a proof that is not here is not counted on. */
export type FenceFacts = {
  readonly guard?: GuardDescription;
  readonly witness?: VoterView & { readonly node: string };
  /** Power of the master as the fence device read it. */
  readonly devicePower?: 'on' | 'off' | 'unknown';
  readonly faults: readonly Fault[];
};

/** How it was proven that the master serves nobody any more. */
export type FenceProof = 'masterIsolated' | 'poweredOff' | 'leaseLapsed' | 'operatorAssertion';

/** One attempt to let the double take the master's place, in an epoch of its own. */
export type Takeover = {
  /** `masterUnwell`: it lives, so it can be told to leave; its application is down. */
  readonly cause: 'operator' | 'masterDown' | 'masterUnwell';
  readonly waitForJournals: boolean;
  /** Guide product 6.2, the second check box: a full system needs a machine to restore to, so it is only reminded of. */
  readonly reverseAfterwards: boolean;
  readonly startedAtMs: number;
  /** The double is raised before the verdict. */
  readonly speculative: boolean;
  /** Claims that may stand at the voters: released when nothing comes of it. */
  readonly ownClaim: boolean;
  readonly witnessClaim: boolean;
  /** The witness has promised to grant no more leases, or the operator vouches for it, too. */
  readonly witnessSettled?: boolean;
  /** The epoch in which the master was told to leave its network. */
  readonly isolatedIn?: Epoch | undefined;
  /** Least time since a voter's last grant, when both had promised. */
  readonly sinceLastGrantMs: number;
  readonly proof?: FenceProof;
};

/** A virtual machine made from the frozen replica, with its network unplugged. */
export type Double = {
  readonly role: 'substituteVm' | 'testVm';
  /** It runs on child disks, so that all it writes can be discarded. */
  readonly onChildren: boolean;
  /** Its creation was asked for: whether it exists is not known before the answer. */
  readonly vmAsked: boolean;
  readonly vmId?: string;
  /** The point it was made from. */
  readonly point?: ConsistentPoint;
};

export type ScenarioContext = {
  readonly definition: ScenarioDefinition;
  /** Version of the engine this chart runs on; the master's must be the same (R16). */
  readonly applianceVersion: string;
  /** Name of the engine this chart runs on: a witness of the same name would be the appliance itself. */
  readonly applianceNode: string;
  readonly capabilities: readonly Capability[];
  readonly epoch: Epoch;
  readonly disks: readonly (ScenarioDisk & { readonly locator?: GuestDiskLocator })[];
  /** Disk being prepared, detached, discarded or attached. */
  readonly diskIndex: number;
  readonly stopReason: StopReason;
  readonly verification: Verification;
  /** A whole synchronization has completed since the last start (law L9). */
  readonly synchronized: boolean;
  readonly silentForMs: number;
  /** The master says that it will be silent this long. */
  readonly maintenanceMs: number;
  readonly master?: MasterDescription;
  readonly inventory?: HypervisorInventory;
  readonly fence: FenceFacts;
  /** The guard holds leases by our terms: without it a lease that lapsed proves nothing. */
  readonly armed: boolean;
  readonly takeover?: Takeover | undefined;
  readonly double?: Double | undefined;
  readonly presentedPoint?: ConsistentPoint | undefined;
  readonly substituteVmId?: string | undefined;
  readonly lastFault?: Fault | undefined;
} & SwitchbackContext &
  DataRecoveryContext &
  AssuredRecoveryContext &
  SynchronizationContext &
  IsAliveContext;

export type ScenarioInput = {
  readonly definition: ScenarioDefinition;
  readonly applianceVersion: string;
  readonly applianceNode: string;
  readonly capabilities: readonly Capability[];
};

export function initialContext(input: ScenarioInput): ScenarioContext {
  const { definition, applianceVersion, applianceNode, capabilities } = input;
  return {
    definition,
    applianceVersion,
    applianceNode,
    capabilities,
    epoch: 1,
    disks: scenarioDisks(definition),
    diskIndex: 0,
    stopReason: 'neverRun',
    verification: { errors: [], warnings: [] },
    synchronized: false,
    silentForMs: 0,
    maintenanceMs: 0,
    fence: { faults: [] },
    armed: false,
  };
}

/** Folder of the datastore that holds everything of a scenario. */
const folderOf = ({ hypervisor, substituteVm, scenarioId }: ScenarioDefinition): string =>
  `[${hypervisor.datastore}] ${substituteVm.name}-${scenarioId}`;

export function scenarioDisks(definition: ScenarioDefinition): readonly ScenarioDisk[] {
  return definition.master.disks.map((disk, index) => ({
    ...disk,
    replicaPath: `${folderOf(definition)}/disk${index}.vmdk`,
  }));
}

/** Where a double of this role keeps what it writes over the replica's disk. */
export const childPath = ({ definition }: ScenarioContext, role: Double['role'], index: number): string =>
  `${folderOf(definition)}/${role}-disk${index}.vmdk`;

/** The disk at hand; asking without one is a programmer's error. */
export function currentDisk(context: ScenarioContext): ScenarioContext['disks'][number] {
  const disk = context.disks[context.diskIndex];
  if (!disk) throw new RangeError(`no disk ${context.diskIndex} in scenario ${context.definition.scenarioId}`);
  return disk;
}

/** The attempt under way; asking without one is a programmer's error. */
export function takeoverOf({ takeover, definition }: ScenarioContext): Takeover {
  if (!takeover) throw new RangeError(`nothing takes over in scenario ${definition.scenarioId}`);
  return takeover;
}

export function doubleOf({ double, definition }: ScenarioContext): Double {
  if (!double) throw new RangeError(`there is no double in scenario ${definition.scenarioId}`);
  return double;
}

/** The next check of an automatic test; asking without one is a programmer's error. */
export function currentCheck({ definition, test }: ScenarioContext): ServiceCheck {
  const check = definition.assuredRecovery?.checks[test?.results.length ?? 0];
  if (!check) throw new RangeError(`no check is left in scenario ${definition.scenarioId}`);
  return check;
}

/** Its own deadline. */
export const currentCheckMs = (context: ScenarioContext): number => currentCheck(context).timeoutMs;

/** How this run synchronizes: chosen in the Run dialog, or by the definition (guide 8-3). */
export const syncMethodOf = ({ syncChoice, definition }: ScenarioContext): SyncMethod =>
  syncChoice?.method ?? definition.syncMethod;
