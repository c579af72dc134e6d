import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import type { Voter } from './observation.ts';
import { invariant } from './observation.ts';

const voters: readonly Voter[] = ['appliance', 'witness'];
const probeFreshMs = 10_000;

/** Identity and split brain: who serves, and by whose leave (S). */
export const identityInvariants = [
  invariant('S1', 'At most one of master and doubles serves production at any instant.', () => {
    const serving = new Set<string>();
    const judge = (): string | undefined =>
      serving.size > 1 ? `${[...serving].toSorted().join(' and ')} serve at once` : undefined;
    const note = (who: string, serves: boolean): string | undefined => {
      if (serves) serving.add(who);
      else serving.delete(who);
      return judge();
    };
    return {
      host: ({ powered, frozen, blocked }) => note('master', powered && !frozen && !blocked),
      vm: ({ vmId, name, powered, connected, production }) =>
        note(`${name} (${vmId})`, powered && connected && production),
      vmGone: ({ vmId }) => {
        for (const who of serving) if (who.endsWith(`(${vmId})`)) serving.delete(who);
        return undefined;
      },
    };
  }),

  invariant(
    'S2',
    'The double is connected only after both voters promised its epoch durably, or the operator asserted that the master is off, and the master is proven off, isolated, or waited for.',
    (terms) => {
      const vote = votes();
      let proven = 0;
      let isolated = 0;
      let asserted = 0;
      let connected = false;
      let policy: string = terms.switchover;
      return {
        ...vote.ears,
        policy: ({ switchover }) => void (policy = switchover === 'none' ? policy : switchover),
        provenOff: ({ epoch }) => void (proven = Math.max(proven, epoch)),
        isolationConfirmed: ({ epoch }) => void (isolated = Math.max(isolated, epoch)),
        asserted: ({ epoch }) => void (asserted = Math.max(asserted, epoch)),
        vm: (vm) => {
          const plugged = vm.role === 'substituteVm' && vm.connected && vm.production;
          const wasConnected = connected;
          connected = plugged;
          if (!plugged || wasConnected) return undefined;
          const epoch = vote.claimedEpoch('appliance');
          if (asserted > 0 && asserted >= epoch) return undefined;
          if (isolated > 0 && isolated >= epoch) return undefined;
          for (const voter of voters)
            if (vote.claimedEpoch(voter) === 0 || vote.claimedEpoch(voter) !== epoch)
              return `connected without the promise of ${voter} for epoch ${epoch}`;
          if (proven === epoch) return undefined;
          if (policy !== 'automatic') return 'connected after waiting for leases that the guard never needed';
          for (const voter of voters) {
            const waitedMs = vm.t - vote.lastGrantMs(voter);
            if (waitedMs < safeWaitMs(terms.timing) * (1 - terms.timing.driftPpm / 1e6) - 1)
              return `connected ${Math.round(waitedMs)} ms after ${voter} last granted; ${safeWaitMs(terms.timing)} ms are safe`;
          }
          return undefined;
        },
      };
    },
  ),

  invariant('S3', 'A voter that has promised an epoch grants nothing below it until it takes the promise back.', () => {
    const vote = votes();
    return {
      ...vote.ears,
      grant: (seen) => {
        const claimed = vote.claimedEpoch(seen.voter);
        vote.ears.grant(seen);
        return seen.epoch < claimed
          ? `${seen.voter} granted epoch ${seen.epoch} after promising ${claimed}`
          : undefined;
      },
    };
  }),

  invariant(
    'S4',
    'A lease ends leaseMs after it was asked for: once both voters have been silent for the safe wait, the master serves nobody.',
    ({ timing }) => {
      const vote = votes();
      let serves = false;
      let policy: string = 'none';
      return {
        ...vote.ears,
        host: ({ powered, frozen, blocked }) => void (serves = powered && !frozen && !blocked),
        policy: ({ switchover }) => void (policy = switchover),
        lease: ({ voter, sentMonotonicMs, validUntilMonotonicMs }) =>
          validUntilMonotonicMs > sentMonotonicMs + timing.leaseMs + 0.001
            ? `the lease of ${voter} is held ${Math.round(validUntilMonotonicMs - sentMonotonicMs - timing.leaseMs)} ms too long`
            : undefined,
        tick: ({ t }) => {
          const lastMs = Math.max(...voters.map(vote.lastGrantMs));
          return serves && policy === 'automatic' && lastMs > -Infinity && t - lastMs > safeWaitMs(timing)
            ? `the master serves ${Math.round(t - lastMs)} ms after its last lease was granted`
            : undefined;
        },
      };
    },
  ),

  invariant('S5', "A node's durable epoch never decreases.", () => {
    const epochs = new Map<string, number>();
    return {
      durableEpoch: ({ node, epoch }) => {
        const before = epochs.get(node) ?? 0;
        epochs.set(node, epoch);
        return epoch < before ? `${node} went from epoch ${before} to ${epoch}` : undefined;
      },
    };
  }),

  invariant('S6', 'A command of an older epoch has no effect.', () => {
    const newest = new Map<string, number>();
    return {
      actuated: ({ actuator, name, epoch }) => {
        const known = newest.get(actuator) ?? 0;
        newest.set(actuator, Math.max(known, epoch));
        return epoch < known ? `${actuator} did ${name} of epoch ${epoch} after it had obeyed ${known}` : undefined;
      },
    };
  }),

  invariant(
    'S7',
    'A master that boots under an armed guard serves nobody before a voter has granted it a lease.',
    () => {
      let awaited = false;
      return {
        booted: ({ armed }) => void (awaited = armed),
        grant: () => void (awaited = false),
        policy: ({ switchover }) => void (awaited = awaited && switchover === 'automatic'),
        host: ({ powered, blocked }) => {
          if (!powered) awaited = false;
          return awaited && powered && !blocked
            ? 'the master serves after its boot before any lease was granted'
            : undefined;
        },
      };
    },
  ),

  invariant(
    'S8',
    'The double is connected only within ten seconds after every production address stayed silent.',
    (terms) => {
      let silentAtMs = -Infinity;
      let connected = false;
      return {
        probe: ({ t, addresses, answered }) => {
          const all = terms.productionAddresses.every((address) => addresses.includes(address));
          silentAtMs = answered ? -Infinity : all ? t : silentAtMs;
          return undefined;
        },
        vm: ({ t, role, connected: now, production }) => {
          const plugged = role === 'substituteVm' && now && production;
          const wasConnected = connected;
          connected = plugged;
          if (!plugged || wasConnected || terms.productionAddresses.length === 0) return undefined;
          return t - silentAtMs > probeFreshMs ? 'connected without a fresh, silent address probe' : undefined;
        },
      };
    },
  ),

  invariant(
    'S9',
    'Nobody claims by himself while the master holds a fresh lease of the witness, or after a look that found life.',
    ({ timing }) => {
      const vote = votes();
      let alive = false;
      return {
        ...vote.ears,
        look: (seen) => void (alive = seen.alive),
        claim: (seen) => {
          vote.ears.claim(seen);
          if (!seen.automatic) return undefined;
          if (alive) return `${seen.voter} was asked for epoch ${seen.epoch} although the look found life`;
          const sinceMs = seen.t - vote.lastGrantMs('witness');
          const freshMs = timing.renewMs;
          return seen.voter === 'witness' && sinceMs < freshMs
            ? `the witness promised ${Math.round(sinceMs)} ms after it had granted`
            : undefined;
        },
      };
    },
  ),

  invariant('S10', 'A lost lease isolates the master only in automatic mode.', (terms) => {
    let policy: string = terms.switchover;
    let blocked = false;
    return {
      policy: ({ switchover }) => void (policy = switchover),
      host: ({ blocked: now, by }) => {
        const isolates = now && !blocked && by === 'lease';
        blocked = now;
        if (!isolates) return undefined;
        if (terms.switchover !== 'automatic' || policy === 'manual')
          return 'a lost lease isolated the master of a manual scenario';
        return undefined;
      },
    };
  }),

  invariant('S11', 'Nobody claims by himself before the announced silence of the master is over.', () => {
    let untilMs = -Infinity;
    return {
      notice: ({ t, forMs }) => void (untilMs = t + forMs),
      claim: ({ t, automatic, voter }) =>
        automatic && t < untilMs
          ? `${voter} was claimed ${Math.round(untilMs - t)} ms before the notice ends`
          : undefined,
    };
  }),

  invariant('S12', 'Two scenarios never share a VM or a disk.', () => {
    const owner = new Map<string, string>();
    return {
      vm: ({ name, scenario, disks, role }) => {
        if (role === 'other') return undefined;
        for (const thing of [`VM ${name}`, ...disks.map((path) => `disk ${path}`)]) {
          const known = owner.get(thing) ?? scenario;
          owner.set(thing, known);
          if (known !== scenario) return `${thing} belongs to ${known} and is used by ${scenario}`;
        }
        return undefined;
      },
    };
  }),
];

/** What both voters have promised and granted so far. */
function votes() {
  const claimed = new Map<Voter, number>();
  const granted = new Map<Voter, number>();
  return {
    claimedEpoch: (voter: Voter): number => claimed.get(voter) ?? 0,
    lastGrantMs: (voter: Voter): number => granted.get(voter) ?? -Infinity,
    ears: {
      grant: ({ t, voter }: { readonly t: number; readonly voter: Voter }): string | undefined =>
        void granted.set(voter, t),
      claim: ({ voter, epoch }: { readonly voter: Voter; readonly epoch: number }): string | undefined =>
        void claimed.set(voter, epoch),
      release: ({ voter }: { readonly voter: Voter }): string | undefined => void claimed.delete(voter),
    },
  };
}
