import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { Action } from './plan.ts';
import type { Undo } from './site.ts';

/** What happens to the network alone, in one direction each; `unknown` for everything else. */
export function strikeNetwork(
  { network, clock }: { readonly network: SimulatedNetwork; readonly clock: SimulatedClock },
  action: Action,
): Undo | undefined | 'unknown' {
  switch (action.kind) {
    case 'cut':
    case 'jam':
      network.cutOneWay(action.from, action.to);
      return () => {
        // A cut loses what was under way; a jam lets all of it through in one burst.
        if (action.kind === 'cut') network.reset(action.from, action.to);
        network.healOneWay(action.from, action.to);
      };
    case 'slow':
      network.slow(action.from, action.to, action.extraMs);
      return () => network.slow(action.from, action.to, 0);
    case 'reset':
      network.reset(action.from, action.to);
      return undefined;
    case 'flap':
      return flap(
        clock,
        action.periodMs,
        () => network.cutOneWay(action.from, action.to),
        () => network.healOneWay(action.from, action.to),
      );
    default:
      return 'unknown';
  }
}

/** On and off until it is undone. */
export function flap(clock: SimulatedClock, periodMs: number, begin: () => void, end: () => void): Undo {
  let [over, on] = [false, false];
  const turn = (): void => {
    if (over) return;
    on = !on;
    if (on) begin();
    else end();
    clock.after(periodMs, turn);
  };
  turn();
  return () => {
    over = true;
    end();
  };
}
