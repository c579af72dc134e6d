import { release } from '#machines/masterGuard/leaseOrder.ts';
import { discard } from '#machines/switchover/double.ts';
import { guardAt } from '#machines/switchover/verdict.ts';
import { announce, scenarioSetup, shortWishMs, wish } from './scenarioSetup.ts';

/** A guard that cannot be reached keeps its terms until the next Run; nobody waits for it. */
const disarmMs = 5_000;

/** Whatever runs is ended: a double goes first, then the master is free of its lease, then the stream ends. */
export const stopping = scenarioSetup.createStateConfig({
  description: 'Doubles, leases, the stream and the heartbeat end; the replica disks are closed as they are.',
  meta: { ja: '停止処理中', en: 'Stopping' },
  initial: 'endingHeartbeat',
  exit: announce('scenarioStopped', (c) => ({ reason: c.stopReason })),
  states: {
    endingHeartbeat: {
      meta: { ja: '停止処理中', en: 'Stopping' },
      entry: wish('master.unwatch', shortWishMs, () => undefined),
      on: { 'master.unwatch.done': 'clearing', 'master.unwatch.failed': 'clearing' },
      after: { shortAnswer: 'clearing' },
    },
    clearing: {
      meta: { ja: '停止処理中', en: 'Stopping' },
      always: [{ guard: 'hasDouble', target: 'discarding' }, { target: 'settling' }],
    },
    ...discard({ done: 'settling' }),
    ...release({ done: 'disarming', failed: 'disarming' }),
    disarming: {
      description: 'Without an appliance that could take over the master needs no lease.',
      meta: { ja: 'ガードの解除中', en: 'Disarming the guard' },
      entry: wish('guard.disarm', disarmMs, guardAt),
      on: { 'guard.disarm.done': 'endingStream', 'guard.disarm.failed': 'endingStream' },
      after: { shortAnswer: 'endingStream' },
    },
    endingStream: {
      meta: { ja: '停止処理中', en: 'Stopping' },
      entry: wish('replica.stop', shortWishMs, () => undefined),
      on: { 'replica.stop.done': '#scenario.stopped', 'replica.stop.failed': '#scenario.stopped' },
      after: { shortAnswer: '#scenario.stopped' },
    },
  },
});
