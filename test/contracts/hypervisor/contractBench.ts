import { afterAll, beforeAll } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Hypervisor, VmRole, VmSpec } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';

/** A host to hold to the treaty, and what stands beside the treaty: things that only an operator of it does. */
export type HypervisorUnderTest = {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly datastore: string;
  readonly network: string;
  /** Two running VMs, each with a paravirtual SCSI controller and no snapshot. */
  readonly applianceVmName: string;
  readonly otherVmName: string;
  /** A snapshot that somebody else makes. Absent where the suite has no such hand on the host. */
  readonly takeSnapshot?: (vmName: string) => Promise<void>;
  /** Guests that report themselves up, or never do. Absent where guests are real and have no operating system. */
  readonly setGuestsUp?: (up: boolean) => void;
  /** Lets a modelled guest's time pass while an answer is awaited. */
  readonly settle?: <Result>(answer: Promise<Result>) => Promise<Result>;
  readonly dispose: () => Promise<void>;
};

export const mebibyte = 1024 * 1024;

export type ContractBench = ReturnType<typeof contractBench>;

/** What the tests of the treaty share: the host, names of their own, and the end of what they made. */
export function contractBench(make: () => Promise<HypervisorUnderTest>) {
  let under: HypervisorUnderTest;
  let runId = '';
  let counter = 0;
  const made: { vmId: string; intent: Intent }[] = [];

  beforeAll(async () => {
    under = await make();
    runId = String(Math.trunc(under.clock.nowMs() % 1_000_000_000)).padStart(9, '0');
  });
  afterAll(async () => {
    for (const { vmId, intent: first } of made) {
      const intent = { ...first, ticket: `${first.ticket}-cleanup`, epoch: 9 };
      await settled(under.hypervisor.powerOffVm({ vmId, how: 'hard' }, intent)).catch(() => undefined);
      await settled(under.hypervisor.unregisterVm({ vmId }, intent)).catch(() => undefined);
    }
    await under.hypervisor.close();
    await under.dispose();
  });

  const settled = <Result>(answer: Promise<Result>): Promise<Result> => under.settle?.(answer) ?? answer;
  const unique = (): string => String((counter += 1));
  const newScenario = () => scenarioId(`${unique().padStart(4, '0')}${runId.slice(-6)}`);
  const intentFor = (scenario = newScenario(), withinMs = 20_000): Intent => ({
    ticket: `ticket-${runId}-${unique()}`,
    scenarioId: scenario,
    epoch: 1,
    deadlineAtMs: under.clock.nowMs() + withinMs,
  });
  const newPath = (): string => `[${under.datastore}] contract-${runId}/deep/disk${unique()}.vmdk`;
  const newDisk = async (bytes = mebibyte): Promise<string> => {
    const path = newPath();
    await settled(under.hypervisor.createDisk({ path, bytes }, intentFor()));
    return path;
  };
  const vmSpec = (role: VmRole, paths: readonly string[] = []): VmSpec => ({
    name: `contract-${runId}-${unique()}`,
    role,
    cpus: 1,
    memoryMiB: 64,
    firmware: 'bios',
    datastore: under.datastore,
    disks: paths.map((path) => ({ path })),
    nics: [{ network: under.network, connected: false }],
  });
  const newVm = async (spec: VmSpec, intent: Intent) => {
    const vm = await settled(under.hypervisor.createVm(spec, intent));
    made.push({ vmId: vm.vmId, intent: { ...intent, deadlineAtMs: intent.deadlineAtMs + 60_000 } });
    return vm;
  };
  const refusal = async (answer: Promise<unknown>): Promise<FaultCode> => {
    try {
      await settled(answer);
    } catch (error) {
      if (error instanceof PartyFault) return error.fault.code;
      throw error;
    }
    throw new Error('expected a refusal');
  };
  return {
    get under(): HypervisorUnderTest {
      return under;
    },
    runId: (): string => runId,
    settled,
    newScenario,
    intentFor,
    newPath,
    newDisk,
    vmSpec,
    newVm,
    refusal,
  };
}
