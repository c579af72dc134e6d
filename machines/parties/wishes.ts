import type { Epoch } from '#machines/vocabulary.ts';
import type { AddressProbe } from './addressProbe.ts';
import type { BareMetal } from './bareMetal.ts';
import type { FenceDevice } from './fenceDevice.ts';
import type { GuestChecks } from './guestChecks.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { Intent } from './intent.ts';
import type { MasterGuard } from './masterGuard.ts';
import type { OfflineSynchronization } from './offlineSynchronization.ts';
import type { RecoveryPoints } from './recoveryPoints.ts';
import type { RemoteMaster } from './remoteMaster.ts';
import type { Replica } from './replica.ts';
import type { OwnVote, Witness } from './witness.ts';

/** The parties a scenario's chart converses with. A wish is a method of one of them (law L3). */
export type ScenarioParties = {
  readonly master: RemoteMaster;
  readonly replica: Replica;
  readonly hypervisor: Hypervisor;
  readonly guard: MasterGuard;
  /** The appliance's own vote. */
  readonly lease: OwnVote;
  readonly witness: Witness;
  readonly fence: FenceDevice;
  readonly addresses: AddressProbe;
  readonly bareMetal: BareMetal;
  readonly recoveryPoints: RecoveryPoints;
  /** The guest of a test VM. */
  readonly guest: GuestChecks;
  readonly offline: OfflineSynchronization;
};

type Call = {
  [P in keyof ScenarioParties & string]: {
    [M in keyof ScenarioParties[P] & string as `${P}.${M}`]: ScenarioParties[P][M] extends (
      ...args: infer A
    ) => Promise<infer R>
      ? {
          args: A extends readonly [infer First, ...unknown[]] ? (First extends Intent ? undefined : First) : undefined;
          result: R;
        }
      : never;
  };
}[keyof ScenarioParties];

/** `hypervisor.powerOnVm` → its arguments and its answer. */
export type WishCalls = Call extends infer U
  ? (U extends unknown ? (k: U) => void : never) extends (k: infer I) => void
    ? I
    : never
  : never;
export type WishName = keyof WishCalls & string;
export type WishArgs<N extends WishName> = WishCalls[N] extends { args: infer A } ? A : never;
export type WishResult<N extends WishName> = WishCalls[N] extends { result: infer R } ? R : never;

/** What a chart voices. The host gives it a ticket and performs it after the commit. */
export type Wish<N extends WishName = WishName> = {
  readonly [K in N]: {
    readonly name: K;
    readonly args: WishArgs<K>;
    readonly epoch: Epoch;
    readonly timeoutMs: number;
    /** Its time runs from when it was voiced: performed late it is refused instead. */
    readonly soon?: true;
  };
}[N];

/** How each wish is performed: one line a method, so that the compiler sees a missing one. */
export const wishCalls: {
  readonly [N in WishName]: (parties: ScenarioParties, args: WishArgs<N>, intent: Intent) => Promise<WishResult<N>>;
} = {
  'master.describe': (p, a) => p.master.describe(a),
  'master.watch': (p, a) => p.master.watch(a),
  'master.unwatch': (p) => p.master.unwatch(),
  'master.look': (p, a) => p.master.look(a),
  'replica.receive': (p, a, intent) => p.replica.receive(a, intent),
  'replica.freeze': (p, _, intent) => p.replica.freeze(intent),
  'replica.finish': (p, a, intent) => p.replica.finish(a, intent),
  'replica.stop': (p, _, intent) => p.replica.stop(intent),
  'hypervisor.inspect': (p) => p.hypervisor.inspect(),
  'hypervisor.createDisk': (p, a, intent) => p.hypervisor.createDisk(a, intent),
  'hypervisor.attachDisk': (p, a, intent) => p.hypervisor.attachDisk(a, intent),
  'hypervisor.detachDisk': (p, a, intent) => p.hypervisor.detachDisk(a, intent),
  'hypervisor.createVm': (p, a, intent) => p.hypervisor.createVm(a, intent),
  'hypervisor.powerOnVm': (p, a, intent) => p.hypervisor.powerOnVm(a, intent),
  'hypervisor.powerOffVm': (p, a, intent) => p.hypervisor.powerOffVm(a, intent),
  'hypervisor.describeVm': (p, a) => p.hypervisor.describeVm(a),
  'hypervisor.waitForGuest': (p, a, intent) => p.hypervisor.waitForGuest(a, intent),
  'hypervisor.setNicsConnected': (p, a, intent) => p.hypervisor.setNicsConnected(a, intent),
  'hypervisor.deleteChildDisk': (p, a, intent) => p.hypervisor.deleteChildDisk(a, intent),
  'hypervisor.unregisterVm': (p, a, intent) => p.hypervisor.unregisterVm(a, intent),
  'hypervisor.close': (p) => p.hypervisor.close(),
  'guard.describe': (p, a) => p.guard.describe(a),
  'guard.arm': (p, a, intent) => p.guard.arm(a, intent),
  'guard.disarm': (p, a, intent) => p.guard.disarm(a, intent),
  'guard.isolate': (p, a, intent) => p.guard.isolate(a, intent),
  'guard.rejoin': (p, a, intent) => p.guard.rejoin(a, intent),
  'lease.claim': (p, a, intent) => p.lease.claim(a, intent),
  'lease.release': (p, _, intent) => p.lease.release(intent),
  'witness.read': (p, a) => p.witness.read(a),
  'witness.claim': (p, a, intent) => p.witness.claim(a, intent),
  'witness.release': (p, a, intent) => p.witness.release(a, intent),
  'fence.describe': (p) => p.fence.describe(),
  'fence.powerOff': (p, _, intent) => p.fence.powerOff(intent),
  'fence.close': (p) => p.fence.close(),
  'addresses.probe': (p, a) => p.addresses.probe(a),
  'bareMetal.describe': (p, a) => p.bareMetal.describe(a),
  'bareMetal.receive': (p, a, intent) => p.bareMetal.receive(a, intent),
  'bareMetal.finish': (p, a, intent) => p.bareMetal.finish(a, intent),
  'bareMetal.restart': (p, a, intent) => p.bareMetal.restart(a, intent),
  'bareMetal.abandon': (p, a, intent) => p.bareMetal.abandon(a, intent),
  'offline.exportSeed': (p, a, intent) => p.offline.exportSeed(a, intent),
  'offline.stageSeed': (p, a, intent) => p.offline.stageSeed(a, intent),
  'offline.adoptSeed': (p, a, intent) => p.offline.adoptSeed(a, intent),
  'guest.check': (p, a, intent) => p.guest.check(a, intent),
  'recoveryPoints.list': (p) => p.recoveryPoints.list(),
  'recoveryPoints.mount': (p, a, intent) => p.recoveryPoints.mount(a, intent),
  'recoveryPoints.describeTarget': (p, a) => p.recoveryPoints.describeTarget(a),
  'recoveryPoints.restore': (p, a, intent) => p.recoveryPoints.restore(a, intent),
  'recoveryPoints.unmount': (p, _, intent) => p.recoveryPoints.unmount(intent),
};

export const wishNames = Object.keys(wishCalls) as WishName[];
