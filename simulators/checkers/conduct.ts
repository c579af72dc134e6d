import { invariant } from './observation.ts';

/** States in which nothing is awaited: only these may have no deadline. */
const restful = /^(stopped|switchedOver|switchedBack|replicating)\b/;

/** How the charts and the hypervisor's objects are treated (C). */
export const conductInvariants = [
  invariant('C1', 'A command that was answered as accepted is in the history after any crash.', () => {
    const accepted = new Set<string>();
    return {
      commandAccepted: ({ commandId }) => void accepted.add(commandId),
      historyRead: ({ commandIds }) => {
        const lost = [...accepted].filter((commandId) => !commandIds.includes(commandId));
        return lost.length > 0 ? `command ${lost.join(', ')} was accepted and is not in the history` : undefined;
      },
    };
  }),

  invariant('C2', 'One VM a scenario and role, however often its making was asked for.', () => {
    const made = new Map<string, Set<string>>();
    return {
      vmGone: ({ vmId }) => {
        for (const ids of made.values()) ids.delete(vmId);
        return undefined;
      },
      vm: ({ vmId, scenario, role }) => {
        if (role === 'other') return undefined;
        const ids = made.get(`${scenario}/${role}`) ?? new Set<string>();
        made.set(`${scenario}/${role}`, ids.add(vmId));
        return ids.size > 1 ? `${ids.size} VMs of role ${role} exist for ${scenario}` : undefined;
      },
    };
  }),

  invariant('C3', 'When everything is quiet nothing lies about that nobody needs.', () => ({
    litter: ({ what }) => `${what} is left over`,
  })),

  invariant(
    'C4',
    'The recorded events replay to the same states, no event goes unrecorded, no late answer is obeyed.',
    () => ({
      lateAnswer: ({ name, ticket }) => `the answer to ${name} (${ticket}) was obeyed although nobody awaited it`,
      chart: ({ event, recorded, state }) => (recorded ? undefined : `${event} in ${state} is in no history`),
      replayed: ({ chart, difference }) =>
        difference === undefined ? undefined : `the history of ${chart} does not replay: ${difference}`,
    }),
  ),

  invariant(
    'C5',
    'Every waiting state has a durable deadline, which happens once, at its time or right after a restart.',
    () => {
      const fired = new Set<string>();
      return {
        chart: ({ state, deadlines, wishes }) =>
          wishes > 0 && deadlines === 0 && !restful.test(state) ? `${state} waits without a deadline` : undefined,
        overdue: ({ id, lateMs }) => `deadline ${id} is past since ${Math.round(lateMs)} ms`,
        timerFired: ({ t, id, dueMs, startedMs, ticket }) => {
          if (fired.has(ticket)) return `deadline ${id} happened twice`;
          fired.add(ticket);
          const lateMs = t - Math.max(dueMs, startedMs);
          return lateMs > 1_000 ? `deadline ${id} happened ${Math.round(lateMs)} ms late` : undefined;
        },
      };
    },
  ),

  invariant('C7', 'A switchover is told as completed only with the double on, connected, and its guest up.', () => {
    const ready = new Set<string>();
    return {
      vmGone: ({ vmId }) => void ready.delete(vmId),
      vm: ({ vmId, role, powered, connected, guestUp }) => {
        if (role === 'substituteVm' && powered && connected && guestUp) ready.add(vmId);
        else ready.delete(vmId);
        return undefined;
      },
      told: ({ code }) =>
        code === 'switchoverCompleted' && ready.size === 0
          ? 'the switchover was told as completed without a double that serves'
          : undefined,
    };
  }),

  invariant('C9', 'After every new login the hypervisor is read before it is changed.', () => {
    const read = new Set<string>();
    return {
      hypervisorCall: ({ name, mutates, sessionId }) => {
        if (!mutates) read.add(sessionId);
        return mutates && !read.has(sessionId) ? `${name} changed something before anything was read` : undefined;
      },
    };
  }),
];
