import { describe, expect, it } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { dataRecovery, recovering } from '#machines/dataRecovery/dataRecovery.ts';
import { initialContext } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { eventCatalogue } from '#control/eventLog/catalogue.ts';
import { input, machine, switchbackChart, switchbackStates } from './switchbackChart.ts';

const bare = initialContext(input());
const context: ScenarioContext = {
  ...bare,
  substituteVmId: '2',
  disks: bare.disks.map((disk) => ({ ...disk, locator: { wwn: '6', expectBytes: disk.bytes } })),
  reverse: {
    target: { host: 'kit', port: 1 },
    source: { host: 'master', port: 1 },
    method: 'volumeLevel',
    machine,
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
    plan: { items: [{ volume: 'C:', path: 'a' }], target: { host: 'h', port: 1 } },
  },
};

const visit = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(visit),
];
const own = new Set([...Object.keys(switchbackStates), 'recovering', 'dataRecovery']);
const chart = switchbackChart();
const nodes = visit(chart.root).filter(({ path }) => own.has(path[0] ?? ''));

/** Parameters of an entry action of one type, asked with a context in which every argument can be built. */
const paramsOf = (node: AnyStateNode, type: string): { readonly name?: string; readonly code?: string }[] =>
  node.entry.flatMap((action) =>
    typeof action === 'object' && action.type === type && typeof action.params === 'function'
      ? [(action.params as (scope: object) => object)({ context, event: {} })]
      : [],
  );

const breachesOfL2 = (all: readonly AnyStateNode[]): string[] =>
  all.flatMap((node) =>
    paramsOf(node, 'wish').flatMap(({ name = '' }) => [
      ...['done', 'failed']
        .filter((end) => !node.transitions.has(`${name}.${end}`))
        .map((end) => `${node.id}: ${name}.${end}`),
      ...(node.after.length > 0 ? [] : [`${node.id}: waits for ever`]),
    ]),
  );

describe('the states of the way back and of data recovery', () => {
  it('L2: whoever voices a wish takes its answer, its fault, and bounds its wait', () => {
    expect(nodes.flatMap((node) => paramsOf(node, 'wish')).length).toBeGreaterThan(20);
    expect(breachesOfL2(nodes)).toEqual([]);
  });

  it('have words in both languages, known delays, and announce what the catalogue knows', () => {
    for (const node of nodes) {
      expect(node.meta?.ja && node.meta?.en, node.id).toBeTruthy();
      for (const { delay } of node.after) expect(scenarioLateness).toHaveProperty(String(delay));
      for (const { code = '' } of paramsOf(node, 'announce')) expect(eventCatalogue).toHaveProperty(code);
    }
  });

  it('L2 holds for data recovery as well, wherever it stands', () => {
    for (const { states } of [dataRecovery, recovering])
      for (const [name, state] of Object.entries(states)) {
        const { entry, on, after } = state as { entry?: unknown; on?: object; after?: object };
        const wishes = [entry].flat().filter((action) => (action as { type?: string } | undefined)?.type === 'wish');
        for (const wish of wishes) {
          const asked = (wish as { params: (scope: object) => { name: string } }).params({ context }).name;
          expect(Object.keys(on ?? {}), name).toEqual(expect.arrayContaining([`${asked}.done`, `${asked}.failed`]));
          expect(after, name).toBeDefined();
        }
      }
  });
});
