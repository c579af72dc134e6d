import { faultText, fault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import { verifyFence } from '#machines/masterGuard/fenceProof.ts';
import type { Capability, FenceFacts } from './context.ts';
import { scheduleErrors } from '#machines/assuredRecovery/schedule.ts';
import type {
  Epoch,
  MasterDescription,
  ScenarioDefinition,
  ServiceCheck,
  SyncMethod,
  Verification,
  VerificationFinding,
} from '#machines/vocabulary.ts';

type Facts = {
  readonly definition: ScenarioDefinition;
  readonly master: MasterDescription;
  readonly inventory: HypervisorInventory;
  readonly engineVersion: string;
  readonly fence: FenceFacts;
  readonly epoch: Epoch;
  readonly applianceNode: string;
  readonly capabilities: readonly Capability[];
  /** What the Run dialog has chosen; the definition's when not given. */
  readonly syncMethod?: SyncMethod;
};

const finding = (code: FaultCode, params: Record<string, string | number>): VerificationFinding => {
  const value = fault(code, params);
  return { code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
};

/** Scenario verification (guide 6-17, 8-2): errors stop the run, warnings are shown and the run goes on. */
export function verify(facts: Facts): Verification {
  const fence = verifyFence(facts.definition, facts.fence, facts);
  const compared =
    facts.master.changeSource === 'compare' ? [finding('traceNotPermitted', { reason: facts.master.hostName })] : [];
  return {
    errors: [
      ...verifyMaster(facts),
      ...verifyHost(facts),
      ...verifyMethod(facts),
      ...verifyTests(facts),
      ...fence.errors,
    ],
    warnings: [...compared, ...fence.warnings],
  };
}

/** What the hypervisor's live inventory would refuse. */
export function verifyHost(facts: Pick<Facts, 'definition' | 'inventory'>): VerificationFinding[] {
  return [...verifyHypervisor(facts), ...verifyAppliance(facts)];
}

/** A way of synchronization that this engine does not have is refused before anything is touched. */
function verifyMethod({ definition, syncMethod = definition.syncMethod, capabilities }: Facts): VerificationFinding[] {
  if (syncMethod !== 'offline' && syncMethod !== 'fileLevel') return [];
  return capabilities.includes(syncMethod) ? [] : [finding('notAvailable', { what: `syncMethod ${syncMethod}` })];
}

/** Integrity tests, their schedule, and what else belongs to being alive: refused aloud where the engine has none. */
function verifyTests({ definition, capabilities }: Facts): VerificationFinding[] {
  const { assuredRecovery, schedule, isAlive } = definition;
  const findings: VerificationFinding[] = [];
  if (assuredRecovery && !capabilities.includes('assuredRecovery'))
    findings.push(finding('capabilityMissing', { what: 'assuredRecovery' }));
  if (assuredRecovery && assuredRecovery.checks.length > 0 && !capabilities.includes('guestChecks'))
    findings.push(finding('capabilityMissing', { what: 'assuredRecovery.checks' }));
  for (const check of assuredRecovery?.checks ?? []) findings.push(...verifyCheck(check));
  for (const { field, reason } of schedule ? scheduleErrors(schedule) : [])
    findings.push(finding('invalidSpec', { field, reason }));
  // R5: there is nothing to begin when assured recovery was not chosen.
  if (schedule?.task === 'assuredRecovery' && !assuredRecovery)
    findings.push(finding('invalidSpec', { field: 'schedule.task', reason: 'assuredRecovery (guide 6-5)' }));
  if (isAlive.checks && !capabilities.includes('isAliveChecks'))
    findings.push(finding('capabilityMissing', { what: 'isAlive.checks' }));
  for (const check of [isAlive.checks?.script, isAlive.checks?.database])
    if (check) findings.push(...verifyCheck(check));
  return findings;
}

const checkMsMax = 3_600_000;

function verifyCheck(check: ServiceCheck): VerificationFinding[] {
  const { name, timeoutMs } = check;
  const wrong = (reason: string): VerificationFinding[] => [
    finding('invalidSpec', { field: `checks ${name}`, reason }),
  ];
  if (!(timeoutMs >= 1000 && timeoutMs <= checkMsMax)) return wrong(`timeoutMs 1000 … ${checkMsMax}`);
  if (check.kind === 'script' && !/^(\/|[A-Za-z]:\\)/.test(check.path)) return wrong(`full path: ${check.path}`);
  return [];
}

function verifyMaster({ definition, master, engineVersion }: Facts): VerificationFinding[] {
  const findings: VerificationFinding[] = [];
  if (master.engineVersion !== engineVersion)
    findings.push(
      finding('versionMismatch', { peer: definition.master.host, theirs: master.engineVersion, ours: engineVersion }),
    );
  for (const disk of definition.master.disks) {
    const found = master.disks.find(({ diskId }) => diskId === disk.diskId);
    if (!found) findings.push(finding('diskMissing', { disk: disk.diskId }));
    else if (found.bytes !== disk.bytes)
      findings.push(finding('diskChanged', { disk: disk.diskId, expectedBytes: disk.bytes, actualBytes: found.bytes }));
  }
  // R4: the system volume cannot be excluded (guide 6-9).
  for (const disk of master.disks)
    if (disk.system && !definition.master.disks.some(({ diskId }) => diskId === disk.diskId))
      findings.push(
        finding('invalidSpec', { field: 'master.disks', reason: `${disk.diskId} = system volume (guide 6-9)` }),
      );
  return findings;
}

function verifyHypervisor({ definition, inventory }: Pick<Facts, 'definition' | 'inventory'>): VerificationFinding[] {
  const { host, datastore: name } = definition.hypervisor;
  const findings: VerificationFinding[] = [];
  if (!inventory.writable) findings.push(finding('readOnlyLicense', { host }));
  const datastore = inventory.datastores.find((candidate) => candidate.name === name && candidate.accessible);
  const neededBytes = definition.master.disks.reduce((sum, disk) => sum + disk.bytes, 0);
  if (!datastore) findings.push(finding('notFound', { object: `datastore ${name}` }));
  else if (datastore.capacityBytes < neededBytes)
    findings.push(finding('noSpace', { datastore: name, neededBytes, freeBytes: datastore.freeBytes }));
  const { highAvailability, assuredRecovery } = definition.substituteVm.nicMapping;
  for (const { network } of [...highAvailability, ...assuredRecovery])
    if (!inventory.networks.some((candidate) => candidate.name === network))
      findings.push(finding('notFound', { object: `network ${network}` }));
  // Guide 9-3: a test VM has the names and addresses of the master; nothing can override this.
  for (const { network } of assuredRecovery)
    if (highAvailability.some((production) => production.network === network))
      findings.push(
        finding('invalidSpec', { field: 'nicMapping.assuredRecovery', reason: `${network} = highAvailability` }),
      );
  const pool = definition.hypervisor.resourcePool;
  if (pool !== undefined && !inventory.resourcePools.some((candidate) => candidate.name === pool))
    findings.push(finding('notFound', { object: `resource pool ${pool}` }));
  return findings;
}

function verifyAppliance({ definition, inventory }: Pick<Facts, 'definition' | 'inventory'>): VerificationFinding[] {
  const { vmName } = definition.appliance;
  const appliance = inventory.vms.find(({ name }) => name === vmName);
  if (!appliance) return [finding('notFound', { object: `VM ${vmName}` })];
  // A snapshot keeps disks from being detached, which only shows at the worst moment.
  if (appliance.snapshots > 0) return [finding('snapshotBlocks', { object: vmName })];
  if (appliance.power !== 'on') return [finding('invalidState', { object: vmName, reason: appliance.power })];
  const substitute = inventory.vms.find(
    (vm) => vm.tag?.scenarioId === definition.scenarioId && vm.tag.role === 'substituteVm',
  );
  if (substitute?.power === 'on') return [finding('invalidState', { object: substitute.name, reason: 'on' })];
  return [];
}
