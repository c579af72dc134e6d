/** A living master whose application is not (guide product 5). */
export type Unwell = { readonly check: string; readonly evidence: string };

export type IsAliveContext = {
  readonly unwell?: Unwell | undefined;
  /** A takeover for its sake came to nothing: there is no other before the master was well again. */
  readonly unwellGivenUp?: boolean;
};

export type IsAliveFact =
  | { type: 'master.unwell'; atMs: number; check: string; evidence: string }
  | { type: 'master.well'; atMs: number };
