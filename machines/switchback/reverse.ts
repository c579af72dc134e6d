import type { BareMetalTarget } from '#machines/parties/bareMetal.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { announce, longWishMs, wish } from '#machines/scenario/scenarioSetup.ts';
import type { Reverse } from './facts.ts';

/** The way back under way; asking without one is a programmer's error. */
export function reverseOf({ reverse, definition }: ScenarioContext): Reverse {
  if (!reverse) throw new RangeError(`nothing is reversed in scenario ${definition.scenarioId}`);
  return reverse;
}

/** Known more of the way back. */
export const amended = (context: ScenarioContext, change: Partial<Reverse>): { reverse: Reverse } => ({
  reverse: { ...reverseOf(context), ...change },
});

/** The machine as the operator confirmed it: without a confirmation nothing can be written to it (invariant D14). */
export function confirmedTarget(context: ScenarioContext): BareMetalTarget {
  const { target, machine, mapping, confirmed } = reverseOf(context);
  if (!confirmed || !machine) throw new RangeError('a machine is written to before its mapping was confirmed');
  return { at: target, hardwareId: machine.hardwareId, mapping };
}

/** The machine that an attempt ends for: named even when nothing was confirmed, so that it lets go of what it holds. */
export function abandonedTarget(context: ScenarioContext): BareMetalTarget {
  const { target, machine, mapping } = reverseOf(context);
  return { at: target, hardwareId: machine?.hardwareId ?? '', mapping };
}

/** Guide 11.1-15: from the engine in the substitute VM to the machine; takes up the stream where it was. */
export const receiveReverse = wish('bareMetal.receive', longWishMs, (context) => {
  const { source, method } = reverseOf(context);
  return { target: confirmedTarget(context), source, method };
});

/** Guide 11.1-15: in a reversed scenario the machine to be restored has the part of the replica. */
export const rolesOf = (context: ScenarioContext): Record<string, string> => ({
  master: context.definition.substituteVm.name,
  replica: reverseOf(context).target.host,
});

export const reverseLinkLost = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly reason: string } }) => ({
    code: 'reverseLinkLost',
    params: { reason: event.reason },
  }),
};

export const reverseLinkRestored = announce('reverseLinkRestored', (c) => ({ replica: reverseOf(c).target.host }));

export const reverseChangesLost = {
  type: 'announce' as const,
  params: ({ event }: { readonly event: { readonly reason: string } }) => ({
    code: 'reverseChangesLost',
    params: { reason: event.reason },
  }),
};
