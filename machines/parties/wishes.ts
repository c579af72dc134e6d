import type { Epoch } from '#machines/vocabulary.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { Intent } from './intent.ts';
import type { RemoteMaster } from './remoteMaster.ts';
import type { Replica } from './replica.ts';

/** The parties a scenario's chart converses with. A wish is a method of one of them (law L3). */
export type ScenarioParties = {
  readonly master: RemoteMaster;
  readonly replica: Replica;
  readonly hypervisor: Hypervisor;
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
  };
}[N];

type AnyCall = (parties: ScenarioParties, args: never, intent: Intent) => Promise<unknown>;

/** How each wish is performed: one line a method, so that the compiler sees a missing one. */
export const wishCalls: {
  readonly [N in WishName]: (parties: ScenarioParties, args: WishArgs<N>, intent: Intent) => Promise<WishResult<N>>;
} = {
  'master.describe': (p, a) => p.master.describe(a),
  'master.watch': (p, a) => p.master.watch(a),
  'master.unwatch': (p) => p.master.unwatch(),
  'master.look': (p, a) => p.master.look(a),
  'master.isolate': (p, a, intent) => p.master.isolate(a, intent),
  'replica.receive': (p, a, intent) => p.replica.receive(a, intent),
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
  'hypervisor.unregisterVm': (p, a, intent) => p.hypervisor.unregisterVm(a, intent),
  'hypervisor.close': (p) => p.hypervisor.close(),
};

export const wishNames = Object.keys(wishCalls) as WishName[];

/** Performs a stored wish by name. The cast is the one place where a name read back from the store meets its types. */
export function performWish(parties: ScenarioParties, name: WishName, args: unknown, intent: Intent): Promise<unknown> {
  return (wishCalls[name] as AnyCall)(parties, args as never, intent);
}
