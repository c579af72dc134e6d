import { PartyFault } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Hypervisor } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';

/** What passes by itself, or what asking again reconciles. A wrong state does not: the caller decides. */
const triedAgain: ReadonlySet<FaultCode> = new Set(['unreachable', 'effectUnknown', 'busy', 'locked']);

export type Backoff = { readonly firstMs: number; readonly maxMs: number };

/**
 * The one place where changes are tried again: until the intent's deadline, with growing pauses. Every method of the
 * party looks for what an earlier try has made before it makes anything, so the same call reconciles a lost answer.
 * The last fault is thrown as it was.
 */
export function withReconciliation(
  hypervisor: Hypervisor,
  clock: Clock,
  backoff: Backoff = { firstMs: 500, maxMs: 10_000 },
): Hypervisor {
  const again = async <Result>(intent: Intent, change: () => Promise<Result>): Promise<Result> => {
    for (let pauseMs = backoff.firstMs; ; pauseMs = Math.min(pauseMs * 2, backoff.maxMs)) {
      try {
        return await change();
      } catch (error) {
        const passes = error instanceof PartyFault && triedAgain.has(error.fault.code);
        if (!passes || clock.nowMs() + pauseMs >= intent.deadlineAtMs) throw error;
      }
      await clock.sleep(pauseMs);
    }
  };
  return {
    inspect: () => hypervisor.inspect(),
    describeVm: (vm) => hypervisor.describeVm(vm),
    close: () => hypervisor.close(),
    createDisk: (disk, intent) => again(intent, () => hypervisor.createDisk(disk, intent)),
    attachDisk: (place, intent) => again(intent, () => hypervisor.attachDisk(place, intent)),
    detachDisk: (place, intent) => again(intent, () => hypervisor.detachDisk(place, intent)),
    createVm: (spec, intent) => again(intent, () => hypervisor.createVm(spec, intent)),
    powerOnVm: (vm, intent) => again(intent, () => hypervisor.powerOnVm(vm, intent)),
    powerOffVm: (vm, intent) => again(intent, () => hypervisor.powerOffVm(vm, intent)),
    waitForGuest: (vm, intent) => again(intent, () => hypervisor.waitForGuest(vm, intent)),
    unregisterVm: (vm, intent) => again(intent, () => hypervisor.unregisterVm(vm, intent)),
  };
}
