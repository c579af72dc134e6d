import { faultText, fault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { MasterDescription, ScenarioDefinition, Verification, VerificationFinding } from '#machines/vocabulary.ts';

type Facts = {
  readonly definition: ScenarioDefinition;
  readonly master: MasterDescription;
  readonly inventory: HypervisorInventory;
  readonly engineVersion: string;
};

const finding = (code: FaultCode, params: Record<string, string | number>): VerificationFinding => {
  const value = fault(code, params);
  return { code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
};

/** Scenario verification (guide 6-17, 8-2): errors stop the run, warnings are shown and the run goes on. */
export function verify(facts: Facts): Verification {
  const errors = [...verifyMaster(facts), ...verifyHost(facts)];
  const warnings =
    facts.master.changeSource === 'compare' ? [finding('traceNotPermitted', { reason: facts.master.hostName })] : [];
  return { errors, warnings };
}

/** What the hypervisor's live inventory would refuse. */
export function verifyHost(facts: Pick<Facts, 'definition' | 'inventory'>): VerificationFinding[] {
  return [...verifyHypervisor(facts), ...verifyAppliance(facts)];
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
  for (const { network } of definition.substituteVm.nicMapping.highAvailability)
    if (!inventory.networks.some((candidate) => candidate.name === network))
      findings.push(finding('notFound', { object: `network ${network}` }));
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
