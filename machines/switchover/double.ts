import { assign } from 'xstate';
import type { VmSpec } from '#machines/parties/hypervisor.ts';
import { childPath, currentDisk, doubleOf } from '#machines/scenario/context.ts';
import type { Double, ScenarioContext } from '#machines/scenario/context.ts';
import {
  announce,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  wish,
} from '#machines/scenario/scenarioSetup.ts';

/** A double's networks: of the production for the one that may take over, of the test for the other (guide 6-14, 9-3). */
const nicsOf = ({ definition }: ScenarioContext, role: Double['role']): VmSpec['nics'] => {
  const { highAvailability, assuredRecovery } = definition.substituteVm.nicMapping;
  const mapping = role === 'substituteVm' ? highAvailability : assuredRecovery;
  // Unplugged whatever happens: what lets a double onto a network is a decision of its own.
  return mapping.map(({ network }) => ({ network, connected: false }));
};

const vmSpec = (context: ScenarioContext): VmSpec => {
  const { definition, disks, master } = context;
  const { role, onChildren } = doubleOf(context);
  const { cpus, memoryMiB } = definition.substituteVm;
  return {
    name: doubleName(context),
    role,
    cpus,
    memoryMiB,
    firmware: master?.firmware ?? 'bios',
    datastore: definition.hypervisor.datastore,
    ...(definition.hypervisor.resourcePool === undefined ? {} : { resourcePool: definition.hypervisor.resourcePool }),
    disks: disks.map(({ replicaPath }, index) =>
      onChildren ? { path: childPath(context, role, index), childOf: replicaPath } : { path: replicaPath },
    ),
    nics: nicsOf(context, role),
  };
};

/** As the hypervisor shows it; of the test's VM while there is no double. */
export const doubleName = ({ definition, double }: ScenarioContext): string =>
  double?.role === 'substituteVm' ? definition.substituteVm.name : `${definition.substituteVm.name}-test`;

export const doubleVm = (context: ScenarioContext): { readonly vmId: string } => {
  const { vmId } = doubleOf(context);
  if (vmId === undefined) throw new RangeError('the double has no virtual machine yet');
  return { vmId };
};

const replicaPlace = (context: ScenarioContext) => ({
  vmName: context.definition.appliance.vmName,
  path: currentDisk(context).replicaPath,
});

/** Begins a double of this role; what it writes can be discarded when it runs on children. */
export const beginDouble = (double: Pick<Double, 'role' | 'onChildren'>) => ({
  type: 'beginDouble' as const,
  params: double,
});

type Ends = { readonly ready: string; readonly failed: string };

/**
 * From a replica that is let go of to a guest that is up, with its network unplugged. The states are the same whoever
 * wants the double: a switchover, a suspicion, or a test.
 */
export const raise = ({ ready, failed }: Ends) => {
  const refused = { target: failed, actions: [rememberFault, announce('doubleFailed', faultParams)] };
  return {
    detachingDisk: scenarioSetup.createStateConfig({
      description: 'The appliance lets go of the replica disks: one writer an image.',
      meta: { guide: '10-3', ja: '仮想ディスクの切り離し中', en: 'Detaching a virtual disk' },
      entry: wish('hypervisor.detachDisk', longWishMs, replicaPlace),
      on: {
        'hypervisor.detachDisk.done': { target: 'nextDisk', actions: 'nextDisk' },
        'hypervisor.detachDisk.failed': refused,
      },
      after: { longAnswer: { target: 'detachingDisk', reenter: true } },
    }),
    nextDisk: scenarioSetup.createStateConfig({
      meta: { guide: '10-3', ja: '仮想ディスクの切り離し中', en: 'Detaching virtual disks' },
      always: [
        { guard: 'moreDisks', target: 'detachingDisk' },
        { guard: 'doubleOnChildren', target: 'clearingChild', actions: 'firstDisk' },
        { target: 'creatingVm' },
      ],
    }),
    clearingChild: scenarioSetup.createStateConfig({
      description:
        'A child that an earlier attempt left behind goes; one that a virtual machine has is adopted with it.',
      meta: { guide: '10-3', ja: '子ディスクの確認中', en: 'Clearing child disks' },
      entry: wish('hypervisor.deleteChildDisk', longWishMs, (c) => ({
        path: childPath(c, doubleOf(c).role, c.diskIndex),
      })),
      on: {
        'hypervisor.deleteChildDisk.done': { target: 'nextCleared', actions: 'nextDisk' },
        'hypervisor.deleteChildDisk.failed': [
          { guard: ({ event }) => event.fault.code === 'locked', target: 'nextCleared', actions: 'nextDisk' },
          refused,
        ],
      },
      after: { longAnswer: { target: 'clearingChild', reenter: true } },
    }),
    nextCleared: scenarioSetup.createStateConfig({
      meta: { guide: '10-3', ja: '子ディスクの確認中', en: 'Clearing child disks' },
      always: [{ guard: 'moreDisks', target: 'clearingChild' }, { target: 'creatingVm' }],
    }),
    creatingVm: scenarioSetup.createStateConfig({
      description: 'The virtual machine is made from the replica disks or children of them, or adopted by its tag.',
      meta: { guide: '10-3', ja: '代替仮想マシンの作成中', en: 'Creating the substitute VM' },
      entry: [
        assign({ double: ({ context }) => ({ ...doubleOf(context), vmAsked: true }) }),
        wish('hypervisor.createVm', longWishMs, vmSpec),
      ],
      on: {
        'hypervisor.createVm.done': {
          target: 'poweringOn',
          actions: [
            assign({ double: ({ context, event }) => ({ ...doubleOf(context), vmId: event.result.vmId }) }),
            announce('substituteVmCreated', (c) => ({ vm: vmSpec(c).name })),
          ],
        },
        'hypervisor.createVm.failed': refused,
      },
      after: { longAnswer: { target: 'creatingVm', reenter: true } },
    }),
    poweringOn: scenarioSetup.createStateConfig({
      description: 'It boots unplugged: nobody can reach it yet.',
      meta: { guide: '10-3', ja: '代替仮想マシンの起動中', en: 'Powering on the substitute VM' },
      entry: wish('hypervisor.powerOnVm', longWishMs, doubleVm),
      on: {
        'hypervisor.powerOnVm.done': {
          target: 'waitingForGuest',
          actions: announce('substituteVmPoweredOn', (c) => ({ vm: vmSpec(c).name })),
        },
        'hypervisor.powerOnVm.failed': refused,
      },
      after: { longAnswer: { target: 'poweringOn', reenter: true } },
    }),
    waitingForGuest: scenarioSetup.createStateConfig({
      description: 'Powered on is not up: the guest itself says when it runs.',
      meta: { guide: '10-5', ja: 'ゲスト OS の起動待ち', en: 'Waiting for the guest' },
      entry: wish('hypervisor.waitForGuest', longWishMs, doubleVm),
      on: {
        'hypervisor.waitForGuest.done': {
          target: ready,
          actions: {
            type: 'announce',
            params: ({ event }) => ({ code: 'guestUp', params: { host: event.result.hostName ?? '?' } }),
          },
        },
        'hypervisor.waitForGuest.failed': refused,
      },
      after: { longAnswer: { target: 'waitingForGuest', reenter: true } },
    }),
  };
};

/**
 * Back from a double to a replica that can be written again. Everything is tried until it is done: a double that is
 * left over keeps the replica from following its master, and that alone.
 */
export const discard = ({ done }: { readonly done: string }) => {
  const tryAgain = { target: 'waitingToDiscard', actions: [rememberFault, announce('discardDelayed', faultParams)] };
  return {
    discarding: scenarioSetup.createStateConfig({
      description: 'Which parts of the double there are to undo.',
      meta: { guide: '9-6', ja: 'ダブルの破棄中', en: 'Discarding the double' },
      entry: 'firstDisk',
      always: [
        { guard: 'hasDoubleVm', target: 'poweringOff' },
        { guard: ({ context }) => context.double?.vmAsked === true, target: 'adoptingVm' },
        { guard: 'doubleOnChildren', target: 'deletingChild' },
        { target: 'attachingDisk' },
      ],
    }),
    waitingToDiscard: scenarioSetup.createStateConfig({
      meta: { guide: '9-6', ja: 'ダブルの破棄の再試行待ち', en: 'Waiting to discard the double' },
      after: { retryIn: 'discarding' },
    }),
    adoptingVm: scenarioSetup.createStateConfig({
      description: 'The answer to its creation never came: what was begun is finished, so that it can be undone.',
      meta: { guide: '9-6', ja: '代替仮想マシンの確認中', en: 'Looking for the substitute VM' },
      entry: wish('hypervisor.createVm', longWishMs, vmSpec),
      on: {
        'hypervisor.createVm.done': {
          target: 'poweringOff',
          actions: assign({ double: ({ context, event }) => ({ ...doubleOf(context), vmId: event.result.vmId }) }),
        },
        'hypervisor.createVm.failed': [
          // A host that refuses to make it has not made it.
          {
            guard: ({ event }) => event.fault.duration === 'permanent' && event.fault.effect !== 'unknown',
            target: 'discarding',
            actions: assign({ double: ({ context }) => ({ ...doubleOf(context), vmAsked: false }) }),
          },
          tryAgain,
        ],
      },
      after: { longAnswer: 'waitingToDiscard' },
    }),
    poweringOff: scenarioSetup.createStateConfig({
      meta: { guide: '9-6', ja: '代替仮想マシンの停止中', en: 'Powering off the substitute VM' },
      entry: wish('hypervisor.powerOffVm', longWishMs, (c) => ({ ...doubleVm(c), how: 'hard' as const })),
      on: {
        'hypervisor.powerOffVm.done': 'unregistering',
        'hypervisor.powerOffVm.failed': [
          { guard: ({ event }) => event.fault.code === 'notFound', target: 'unregistering' },
          tryAgain,
        ],
      },
      after: { longAnswer: 'waitingToDiscard' },
    }),
    unregistering: scenarioSetup.createStateConfig({
      meta: { guide: '9-6', ja: '代替仮想マシンの削除中', en: 'Removing the substitute VM' },
      entry: wish('hypervisor.unregisterVm', longWishMs, doubleVm),
      on: {
        'hypervisor.unregisterVm.done': {
          target: 'discarding',
          actions: assign({
            double: ({ context }) => {
              const { vmId: _gone, ...rest } = doubleOf(context);
              return { ...rest, vmAsked: false };
            },
          }),
        },
        'hypervisor.unregisterVm.failed': tryAgain,
      },
      after: { longAnswer: 'waitingToDiscard' },
    }),
    deletingChild: scenarioSetup.createStateConfig({
      description: 'All that the double wrote goes; the replica under it was only read.',
      meta: { guide: '9-6', ja: '子ディスクの削除中', en: 'Deleting a child disk' },
      entry: wish('hypervisor.deleteChildDisk', longWishMs, (c) => ({
        path: childPath(c, doubleOf(c).role, c.diskIndex),
      })),
      on: {
        'hypervisor.deleteChildDisk.done': {
          target: 'nextChild',
          actions: [
            'nextDisk',
            // What a test wrote is told with its record, whoever has ended it.
            assign({
              lastTest: ({ context: { lastTest, double }, event }) =>
                lastTest && double?.role === 'testVm'
                  ? { ...lastTest, discardedBytes: lastTest.discardedBytes + event.result.discardedBytes }
                  : lastTest,
            }),
            {
              type: 'announce',
              params: ({ event }) => ({ code: 'doubleDiscarded', params: { bytes: event.result.discardedBytes } }),
            },
          ],
        },
        'hypervisor.deleteChildDisk.failed': tryAgain,
      },
      after: { longAnswer: 'waitingToDiscard' },
    }),
    nextChild: scenarioSetup.createStateConfig({
      meta: { guide: '9-6', ja: '子ディスクの削除中', en: 'Deleting child disks' },
      always: [
        { guard: 'moreDisks', target: 'deletingChild' },
        { target: 'attachingDisk', actions: 'firstDisk' },
      ],
    }),
    attachingDisk: scenarioSetup.createStateConfig({
      description: 'The replica disks come back to the appliance.',
      meta: { guide: '9-6', ja: '仮想ディスクの再接続中', en: 'Attaching a virtual disk again' },
      entry: wish('hypervisor.attachDisk', longWishMs, replicaPlace),
      on: {
        'hypervisor.attachDisk.done': {
          target: 'nextAttached',
          actions: [
            assign({
              disks: ({ context, event }) =>
                context.disks.map((disk, index) =>
                  index === context.diskIndex ? { ...disk, locator: event.result } : disk,
                ),
            }),
            'nextDisk',
          ],
        },
        'hypervisor.attachDisk.failed': tryAgain,
      },
      after: { longAnswer: 'waitingToDiscard' },
    }),
    nextAttached: scenarioSetup.createStateConfig({
      meta: { guide: '9-6', ja: '仮想ディスクの再接続中', en: 'Attaching virtual disks again' },
      always: [
        { guard: 'moreDisks', target: 'attachingDisk' },
        {
          guard: 'manualTestVm',
          target: done,
          actions: [
            announce('manualTestFinished', (c) => ({ replica: doubleName(c) })),
            assign({ double: undefined, test: undefined }),
          ],
        },
        { target: done, actions: assign({ double: undefined, test: undefined }) },
      ],
    }),
  };
};
