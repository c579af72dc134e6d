import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { initialContext } from '#machines/scenario/scenarioSetup.ts';
import type { ScenarioContext } from '#machines/scenario/scenarioSetup.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';

export function nodesOf(chart: AnyStateMachine): AnyStateNode[] {
  const visit = (node: AnyStateNode): AnyStateNode[] => [
    node,
    ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(visit),
  ];
  return visit(chart.root);
}

/** Names of the wishes that entering a state voices, asked with a context in which every argument can be built. */
export function wishesOf(
  node: AnyStateNode,
  { definition, applianceVersion }: { definition: ScenarioDefinition; applianceVersion: string },
): string[] {
  const bare = initialContext(definition, applianceVersion);
  const context: ScenarioContext = {
    ...bare,
    substituteVmId: '2',
    disks: bare.disks.map((disk) => ({ ...disk, locator: { wwn: '6000c29', expectBytes: disk.bytes } })),
  };
  return node.entry.flatMap((action) => {
    if (typeof action !== 'object' || action.type !== 'wish') return [];
    const params = (action as { params: unknown }).params;
    return typeof params === 'function' ? [(params({ context, event: {} }) as { name: string }).name] : [];
  });
}
