import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import { nodesOf } from './chartNodes.ts';

/** The product's charts, as they are published. */
export const charts: readonly AnyStateMachine[] = [scenarioChart, masterGuardChart];

export type Edge = { readonly from: string; readonly on: string; readonly to: string; readonly guarded: boolean };

/** Every edge that the chart declares, in its own order: a changed edge is a reviewed line. */
export function edgesOf(chart: AnyStateMachine): Edge[] {
  return nodesOf(chart).flatMap((node) => [
    ...[...node.transitions.values()].flat().flatMap((transition) => edge(node, transition)),
    ...(node.always ?? []).flatMap((transition) => edge(node, transition)),
  ]);
}

function edge(
  node: AnyStateNode,
  transition: { eventType: string; guard?: unknown; target?: readonly AnyStateNode[] | undefined },
): Edge[] {
  const on = /^xstate\.after\.([^.]+)\./.exec(transition.eventType)?.[1];
  const label = on ? `after ${on}` : transition.eventType || 'always';
  const targets = transition.target?.length ? transition.target.map(({ id }) => id) : [node.id];
  return targets.map((to) => ({ from: node.id, on: label, to, guarded: transition.guard !== undefined }));
}

/** The chart as a Mermaid state diagram, with the guide's words as notes. */
export function drawingOf(chart: AnyStateMachine): string {
  const name = (id: string) => id.replaceAll('.', '_');
  const lines = ['stateDiagram-v2'];
  const draw = (node: AnyStateNode, depth: number): void => {
    const indent = '  '.repeat(depth);
    const children = Object.values(node.states as Record<string, AnyStateNode>);
    lines.push(`${indent}state "${node.key}${node.meta?.guide ? ` (${node.meta.guide})` : ''}" as ${name(node.id)}`);
    if (children.length === 0) return;
    lines.push(`${indent}state ${name(node.id)} {`);
    if (node.type === 'compound') lines.push(`${indent}  [*] --> ${name(node.initial.target[0]?.id ?? '')}`);
    children.forEach((child, index) => {
      if (node.type === 'parallel' && index > 0) lines.push(`${indent}  --`);
      draw(child, depth + 1);
    });
    lines.push(`${indent}}`);
  };
  for (const child of Object.values(chart.root.states as Record<string, AnyStateNode>)) draw(child, 1);
  for (const { from, on, to, guarded } of edgesOf(chart))
    if (from !== to) lines.push(`  ${name(from)} --> ${name(to)} : ${on}${guarded ? ' [guard]' : ''}`);
  return `${lines.join('\n')}\n`;
}

export const edgeListOf = (chart: AnyStateMachine): string =>
  `[\n${edgesOf(chart)
    .map((line) => `  ${JSON.stringify(line)}`)
    .join(',\n')}\n]\n`;
