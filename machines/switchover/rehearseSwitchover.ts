import type { AnyMachineSnapshot } from 'xstate';
import { rehearse } from '#machines/host/rehearsal.ts';
import type { Rehearsal } from '#machines/host/rehearsal.ts';
import type { HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { VoicedWish } from '#machines/host/step.ts';
import type { WishArgs } from '#machines/parties/wishes.ts';
import { answerTo } from '#machines/scenario/commands.ts';
import type { Answer } from '#machines/scenario/commands.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { verifyHost } from '#machines/scenario/verification.ts';
import type { ConsistentPoint, VerificationFinding } from '#machines/vocabulary.ts';

/** What a switchover would do now, and what stands in its way. */
export type SwitchoverRehearsal = {
  /** Whether the operator's command would be accepted now. */
  readonly answer: Answer;
  /** What the live inventory of the hypervisor would refuse. */
  readonly findings: readonly VerificationFinding[];
} & Partial<Rehearsal>;

type Facts = {
  readonly snapshot: AnyMachineSnapshot;
  /** Asked of the hypervisor just now. */
  readonly inventory: HypervisorInventory;
  /** The point the substitute VM would be booted from. */
  readonly point: ConsistentPoint | undefined;
  readonly waitForJournals: boolean;
  readonly atMs: number;
};

/** Guide 10 without its deeds: every wish a switchover would voice, and none performed. */
export function rehearseSwitchover({ snapshot, inventory, point, waitForJournals, atMs }: Facts): SwitchoverRehearsal {
  const { definition } = snapshot.context as ScenarioContext;
  const findings = verifyHost({ definition, inventory });
  const answer = answerTo(snapshot, 'switchover');
  if (!answer.accepted) return { answer, findings };
  const assume = ({ name, args }: VoicedWish): unknown => {
    switch (name) {
      case 'replica.finish':
      case 'replica.freeze':
        return { point: point ?? null };
      case 'lease.claim':
        return { sinceLastGrantMs: 0 };
      case 'addresses.probe':
        return { answers: [], askedAtMs: atMs };
      case 'hypervisor.createVm': {
        const spec = args as WishArgs<'hypervisor.createVm'>;
        const diskPaths = spec.disks.map(({ path }) => path);
        return { vmId: 'rehearsed', name: spec.name, power: 'off', diskPaths, nics: spec.nics, snapshots: 0 };
      }
      case 'hypervisor.describeVm': {
        const nics = definition.substituteVm.nicMapping.highAvailability.map((nic) => ({ ...nic, connected: true }));
        return {
          vmId: 'rehearsed',
          name: definition.substituteVm.name,
          power: 'on',
          diskPaths: [],
          nics,
          snapshots: 0,
        };
      }
      case 'hypervisor.waitForGuest':
        return { tools: 'running' };
      default:
        return undefined;
    }
  };
  return {
    answer,
    findings,
    ...rehearse(scenarioChart, snapshot, { type: 'operator.switchover', waitForJournals }, assume, atMs),
  };
}
