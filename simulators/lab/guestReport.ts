/** What the booted guest found on its disk: the last word on what the switchover saved. */
export type GuestReport = {
  /** Complete records, in the window of the newest writes that the disk has slots for. */
  readonly writes: number;
  readonly first: number;
  readonly last: number;
  /** Numbers between the first expected and the last that no slot holds completely. */
  readonly missing: number;
  /** Slots with a broken record. */
  readonly corrupt: number;
  /** 1 when write `last + 1` is there in part, as after a power cut: it was never acknowledged. */
  readonly torn: number;
};

/** The guest's report in the text of its first serial line, or undefined as long as it has not reported. */
export function parseGuestReport(serialText: string): GuestReport | undefined {
  // The end of the line shows that the guest has written it whole.
  const line = serialText.match(/KAGEMUSHA-GUEST writes=[^\n]*\n/g)?.at(-1);
  if (line === undefined) return undefined;
  const values = new Map([...line.matchAll(/(\w+)=(\d+)/g)].map((match) => [match[1], Number(match[2])]));
  const [writes, first, last, missing, corrupt] = ['writes', 'first', 'last', 'missing', 'corrupt'].map((name) =>
    values.get(name),
  );
  const torn = values.get('torn');
  if (writes === undefined || first === undefined || last === undefined) return undefined;
  if (missing === undefined || corrupt === undefined || torn === undefined) return undefined;
  return { writes, first, last, missing, corrupt, torn };
}

/** Why the guest could not report, in its own word; undefined when it had no problem or has not said so. */
export function parseGuestProblem(serialText: string): string | undefined {
  return /KAGEMUSHA-GUEST problem=(\w+)/.exec(serialText)?.[1];
}
