import { describe, expect, it } from 'vitest';
import { assign } from 'xstate';
import { definition, edited, fenceDevice, input, switchbackChart, switchbackStates } from './switchbackChart.ts';
import { walk } from './switchbackWalk.ts';
import type { Walk } from './switchbackWalk.ts';
import type { World } from './switchbackWorld.ts';

const start: World = {
  vm: { on: true, plugged: true, registered: true },
  target: 'kit',
  targetIsolated: true,
  stranger: 'none',
  strangerObeys: false,
  fence: 'none',
  hypervisorEpoch: 2,
  kitEpoch: 0,
  guardEpoch: 0,
  compared: 'no',
  agreed: false,
  committed: false,
  readBackOff: false,
};

const settings: readonly World[] = [
  start,
  { ...start, stranger: 'isolated' },
  { ...start, fence: 'target' },
  { ...start, fence: 'other', stranger: 'isolated' },
];

const walkIn = (world: World, guilty: Parameters<typeof switchbackChart>[0] = {}, untilBreach = false): Walk => {
  const fence = world.fence === 'none' ? definition.fence : { ...definition.fence, device: fenceDevice };
  return walk(switchbackChart(guilty), input({ fence }), world, untilBreach);
};

const walked = new Set<string>();

const { switchingBack, undoingSwitchback, verifyingTarget } = switchbackStates;

describe('the way back, in every order of facts, lost answers and late effects', () => {
  it.each(settings)(
    'never two sides, nothing written unasked, nothing given up early: fence $fence, old master $stranger',
    (world) => {
      const { breaches, stuck, states } = walkIn(world);
      expect([...breaches]).toEqual([]);
      for (const state of states) walked.add(state);
      // Reliability L10: from everywhere the switchback can still be completed or undone.
      expect([...stuck]).toEqual([]);
      expect([...states]).toEqual(expect.arrayContaining(['stopped', 'switchedBack', 'undoingSwitchback.halted']));
    },
  );

  it('walks every state in one setting or another', () => {
    const all = Object.entries(switchbackStates).flatMap(([name, config]) =>
      'states' in config
        ? Object.entries(config.states).map(([inner, state]) => [`${name}.${inner}`, state] as const)
        : [[name, config] as const],
    );
    const resting = all.filter(([, state]) => !('always' in state)).map(([name]) => name);
    // Children only exist where a double was raised early.
    expect(resting.filter((name) => !walked.has(name))).toEqual(['refreshingVolumes.deletingChild']);
  });

  const guilty: readonly (readonly [string, Parameters<typeof switchbackChart>[0], World, string])[] = [
    [
      'trusts the answer of a power-off',
      {
        switchingBack: edited(
          edited(switchingBack, ['states', 'shuttingDownVm', 'on', 'hypervisor.powerOffVm.done'], 'unpluggingVm'),
          ['states', 'shuttingDownVm', 'on', 'hypervisor.powerOffVm.failed'],
          'unpluggingVm',
        ),
      },
      start,
      'before the substitute VM was read back as off',
    ],
    [
      'writes before anybody agreed',
      {
        verifyingTarget: edited(verifyingTarget, ['states', 'judging', 'always'], '#scenario.reverseSynchronizing'),
        reverseSynchronizing: edited(switchbackStates.reverseSynchronizing, ['states', 'starting', 'entry'], {
          type: 'wish',
          params: ({ context }: { context: { epoch: number } }) => ({
            name: 'bareMetal.receive',
            args: {},
            epoch: context.epoch,
            timeoutMs: 1,
          }),
        }),
      },
      start,
      'before the mapping was confirmed',
    ],
    [
      'boots disks that differ',
      { switchingBack: edited(switchingBack, ['states', 'comparing', 'always'], 'detachingDisk') },
      start,
      'a restart of disks not proven equal',
    ],
    [
      'powers the substitute VM on without asking what became of the machine',
      { undoingSwitchback: edited(undoingSwitchback, ['initial'], 'detachingDisk') },
      start,
      'two active sides',
    ],
    [
      'undoes in the epoch of the switchback, so that a late rejoin is obeyed',
      { undoingSwitchback: edited(undoingSwitchback, ['entry'], assign({ diskIndex: 0 })) },
      start,
      'two active sides',
    ],
    [
      'takes any guard at the address for the machine',
      {
        switchingBack: edited(
          switchingBack,
          ['states', 'waitingForTarget', 'on', 'guard.describe.done'],
          'hearingMaster',
        ),
      },
      { ...start, stranger: 'isolated' },
      'guard.rejoin to another machine',
    ],
    [
      "takes the old master's power away instead of the machine's",
      {
        undoingSwitchback: edited(
          undoingSwitchback,
          ['states', 'identifyingFence', 'on', 'fence.describe.done'],
          'poweringOffTarget',
        ),
      },
      { ...start, fence: 'other' },
      'two active sides',
    ],
    [
      'gives the substitute VM up before the machine serves',
      {
        switchingBack: edited(
          switchingBack,
          ['states', 'hearingMaster', 'on', 'master.describe.done'],
          '#scenario.switchedBack',
        ),
      },
      start,
      'given up before the commit',
    ],
  ];

  it.each(guilty)('notices a chart that %s', (_what, states, world, breach) => {
    expect([...walkIn(world, states, true).breaches].join('\n')).toContain(breach);
  });

  it('notices a chart that stays for ever where nobody serves', () => {
    const { stuck } = walkIn(start, {
      undoingSwitchback: edited(undoingSwitchback, ['states', 'halted', 'on'], {}),
    });
    expect([...stuck]).toContain('undoingSwitchback.halted');
  });

  it('notices a guard that takes a rejoin in an epoch it has never heard of: a late one would let the old master back', () => {
    const { breaches } = walkIn({ ...start, stranger: 'isolated', strangerObeys: true }, {}, true);
    expect([...breaches].join('\n')).toContain('two active sides');
  });
});
