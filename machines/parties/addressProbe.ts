/**
 * Asks the production network whether somebody still answers for an address (RFC 5227). Silence is evidence, not proof.
 * Faults: `probeUnavailable`.
 */
export interface AddressProbe {
  /** Three probes an address, all addresses at once; about five seconds. */
  probe(question: { readonly addresses: readonly string[] }): Promise<{
    readonly answers: readonly { readonly address: string; readonly by: string }[];
    /** When the first probe went out, by the wall clock as it is at the answer: silence grows old. */
    readonly askedAtMs: number;
  }>;
}
