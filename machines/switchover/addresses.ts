type Answered = {
  readonly event: {
    readonly atMs: number;
    readonly result: {
      readonly answers: readonly { readonly address: string; readonly by: string }[];
      readonly askedAtMs: number;
    };
  };
};

/** Address probes are fresh for ten seconds; a gate that does not open in time is probed for again. */
export const gateMs = 2_500;
/** The probe itself takes five seconds. */
const probeFreshMs = 7_000;

/** Whoever was frozen meanwhile has an old answer in his hands. */
export const isProbeOld = ({ event }: Answered): boolean => event.atMs - event.result.askedAtMs > probeFreshMs;

export const tellWhoAnswers = {
  type: 'announce' as const,
  params: ({ event }: Answered) => ({
    code: 'addressAlive',
    params: { address: event.result.answers[0]?.address ?? '?', by: event.result.answers[0]?.by ?? '?' },
  }),
};
