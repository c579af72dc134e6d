import type { Hypervisor } from '#machines/parties/hypervisor.ts';

/** Changes in the order in which they were asked for, each begun when the one before it has ended, well or not. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/**
 * A hypervisor that does one change after the other, as the turns have it: a creation that is late must have ended
 * before the VM it makes is switched off or taken away, or it would come up behind everybody's back. Questions and
 * waiting do not queue.
 */
export function oneChangeAtATime(hypervisor: Hypervisor, turns: Turns): Hypervisor {
  return {
    inspect: () => hypervisor.inspect(),
    describeVm: (vm) => hypervisor.describeVm(vm),
    waitForGuest: (vm, intent) => hypervisor.waitForGuest(vm, intent),
    close: () => hypervisor.close(),
    createDisk: (disk, intent) => turns.take(() => hypervisor.createDisk(disk, intent)),
    attachDisk: (place, intent) => turns.take(() => hypervisor.attachDisk(place, intent)),
    detachDisk: (place, intent) => turns.take(() => hypervisor.detachDisk(place, intent)),
    createVm: (spec, intent) => turns.take(() => hypervisor.createVm(spec, intent)),
    powerOnVm: (vm, intent) => turns.take(() => hypervisor.powerOnVm(vm, intent)),
    powerOffVm: (vm, intent) => turns.take(() => hypervisor.powerOffVm(vm, intent)),
    setNicsConnected: (vm, intent) => turns.take(() => hypervisor.setNicsConnected(vm, intent)),
    deleteChildDisk: (disk, intent) => turns.take(() => hypervisor.deleteChildDisk(disk, intent)),
    unregisterVm: (vm, intent) => turns.take(() => hypervisor.unregisterVm(vm, intent)),
  };
}
