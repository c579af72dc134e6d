import { getMicrosteps } from 'xstate';
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';
import type { Commit } from './site.ts';

type Edge = { readonly key: string; readonly from: AnyStateNode; readonly to: AnyStateNode };
type Taken = {
  readonly eventType: string;
  readonly source: AnyStateNode;
  readonly target?: readonly AnyStateNode[] | undefined;
};

/** Which of the edges that a chart declares were walked. Edges are named as in `machines/charts/*.edges.json`. */
export class Coverage {
  readonly walked = new Set<string>();
  readonly #edges = new Map<AnyStateMachine, readonly Edge[]>();

  note({ chart, before, event, taken }: Commit): void {
    if (taken === 'stale') return;
    const first = (
      chart as unknown as { getTransitionData(snapshot: AnyMachineSnapshot, event: object): readonly Taken[] }
    ).getTransitionData(before, event);
    for (const transition of first ?? []) this.#walk(chart, transition);
    const steps = getMicrosteps(chart, before, event);
    if (steps.length < 2) return;
    // What followed by itself in the same step: an edge whose target became active while its source was.
    let [at] = steps[0] ?? [before];
    for (const [next] of steps.slice(1)) {
      const [was, is] = [
        new Set(at._nodes as readonly AnyStateNode[]),
        new Set(next._nodes as readonly AnyStateNode[]),
      ];
      for (const { key, from, to } of this.#edgesOf(chart))
        if (was.has(from) && is.has(to) && !was.has(to)) this.walked.add(key);
      at = next;
    }
  }

  #walk(chart: AnyStateMachine, { source, eventType, target }: Taken): void {
    const targets = target?.length ? target : [source];
    for (const to of targets) this.walked.add(edgeKey(chart, source, eventType, to));
  }

  #edgesOf(chart: AnyStateMachine): readonly Edge[] {
    const known = this.#edges.get(chart) ?? edgesOf(chart);
    this.#edges.set(chart, known);
    return known;
  }
}

/** Every edge that a chart declares. */
export function edgesOf(chart: AnyStateMachine): Edge[] {
  return nodesOf(chart.root).flatMap((from) =>
    [...[...from.transitions.values()].flat(), ...(from.always ?? [])].flatMap(({ eventType, target }) =>
      (target?.length ? target : [from]).map((to: AnyStateNode) => ({
        key: edgeKey(chart, from, eventType, to),
        from,
        to,
      })),
    ),
  );
}

/** All leaf states of a chart, as they stand in a state path. */
export const leavesOf = (chart: AnyStateMachine): readonly string[] =>
  nodesOf(chart.root)
    .filter(({ type }) => type === 'atomic' || type === 'final')
    .map(({ path }) => path.join('.'));

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(nodesOf)];
}

function edgeKey(chart: AnyStateMachine, from: AnyStateNode, eventType: string, to: AnyStateNode): string {
  const delay = /^xstate\.after\.([^.]+)\./.exec(eventType)?.[1];
  return `${chart.id}: ${from.id} ${delay ? `after ${delay}` : eventType || 'always'} ${to.id}`;
}
