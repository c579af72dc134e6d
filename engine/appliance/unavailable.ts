import { PartyFault } from '#machines/faults.ts';
import type { ScenarioParties } from '#machines/parties/wishes.ts';

/** A party that this engine cannot speak with yet: whatever is asked of it is refused aloud, with nothing done. */
export const unavailable = <Name extends keyof ScenarioParties & string>(name: Name): ScenarioParties[Name] =>
  new Proxy({} as ScenarioParties[Name], {
    get: (_party, method) => () =>
      Promise.reject(new PartyFault('notAvailable', { what: `${name}.${String(method)}` })),
  });
