import type { MasterHostOptions } from './SimulatedMasterHost.ts';

/** What a simulated site is made of, where it differs from the usual. */
export type SimulatedSiteOptions = {
  readonly seed: string;
  readonly diskBytes?: number;
  readonly writesPerSecond?: number;
  readonly spoolBytesMax?: number;
  readonly datastoreBytes?: number;
  /** What the operator types as the hypervisor's password; the right one when not given. */
  readonly typedPassword?: string;
  /** Another version than the appliance's. */
  readonly masterEngineVersion?: string;
  readonly traceNotPermitted?: boolean;
  /** Numbers instead of blocks: a hundred times faster, for whoever looks at decisions. */
  readonly data?: 'blocks' | 'writeIds';
  /** Without one a frozen master thaws when it likes. */
  readonly watchdog?: boolean;
  /** Bytes arrive cut at places of chance: true when not given. A decoder's matter, and half of all the time. */
  readonly stutter?: boolean;
  /** What the master's guard believes after each grant. */
  readonly onLease?: MasterHostOptions['onLease'];
  readonly drift?: { readonly master: number; readonly appliance: number; readonly witness: number };
};
