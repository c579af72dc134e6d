import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { initialContext } from '#machines/scenario/context.ts';
import type { ScenarioContext, ScenarioInput } from '#machines/scenario/context.ts';
import type { ServiceCheck } from '#machines/vocabulary.ts';

const check: ServiceCheck = { kind: 'port', name: 'http', port: 80, timeoutMs: 1000 };

export function nodesOf(chart: AnyStateMachine): AnyStateNode[] {
  const visit = (node: AnyStateNode): AnyStateNode[] => [
    node,
    ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(visit),
  ];
  return visit(chart.root);
}

/** A scenario's context in which the arguments of every wish can be built. */
export function fullContext(input: ScenarioInput): ScenarioContext {
  const bare = initialContext(input);
  return {
    ...bare,
    takeover: {
      cause: 'operator',
      waitForJournals: true,
      reverseAfterwards: false,
      startedAtMs: 0,
      speculative: false,
      ownClaim: true,
      witnessClaim: true,
      isolatedIn: 1,
      sinceLastGrantMs: 0,
    },
    double: { role: 'substituteVm', onChildren: true, vmAsked: true, vmId: '2' },
    substituteVmId: '2',
    reverse: {
      target: { host: 'kit', port: 1 },
      source: { host: 'master', port: 1 },
      method: 'volumeLevel',
      machine: { hardwareId: 'h', model: 'm', kitVersion: '1', firmware: 'bios', disks: [], nics: [] },
      findings: { errors: [], warnings: [] },
      mapping: [],
      confirmed: true,
      hard: false,
      differingDisks: [],
    },
    dataRecovery: {
      points: [],
      pointId: 'p',
      volumes: [],
      plan: { items: [], target: { host: 'h', port: 25_000 } },
    },
    definition: { ...bare.definition, assuredRecovery: { checks: [check] } },
    test: { mode: 'automatic', scheduled: false, startedAtMs: 0, guestUp: true, results: [], reasons: [] },
    seed: { seedId: 's', folder: '/seed', bytes: 1, adopted: false },
    disks: bare.disks.map((disk) => ({ ...disk, locator: { wwn: '6000c29', expectBytes: disk.bytes } })),
  };
}

/** Names of the wishes that entering a state voices. */
export function wishesOf(node: AnyStateNode, context: unknown): string[] {
  return node.entry.flatMap((action) => {
    if (typeof action !== 'object' || action.type !== 'wish') return [];
    const params = (action as { params: unknown }).params;
    return typeof params === 'function' ? [(params({ context, event: {} }) as { name: string }).name] : [];
  });
}
