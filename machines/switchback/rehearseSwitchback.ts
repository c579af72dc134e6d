import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { fault, faultText } from '#machines/faults.ts';
import { rehearse } from '#machines/host/rehearsal.ts';
import type { Rehearsal } from '#machines/host/rehearsal.ts';
import type { BareMetalDescription } from '#machines/parties/bareMetal.ts';
import type { Wish } from '#machines/parties/wishes.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import type { VerificationFinding } from '#machines/vocabulary.ts';
import { switchbackRefusal } from './refusals.ts';
import type { Refusal } from './refusals.ts';
import { verifyTarget } from './target.ts';

/** What a switchback would do now, and what stands in its way. */
export type SwitchbackRehearsal = {
  /** Whether the operator's command would be accepted now. */
  readonly answer: { readonly accepted: true } | ({ readonly accepted: false } & Refusal);
  /** What the machine, asked just now, would be refused for. */
  readonly findings: readonly VerificationFinding[];
} & Partial<Rehearsal>;

type Facts = {
  readonly chart: AnyStateMachine;
  readonly snapshot: AnyMachineSnapshot;
  /** Asked of the machine just now; undefined when it did not answer. */
  readonly machine: BareMetalDescription | undefined;
  readonly atMs: number;
};

/** Guide 11.2 without its deeds: every wish a switchback would voice, and none performed. */
export function rehearseSwitchback({ chart, snapshot, machine, atMs }: Facts): SwitchbackRehearsal {
  const context = snapshot.context as ScenarioContext;
  const findings = findingsOf(context, machine);
  const command = { type: 'operator.switchback', atMs };
  if (!snapshot.can(command)) {
    const state = typeof snapshot.value === 'string' ? snapshot.value : (Object.keys(snapshot.value)[0] ?? '');
    return { answer: { accepted: false, ...switchbackRefusal('switchback', state) }, findings };
  }
  return {
    answer: { accepted: true },
    findings,
    ...rehearse(chart, snapshot, { type: 'operator.switchback' }, (wish) => assumed(wish, context), atMs),
  };
}

const unproven = (reason: string): VerificationFinding => {
  const value = fault('targetUnproven', { reason });
  return { code: value.code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
};

/** A machine that does not answer, or is another one by now, would fail only after the substitute VM is off. */
function findingsOf(context: ScenarioContext, machine: BareMetalDescription | undefined): VerificationFinding[] {
  const { reverse, disks, applianceVersion: engineVersion } = context;
  if (!reverse?.sourceMachine) return [];
  if (!machine) return [unproven(`${reverse.target.host}: -`)];
  const missing = reverse.mapping.filter(({ serial }) => !machine.disks.some((disk) => disk.serial === serial));
  const { errors } = verifyTarget({ machine, source: reverse.sourceMachine, disks, engineVersion });
  return [
    ...(machine.hardwareId === reverse.machine?.hardwareId ? [] : [unproven(machine.hardwareId)]),
    ...missing.map(({ serial }) => unproven(serial)),
    ...errors,
  ];
}

/** The answer that each step would have if it succeeded; other wishes answer nothing that a guard reads. */
function assumed(wish: Wish, { reverse, substituteVmId = '' }: ScenarioContext): unknown {
  switch (wish.name) {
    case 'hypervisor.describeVm':
      return { vmId: substituteVmId, name: '', power: 'off', diskPaths: [], nics: [], snapshots: 0 };
    case 'hypervisor.attachDisk':
      return { wwn: 'rehearsed', expectBytes: 0 };
    case 'bareMetal.finish':
      return {
        digests: reverse?.mapping.map(({ diskId, serial }) => ({ diskId, serial, source: 'equal', target: 'equal' })),
      };
    case 'guard.describe':
      return { epoch: wish.epoch, armed: true, isolated: true, isolation: 'firewall' };
    case 'master.describe':
      return reverse?.sourceMachine;
    default:
      return undefined;
  }
}
