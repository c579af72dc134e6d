import { assign } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import { currentDisk } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import {
  announce,
  endRun,
  faultParams,
  longWishMs,
  rememberFault,
  scenarioSetup,
  wish,
} from '#machines/scenario/scenarioSetup.ts';
import type { Seed } from './facts.ts';
import { diskPlans } from './receive.ts';

function seedOf({ seed, definition }: ScenarioContext): Seed {
  if (!seed) throw new RangeError(`nothing was exported in scenario ${definition.scenarioId}`);
  return seed;
}

const faulted = {
  target: '#scenario.stopping',
  actions: [endRun('fault'), rememberFault, announce('fault', faultParams)],
};

/** What was carried is wrong: it is told, and may be brought again; nothing has to be exported anew for that. */
const refused = { target: 'awaitingSeed', actions: [rememberFault, announce('seedRefused', faultParams)] };

const rejected = [
  {
    guard: ({ event }: { readonly event: { readonly fault: Fault } }) => event.fault.code === 'seedRefused',
    ...refused,
  },
  faulted,
];

/** The wish is performed again by the host: there is nothing to start over. */
const resumed = { actions: announce('synchronizationResumed') };

/**
 * Offline synchronization (guide, appendix): a snapshot of the master is carried to the appliance by hand, and only what
 * has changed since goes over the line. Two things are better than in the guide. A spool that runs full during the
 * journey does not start it over: the master goes on with a map of dirty blocks. And Linux masters may use it (R11
 * refuses them there): the snapshot is of blocks, not of files. The scheduled mode that R11 also names does not exist
 * here: replication is continuous.
 */
export const offline = {
  exportingSeed: scenarioSetup.createStateConfig({
    description: 'The master begins to write a snapshot of its disks, and to record what changes from now on.',
    meta: { guide: 'OS-4', ja: 'オフライン同期: スナップショットの開始中', en: 'Offline: beginning the snapshot' },
    entry: [
      assign({ seed: undefined, diskIndex: 0 }),
      announce('synchronizationStarted', () => ({ method: 'offline' })),
      wish('offline.exportSeed', longWishMs, (c) => ({
        host: c.definition.master.host,
        port: c.definition.master.port,
        diskIds: c.disks.map(({ diskId }) => diskId),
      })),
    ],
    on: {
      'offline.exportSeed.done': 'writingSeed',
      'offline.exportSeed.failed': faulted,
      'appliance.restarted': resumed,
    },
    after: { longAnswer: { target: 'exportingSeed', reenter: true } },
  }),
  writingSeed: scenarioSetup.createStateConfig({
    description: 'The snapshot is being written; progress is measured outside the chart.',
    meta: { guide: 'OS-4', ja: 'オフライン同期: スナップショットの書き出し中', en: 'Offline: writing the snapshot' },
    on: {
      'offline.seedExported': {
        target: 'stagingSeed',
        actions: [
          assign({
            seed: ({ event: { seedId, folder, bytes } }): Seed => ({ seedId, folder, bytes, adopted: false }),
          }),
          announce('seedExported', (c) => ({ folder: seedOf(c).folder, bytes: seedOf(c).bytes })),
        ],
      },
      'offline.seedFailed': faulted,
      // What it told meanwhile may have been lost with us.
      'appliance.restarted': { target: 'exportingSeed', actions: announce('synchronizationResumed') },
    },
  }),
  stagingSeed: scenarioSetup.createStateConfig({
    description: 'A folder for each disk is made on the appliance, and told (guide OS-5).',
    meta: { guide: 'OS-5', ja: 'オフライン同期: コピー先の準備中', en: 'Offline: preparing the folders' },
    entry: wish('offline.stageSeed', longWishMs, (c) => ({
      diskId: currentDisk(c).diskId,
      bytes: currentDisk(c).bytes,
    })),
    on: {
      'offline.stageSeed.done': {
        target: 'nextFolder',
        actions: [
          {
            type: 'announce',
            params: ({ context, event }) => ({
              code: 'seedFolderReady',
              params: { root: currentDisk(context).diskId, folder: event.result.folder },
            }),
          },
          'nextDisk',
        ],
      },
      'offline.stageSeed.failed': faulted,
      'appliance.restarted': resumed,
    },
    after: { longAnswer: { target: 'stagingSeed', reenter: true } },
  }),
  nextFolder: scenarioSetup.createStateConfig({
    meta: { guide: 'OS-5', ja: 'オフライン同期: コピー先の準備中', en: 'Offline: preparing the folders' },
    always: [{ guard: 'moreDisks', target: 'stagingSeed' }, { target: 'awaitingSeed' }],
  }),
  awaitingSeed: scenarioSetup.createStateConfig({
    description: 'The copy is on its way to the appliance; what changes meanwhile is spooled by the master.',
    meta: {
      guide: 'OS-5',
      ja: 'オフライン同期: データの到着待ち',
      en: 'Offline: waiting for the data to arrive',
    },
    on: { 'operator.seedArrived': 'adoptingSeed', 'appliance.restarted': resumed },
  }),
  adoptingSeed: scenarioSetup.createStateConfig({
    description: 'The manifest of what was carried is proven before the first block is placed.',
    meta: { guide: 'OS-6', ja: 'オフライン同期: データの検証中', en: 'Offline: proving the data' },
    entry: wish('offline.adoptSeed', longWishMs, (c) => ({ seedId: seedOf(c).seedId, disks: diskPlans(c) })),
    on: {
      'offline.adoptSeed.done': 'placingSeed',
      'offline.adoptSeed.failed': rejected,
      'appliance.restarted': resumed,
    },
    after: { longAnswer: { target: 'adoptingSeed', reenter: true } },
  }),
  placingSeed: scenarioSetup.createStateConfig({
    description: 'The data are placed on the replica disks, each block compared with its digest.',
    meta: { guide: 'OS-7', ja: 'オフライン同期: データの取り込み中', en: 'Offline: placing the data' },
    on: {
      'offline.seedAdopted': {
        target: 'starting',
        actions: [
          assign({ seed: ({ context }): Seed => ({ ...seedOf(context), adopted: true }) }),
          { type: 'announce', params: ({ event }) => ({ code: 'seedAdopted', params: { bytes: event.bytes } }) },
        ],
      },
      'offline.seedRefused': refused,
      'appliance.restarted': { target: 'adoptingSeed', actions: announce('synchronizationResumed') },
    },
  }),
};
