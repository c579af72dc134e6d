import { setup } from 'xstate';
import type { Fault } from '#machines/faults.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { GuardTerms } from '#machines/parties/masterGuard.ts';
import type { Epoch, HostAddress } from '#machines/vocabulary.ts';

/** What the appliance told it; where the guard itself is, is the appliance's business. */
export type ArmedTerms = Omit<GuardTerms, 'at'>;

export type MasterGuardContext = {
  /** The hardware that it was made on: the double carries the master's disks, and with them this. */
  readonly host: string;
  /** Highest epoch heard of. */
  readonly epoch: Epoch;
  /** The epoch in which this host may serve: an isolation is commanded in the epoch of whoever takes over. */
  readonly servingEpoch: Epoch;
  readonly terms?: ArmedTerms | undefined;
  /** At least one of its leases is valid. */
  readonly leased: boolean;
  /** The start of the host it runs in. */
  readonly boot: string;
  /** The host was started since, and nobody has said yet that it was not replaced meanwhile. */
  readonly mustAsk: boolean;
  /** The epoch of the command that keeps it off its network; only who gave it takes it back. */
  readonly commandedIn?: Epoch | undefined;
  readonly replacedBy?: Epoch | undefined;
  readonly lastFault?: Fault | undefined;
};

/** The parties of the guard's chart. */
export type GuardParties = { readonly hostNetwork: HostNetwork };

/** How each wish of the guard is performed. */
export const guardCalls = {
  'hostNetwork.block': (p: GuardParties, peers: readonly HostAddress[]) => p.hostNetwork.block(peers),
  'hostNetwork.unblock': (p: GuardParties) => p.hostNetwork.unblock(),
};
export type GuardWishName = keyof typeof guardCalls;
type GuardWish = {
  readonly name: GuardWishName;
  readonly args: readonly HostAddress[] | undefined;
  readonly epoch: Epoch;
  readonly timeoutMs: number;
};

type Told = { readonly atMs: number; readonly epoch: Epoch };
export type MasterGuardEvent =
  | ({ readonly type: 'appliance.armed'; readonly terms: ArmedTerms } & Told)
  | ({ readonly type: 'appliance.disarmed' } & Told)
  | ({ readonly type: 'appliance.isolate' } & Told)
  | ({ readonly type: 'appliance.rejoin' } & Told)
  | { readonly type: 'lease.granted'; readonly atMs: number }
  | { readonly type: 'lease.lapsed'; readonly atMs: number }
  | ({ readonly type: 'lease.replaced' } & Told)
  | { readonly type: 'guard.started'; readonly atMs: number; readonly boot: string }
  | { readonly type: `${GuardWishName}.done`; readonly atMs: number }
  | { readonly type: `${GuardWishName}.failed`; readonly atMs: number; readonly fault: Fault };

/** Manual, or nobody else to ask: nobody takes over by himself, so a lost lease isolates nobody. */
export const needsLease = (terms: ArmedTerms | undefined): boolean =>
  terms?.policy === 'automatic' && terms.witness !== undefined;

/** A lease that lapses isolates nobody in a manual scenario; but a host that was away asks once before it serves again. */
export const mayServe = ({ commandedIn, replacedBy, terms, leased, mustAsk }: MasterGuardContext): boolean =>
  commandedIn === undefined &&
  replacedBy === undefined &&
  (leased || terms === undefined || (!needsLease(terms) && !mustAsk));

const raised = ({ epoch }: MasterGuardContext, event: { readonly epoch: Epoch }): Epoch => Math.max(epoch, event.epoch);

export const masterGuardSetup = setup({
  types: {
    context: {} as MasterGuardContext,
    events: {} as MasterGuardEvent,
    input: {} as { host: string; boot: string },
    tags: {} as 'isolated' | 'pending' | 'overdue',
    meta: {} as { guide?: string; ja: string; en: string },
  },
  actions: {
    /** The host writes it to the outbox and performs it after the commit. */
    wish: (_scope, _wish: GuardWish) => {},
  },
  guards: {
    mayServe: ({ context }) => mayServe(context),
    isArmed: ({ context }) => context.terms !== undefined,
    isCommanded: ({ context }) => context.commandedIn !== undefined,
    isReplaced: ({ context }) => context.replacedBy !== undefined,
    losesItsLease: ({ context }) => needsLease(context.terms),
    mustAskAnew: ({ context, event }) =>
      needsLease(context.terms) || (event.type === 'guard.started' && (context.mustAsk || event.boot !== context.boot)),
    mustWaitForLease: ({ context, event }) =>
      event.type === 'appliance.armed' && needsLease(event.terms) && !context.leased,
    isNewlyReplaced: ({ context, event }) => event.type === 'lease.replaced' && event.epoch > context.servingEpoch,
  },
  delays: {
    /** The time in which the host is off its network when all goes well; what follows comes on top of it. */
    actuation: ({ context }) => context.terms?.timing.actuationMs ?? 2_000,
    blockRetry: 1_000,
    blockAnswer: 35_000,
    unblockAnswer: 35_000,
    retryIn: 2_000,
    firstLease: 10_000,
  },
});

/** What being late means after the guard itself was down: its start decides anew, so nothing of before is made up for. */
export const masterGuardLateness = {
  actuation: 'restart',
  blockRetry: 'fire',
  blockAnswer: 'restart',
  unblockAnswer: 'restart',
  retryIn: 'fire',
  firstLease: 'fire',
} as const;

type Scope = { readonly context: MasterGuardContext };

/** Whom engine and guard still speak with while the host is off its network. */
export const peersOf = ({ terms }: MasterGuardContext): readonly HostAddress[] =>
  terms ? [terms.appliance, ...(terms.witness ? [terms.witness] : [])] : [];

/** Longer than a firewall or an interface ever needs; the chart waits a little longer. */
const actuationWishMs = 30_000;

export const block = {
  type: 'wish' as const,
  params: ({ context }: Scope) => ({
    name: 'hostNetwork.block' as const,
    args: peersOf(context),
    epoch: context.epoch,
    timeoutMs: actuationWishMs,
  }),
};

export const unblock = {
  type: 'wish' as const,
  params: ({ context }: Scope) => ({
    name: 'hostNetwork.unblock' as const,
    args: undefined,
    epoch: context.epoch,
    timeoutMs: actuationWishMs,
  }),
};

/** Terms are heard in every state; a host that is kept off its network by command takes no epoch to serve in from them. */
export const takeTerms = masterGuardSetup.assign(({ context, event }) => {
  if (event.type !== 'appliance.armed') return {};
  const kept = context.commandedIn !== undefined || context.replacedBy !== undefined;
  return {
    terms: event.terms,
    epoch: raised(context, event),
    servingEpoch: kept ? context.servingEpoch : raised(context, event),
  };
});

export const dropTerms = masterGuardSetup.assign(({ context, event }) => ({
  terms: undefined,
  ...(event.type === 'appliance.disarmed' ? { epoch: raised(context, event) } : {}),
}));

export const takeCommand = masterGuardSetup.assign(({ context, event }) =>
  event.type === 'appliance.isolate' ? { commandedIn: event.epoch, epoch: raised(context, event) } : {},
);

export const takePardon = masterGuardSetup.assign(({ context, event }) =>
  event.type === 'appliance.rejoin'
    ? {
        commandedIn: undefined,
        replacedBy: undefined,
        epoch: raised(context, event),
        servingEpoch: raised(context, event),
      }
    : {},
);

export const takeReplacement = masterGuardSetup.assign(({ context, event }) =>
  event.type === 'lease.replaced' ? { replacedBy: event.epoch, epoch: raised(context, event) } : {},
);

export const takeLease = masterGuardSetup.assign(({ context, event }) => ({
  leased: event.type === 'lease.granted',
  mustAsk: event.type !== 'lease.granted' && context.mustAsk,
}));

/** What it held it has lost; where the host itself was started, it may have been replaced meanwhile. */
export const takeStart = masterGuardSetup.assign(({ context, event }) =>
  event.type === 'guard.started'
    ? { leased: false, boot: event.boot, mustAsk: context.mustAsk || event.boot !== context.boot }
    : {},
);

export const rememberFault = masterGuardSetup.assign(({ event }) =>
  'fault' in event ? { lastFault: event.fault } : {},
);
