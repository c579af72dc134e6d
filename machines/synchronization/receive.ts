import { syncMethodOf } from '#machines/scenario/context.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { longWishMs, wish } from '#machines/scenario/scenarioSetup.ts';

/** The replica's disks, each with what proves it. */
export const diskPlans = (context: ScenarioContext) =>
  context.disks.map(({ diskId, bytes, locator }) => {
    if (!locator) throw new RangeError(`disk ${diskId} is received before it is attached`);
    return { diskId, bytes, locator };
  });

const plan = (context: ScenarioContext) => {
  const method = syncMethodOf(context);
  return {
    master: { host: context.definition.master.host, port: context.definition.master.port },
    disks: diskPlans(context),
    // What was carried by hand is there already: only the difference is sent (guide OS-8).
    method: method === 'offline' ? ('blockLevel' as const) : method,
    ...(method === 'fileLevel' && context.syncChoice
      ? { ignoreSameSizeAndTime: context.syncChoice.ignoreSameSizeAndTime }
      : {}),
    spoolBytesMax: context.definition.spool.spoolBytesMax,
  };
};

/** Opens the replica disks and the stream from the master; resumes where an earlier call got to. */
export const receive = wish('replica.receive', longWishMs, plan);

/** Nobody waits long for a master that may be dead: what lies spooled is taken up by the first attempt. */
const oneTryMs = 5_000;
export const receiveOnce = wish('replica.receive', oneTryMs, plan);
