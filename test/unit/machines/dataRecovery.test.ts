import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { dataRecovery, recovering, whileStopped } from '#machines/dataRecovery/dataRecovery.ts';
import { dataRecoveryRefusal } from '#machines/dataRecovery/refusals.ts';
import { isUnsafePath } from '#machines/dataRecovery/restorePlan.ts';
import { initialContext } from '#machines/scenario/context.ts';
import { scenarioSetup } from '#machines/scenario/scenarioSetup.ts';
import { SimulatedRecoveryPoints } from '#simulators/recoveryPoints/SimulatedRecoveryPoints.ts';
import type { SimulatedTarget } from '#simulators/recoveryPoints/SimulatedRecoveryPoints.ts';
import { ReturnSite } from './returnSite.ts';
import { input } from './switchbackChart.ts';

const chart: AnyStateMachine = scenarioSetup.createMachine({
  id: 'scenario',
  context: ({ input: given }) => initialContext(given),
  initial: 'replicating',
  states: {
    replicating: {
      type: 'parallel',
      on: { 'operator.stop': 'stopped' },
      states: { flow: {}, dataRecovery },
    },
    stopped: { ...whileStopped },
    recovering,
  },
});

const volumes = [{ volume: 'C:', bytes: 1, fileSystem: 'ntfs' }];
const files = new Map([
  ['C:/data/a.txt', 'alpha'],
  ['C:/data/b.txt', 'beta'],
  ['C:/other.txt', 'gamma'],
]);
const points = [
  { pointId: 'p1', atMs: 1, point: { sequence: 1, atNs: '1' }, volumes, files },
  { pointId: 'p2', atMs: 2, point: { sequence: 2, atNs: '2' }, name: 'before the update', volumes, files },
];
const target = { host: 'web2', port: 25_000 };
const items = [{ volume: 'C:', path: 'data' }];

let past: SimulatedRecoveryPoints;
let web2: SimulatedTarget;
let site: ReturnSite;
const region = (): string => String(/dataRecovery\.(\w+)/.exec(site.state)?.[1]);

beforeEach(() => {
  web2 = { volumes, files: new Map() };
  const targets = new Map([
    ['web2', web2],
    ['small', { volumes: [], files: new Map<string, string>() }],
  ]);
  site = new ReturnSite(chart, input(), (clock, tell) => {
    past = new SimulatedRecoveryPoints({ clock, tell, points, targets, fileMs: 1000 });
    return { recoveryPoints: past };
  });
});

async function mount(): Promise<void> {
  await site.tell('operator.recoverData');
  await site.tell('operator.mountRecoveryPoint', { pointId: 'p2' });
}

describe('data recovery beside a running scenario', () => {
  it('lists, mounts, restores, unmounts; the scenario goes on (guide 12)', async () => {
    await site.tell('operator.recoverData');
    expect(site.snapshot.context.dataRecovery.points.map(({ pointId }: { pointId: string }) => pointId)).toEqual([
      'p2',
      'p1',
    ]);
    await site.tell('operator.mountRecoveryPoint', { pointId: 'p2' });
    expect([region(), past.mounted]).toEqual(['mounted', 'p2']);
    await site.tell('operator.restoreFiles', { items, target, folder: 'restored' });
    expect([...web2.files]).toEqual([
      ['C:/restored/data/a.txt', 'alpha'],
      ['C:/restored/data/b.txt', 'beta'],
    ]);
    expect([region(), site.codes.at(-1)]).toEqual(['mounted', 'recoveryCompleted']);
    await site.tell('operator.endRecovery');
    expect([region(), past.mounted]).toEqual(['idle', undefined]);
  });

  it.each([
    ['a path that leads upward', { items: [{ volume: 'C:', path: 'data/../../secret' }], target }],
    ['a folder on another drive', { items, target, folder: 'D:/x' }],
    ['a volume the point does not have', { items: [{ volume: 'D:', path: 'x' }], target }],
    ['a target without the volume (R14)', { items, target: { host: 'small', port: 25_000 } }],
    ['nothing', {}],
  ])('refuses %s before anything is written', async (_what, plan) => {
    await mount();
    await site.tell('operator.restoreFiles', plan);
    expect([region(), site.codes.at(-1), web2.files.size]).toEqual(['mounted', 'restoreRefused', 0]);
    expect(site.wishes).not.toContain('recoveryPoints.restore');
  });

  it('ends a mount for the sake of the double', async () => {
    await mount();
    past.letGo('switchover');
    await site.clock.advance(1000);
    expect([region(), site.codes]).toEqual(['idle', expect.arrayContaining(['recoveryPointLost'])]);
  });

  it('takes a restore up again after a restart of the appliance', async () => {
    await mount();
    await site.tell('operator.restoreFiles', { items, target }, 1500);
    expect([region(), web2.files.size]).toEqual(['copying', 1]);
    past.crash();
    await site.restart();
    await site.clock.advance(60_000);
    expect([region(), web2.files.size]).toEqual(['mounted', 2]);
  });

  it('lets the operator end a restore under way', async () => {
    await mount();
    await site.tell('operator.restoreFiles', { items, target }, 500);
    await site.tell('operator.endRecovery');
    expect([region(), web2.files.size, past.mounted]).toEqual(['idle', 0, undefined]);
  });

  it('is told of every fault, and unmounts until nothing is mounted', async () => {
    await mount();
    site.script['recoveryPoints.restore'] = 'diskFull';
    site.script['recoveryPoints.unmount'] = 'hypervisorRefused';
    await site.tell('operator.restoreFiles', { items, target }, 1000);
    expect([region(), site.codes]).toEqual(['waitingToUnmount', expect.arrayContaining(['dataRecoveryFailed'])]);
    site.script['recoveryPoints.unmount'] = undefined;
    await site.clock.advance(120_000);
    expect([region(), past.mounted]).toEqual(['idle', undefined]);
  });

  it('works in a stopped scenario too, which is stopped again afterwards (guide 12-1)', async () => {
    await site.tell('operator.stop');
    await mount();
    expect(site.state).toBe('recovering.mounted');
    await site.tell('operator.endRecovery');
    expect(site.state).toBe('stopped');
  });

  it('refuses what is not its turn, with the reason', async () => {
    expect(await site.tell('operator.mountRecoveryPoint', { pointId: 'p1' })).toBe(false);
    await site.tell('operator.recoverData');
    expect(await site.tell('operator.restoreFiles', { items, target })).toBe(false);
    await site.tell('operator.mountRecoveryPoint', { pointId: 'p9' });
    expect([region(), site.codes.at(-1)]).toEqual(['choosing', 'recoveryPointUnknown']);
    expect(dataRecoveryRefusal('mountRecoveryPoint', 'replicating', false).code).toBe('noRecoveryUnderWay');
    expect(dataRecoveryRefusal('restoreFiles', 'replicating', true).code).toBe('notMounted');
    expect(dataRecoveryRefusal('recoverData', 'switchedOver', false).code).toBe('replicaNotReadable');
    expect(dataRecoveryRefusal('recoverData', 'replicating', false).code).toBe('capabilityMissing');
  });
});

describe('a path that could leave its root (invariant D16)', () => {
  it.each([
    '..',
    'a/../b',
    '/etc',
    'C:/x',
    'a:stream',
    'a\\b',
    'PROGRA~1',
    'aux',
    'Con.txt',
    'a.',
    'a ',
    'a//b',
    './a',
    'a\u0000',
  ])('%j is refused', (path) => {
    expect(isUnsafePath(path)).toBe(true);
  });
  it.each(['a', 'a/b.txt', '日本語/資料.docx', '.bashrc', 'a..b', 'console.log'])('%j is taken', (path) => {
    expect(isUnsafePath(path)).toBe(false);
  });
});
