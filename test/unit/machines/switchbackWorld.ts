import type { Wish } from '#machines/parties/wishes.ts';
import { machine, source } from './switchbackChart.ts';

/** What is really so, whatever the chart believes. */
export type World = {
  readonly vm: { readonly on: boolean; readonly plugged: boolean; readonly registered: boolean };
  readonly target: 'kit' | 'booted' | 'off';
  readonly targetIsolated: boolean;
  /** The old master, started by somebody, answers at the same address while the target does not. */
  readonly stranger: 'none' | 'isolated' | 'active';
  /** A guard that lets its host onto the network in an epoch it has never heard of: a deliberate bug. */
  readonly strangerObeys: boolean;
  /** Whose power the fence device takes away. */
  readonly fence: 'none' | 'target' | 'other';
  readonly hypervisorEpoch: number;
  readonly kitEpoch: number;
  readonly guardEpoch: number;
  /** The last comparison: made with the substitute VM off, and equal. */
  readonly compared: 'no' | 'equal' | 'different';
  /** The operator's confirmation was taken. */
  readonly agreed: boolean;
  /** The machine was let onto its network since the substitute VM was last told to power on. */
  readonly committed: boolean;
  /** Off was read back since the substitute VM was last told to power on. */
  readonly readBackOff: boolean;
};

export const activeSides = ({ vm, target, targetIsolated, stranger }: World): number =>
  Number(vm.on && vm.plugged) + Number(target === 'booted' && !targetIsolated) + Number(stranger === 'active');

/** What a wish can have come to: the world after it, and the answer; no result where it was refused. */
export type Outcome = { readonly world: World; readonly result?: unknown; readonly refused?: true };

const equal = [{ diskId: '/dev/sda', serial: 'empty', source: 'a', target: 'a' }];
const different = [{ diskId: '/dev/sda', serial: 'empty', source: 'a', target: 'b' }];

export function outcomes(world: World, wish: Wish): readonly Outcome[] {
  const party = wish.name.split('.')[0];
  if (party === 'hypervisor') return hypervisor(world, wish);
  if (party === 'bareMetal') return bareMetal(world, wish);
  if (party === 'guard') return guard(world, wish);
  if (party === 'fence') return fence(world, wish);
  // Silence proves nothing by itself, and anybody may answer: the chart must be right with both.
  if (party === 'addresses')
    return [[], [{ address: '192.0.2.10', by: 'somebody' }]].map((answers) => ({
      world,
      result: { answers, askedAtMs: 0 },
    }));
  return [{ world, result: source }];
}

const refused = (world: World): readonly Outcome[] => [{ world, refused: true }];

function hypervisor(before: World, wish: Wish): readonly Outcome[] {
  if (wish.name === 'hypervisor.describeVm')
    return [
      { world: before, result: { power: before.vm.on ? 'on' : 'off', nics: [{ connected: before.vm.plugged }] } },
    ];
  if (wish.epoch < before.hypervisorEpoch) return refused(before);
  const world = { ...before, hypervisorEpoch: wish.epoch };
  switch (wish.name) {
    case 'hypervisor.powerOffVm':
      return [{ world: { ...world, vm: { ...world.vm, on: false } } }];
    case 'hypervisor.powerOnVm':
      return [{ world: { ...world, vm: { ...world.vm, on: true } } }];
    case 'hypervisor.setNicsConnected':
      return [{ world: { ...world, vm: { ...world.vm, plugged: wish.args.connected } } }];
    case 'hypervisor.unregisterVm':
      return [{ world: { ...world, vm: { ...world.vm, registered: false } } }];
    case 'hypervisor.attachDisk':
      return [{ world, result: { wwn: '6', expectBytes: 1 } }];
    default:
      return [{ world }];
  }
}

function bareMetal(before: World, wish: Wish): readonly Outcome[] {
  if (wish.name === 'bareMetal.describe')
    return before.target === 'kit' ? [{ world: before, result: machine }] : refused(before);
  if (wish.name === 'bareMetal.abandon' && before.target !== 'kit')
    return [{ world: before, result: { confirmed: false } }];
  if (before.target !== 'kit' || wish.epoch < before.kitEpoch) return refused(before);
  const world = { ...before, kitEpoch: wish.epoch };
  switch (wish.name) {
    case 'bareMetal.finish':
      return [
        { world: { ...world, compared: world.vm.on ? 'no' : 'equal' }, result: { digests: equal } },
        { world: { ...world, compared: 'different' }, result: { digests: different } },
        // A kit that left a disk out of its comparison.
        { world: { ...world, compared: 'different' }, result: { digests: [] } },
      ];
    case 'bareMetal.restart':
      return [
        { world: { ...world, target: 'booted', targetIsolated: true, guardEpoch: wish.epoch } },
        { world: { ...world, target: 'off' } },
      ];
    case 'bareMetal.abandon':
      return [{ world, result: { confirmed: true } }];
    default:
      return [{ world }];
  }
}

function guard(world: World, wish: Wish): readonly Outcome[] {
  const { strangerObeys } = world;
  if (world.target !== 'booted') {
    if (world.stranger === 'none') return refused(world);
    // Another machine answers. It takes what it is told, but for a rejoin in an epoch that it was never isolated in.
    if (wish.name === 'guard.describe')
      return [{ world, result: { epoch: 1, isolated: world.stranger === 'isolated' } }];
    if (wish.name === 'guard.rejoin')
      return strangerObeys ? [{ world: { ...world, stranger: 'active' } }] : refused(world);
    if (wish.name === 'guard.isolate') return [{ world: { ...world, stranger: 'isolated' } }];
    return [{ world }];
  }
  if (wish.name === 'guard.describe')
    return [{ world, result: { epoch: world.guardEpoch, isolated: world.targetIsolated } }];
  if (wish.epoch < world.guardEpoch) return refused(world);
  const told = { ...world, guardEpoch: wish.epoch };
  if (wish.name === 'guard.rejoin') return [{ world: { ...told, targetIsolated: false, committed: true } }];
  if (wish.name === 'guard.isolate') return [{ world: { ...told, targetIsolated: true } }];
  return [{ world: told }];
}

function fence(world: World, wish: Wish): readonly Outcome[] {
  if (wish.name === 'fence.describe')
    return [{ world, result: { power: 'on', identity: world.fence === 'target' ? machine.hardwareId : 'old' } }];
  return [{ world: world.fence === 'target' ? { ...world, target: 'off' } : world }];
}

/** What must hold at the moment a wish is voiced. */
export function breachesOfVoicing(world: World, { name }: Wish): readonly string[] {
  const breaches: string[] = [];
  const writes = ['bareMetal.receive', 'bareMetal.finish', 'bareMetal.restart'].includes(name);
  if (writes && !world.agreed) breaches.push(`${name} before the mapping was confirmed`);
  if (['bareMetal.finish', 'bareMetal.restart', 'guard.rejoin'].includes(name) && !world.readBackOff)
    breaches.push(`${name} before the substitute VM was read back as off`);
  if (name === 'bareMetal.restart' && world.compared !== 'equal') breaches.push('a restart of disks not proven equal');
  if (name === 'guard.rejoin' && world.target !== 'booted') breaches.push('guard.rejoin to another machine');
  if (name === 'hypervisor.unregisterVm' && !world.committed)
    breaches.push('the substitute VM given up before the commit');
  return breaches;
}
