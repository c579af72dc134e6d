import { Guard } from '#engine/guard/Guard.ts';
import type { GuardOptions } from '#engine/guard/Guard.ts';
import type { Network } from '#machines/parties/network.ts';
import type { SimulatedChartStore } from '#simulators/chartStore/SimulatedChartStore.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import type { SimulatedHostNetwork } from '#simulators/hostNetwork/SimulatedHostNetwork.ts';
import type { SimulatedWatchdog } from '#simulators/watchdog/SimulatedWatchdog.ts';

type OnCommit = NonNullable<GuardOptions['onCommit']>;
export type GuardCommit = Parameters<OnCommit>[0];

/** What a guard isolates for: the last of these says why. */
export const deciding: ReadonlySet<string> = new Set([
  'guard.started',
  'lease.lapsed',
  'lease.replaced',
  'appliance.isolate',
]);

type Around = {
  readonly clock: ProcessClock;
  readonly boot: string;
  readonly view: Network;
  readonly store: SimulatedChartStore;
  readonly hostNetwork: SimulatedHostNetwork;
  readonly watchdog: SimulatedWatchdog;
  readonly watchdogMs: number;
  readonly onActuated: () => void;
  readonly onCommit: OnCommit;
};

/** The product's guard on a simulated master. What a dead process still had in mind does not reach the host. */
export function fenceGuard(around: Around): Guard {
  const { clock, boot, view, store, hostNetwork, watchdog, watchdogMs, onActuated, onCommit } = around;
  const actuate = async (what: () => Promise<void>): Promise<void> => {
    if (clock.dead) return;
    await what();
    onActuated();
  };
  return new Guard({
    node: 'master',
    host: 'master-hardware',
    boot,
    clock,
    network: view,
    store,
    hostNetwork: {
      means: hostNetwork.means,
      block: (peers) => actuate(() => hostNetwork.block(peers)),
      unblock: () => actuate(() => hostNetwork.unblock()),
    },
    watchdog,
    watchdogMs,
    onCommit,
  });
}
