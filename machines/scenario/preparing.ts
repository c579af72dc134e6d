import { assign } from 'xstate';
import { currentDisk } from './context.ts';
import { announce, endRun, faultParams, longWishMs, rememberFault, scenarioSetup, wish } from './scenarioSetup.ts';

/** Guide 8-3: the virtual disks are made and attached to the appliance before the first block is copied. */
export const preparing = scenarioSetup.createStateConfig({
  description: 'One virtual disk for each disk of the master is made on the datastore and attached to the appliance.',
  meta: { guide: '8-3', ja: '仮想ディスクの準備中', en: 'Preparing virtual disks' },
  initial: 'creatingDisk',
  entry: assign({ diskIndex: 0 }),
  on: { 'operator.stop': { target: '#scenario.stopping', actions: endRun('byUser') } },
  states: {
    creatingDisk: {
      meta: { guide: '8-3', ja: '仮想ディスクの作成中', en: 'Creating a virtual disk' },
      entry: wish('hypervisor.createDisk', longWishMs, (c) => ({
        path: currentDisk(c).replicaPath,
        bytes: currentDisk(c).bytes,
      })),
      on: {
        'hypervisor.createDisk.done': 'attachingDisk',
        'hypervisor.createDisk.failed': {
          target: '#scenario.stopping',
          actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
        },
      },
      after: { longAnswer: { target: 'creatingDisk', reenter: true } },
    },
    attachingDisk: {
      description:
        'The answer names the disk as the guest of the appliance sees it; it is proven before the first write.',
      meta: { guide: '8-3', ja: '仮想ディスクの接続中', en: 'Attaching a virtual disk' },
      entry: wish('hypervisor.attachDisk', longWishMs, (c) => ({
        vmName: c.definition.appliance.vmName,
        path: currentDisk(c).replicaPath,
      })),
      on: {
        'hypervisor.attachDisk.done': {
          target: 'nextDisk',
          actions: assign({
            disks: ({ context, event }) =>
              context.disks.map((disk, index) =>
                index === context.diskIndex ? { ...disk, locator: event.result } : disk,
              ),
            diskIndex: ({ context }) => context.diskIndex + 1,
          }),
        },
        'hypervisor.attachDisk.failed': {
          target: '#scenario.stopping',
          actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
        },
      },
      after: { longAnswer: { target: 'attachingDisk', reenter: true } },
    },
    nextDisk: {
      meta: { guide: '8-3', ja: '仮想ディスクの準備中', en: 'Preparing virtual disks' },
      always: [
        { guard: ({ context }) => context.diskIndex < context.disks.length, target: 'creatingDisk' },
        { target: '#scenario.synchronizing' },
      ],
    },
  },
});
