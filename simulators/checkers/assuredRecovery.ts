import { invariant } from './observation.ts';

/** A test of the double leaves no trace and touches nobody (A). */
export const assuredRecoveryInvariants = [
  invariant('A1', 'After a test the replica holds what it would hold without it.', () => {
    let during: { readonly prefix: number; applied: number } | undefined;
    return {
      testStarted: ({ prefix }) => void (during = { prefix, applied: prefix }),
      applied: ({ id }) => {
        if (during) during.applied = Math.max(during.applied, id);
        return undefined;
      },
      testEnded: () => void (during = undefined),
      presented: ({ role, prefix }) =>
        role === 'substituteVm' && prefix === undefined && during
          ? 'the test left its writes in the replica'
          : undefined,
    };
  }),

  invariant('A2', 'A test VM has no production network.', () => ({
    vm: ({ role, name, powered, connected, production }) =>
      role === 'testVm' && powered && connected && production
        ? `test VM ${name} is on the production network`
        : undefined,
  })),

  invariant('A3', 'A test never holds replication beyond the spool: at its limit the test ends.', () => {
    let testing = false;
    return {
      testStarted: () => void (testing = true),
      testEnded: () => void (testing = false),
      spool: ({ bytes, bytesMax, held }) =>
        testing && held && bytes >= bytesMax ? 'the spool is full and the test goes on' : undefined,
    };
  }),

  invariant('A4', 'Before the double is connected no test VM exists.', () => {
    const tests = new Set<string>();
    return {
      vmGone: ({ vmId }) => void tests.delete(vmId),
      vm: ({ vmId, role, powered, connected, production }) => {
        if (role === 'testVm' && powered) tests.add(vmId);
        if (role === 'testVm' && !powered) tests.delete(vmId);
        return role === 'substituteVm' && connected && production && tests.size > 0
          ? 'the double was connected beside a running test VM'
          : undefined;
      },
    };
  }),

  invariant('A5', 'After a test nothing of it is left.', () => {
    const tests = new Set<string>();
    return {
      vm: ({ vmId, role }) => {
        if (role === 'testVm') tests.add(vmId);
        return undefined;
      },
      vmGone: ({ vmId }) => void tests.delete(vmId),
      ended: ({ settled }) => (settled && tests.size > 0 ? `${tests.size} test VMs are left` : undefined),
    };
  }),

  invariant('A6', 'A test passes only when the guest was up and every check was true.', () => ({
    testEnded: ({ outcome, guestUp, checked }) =>
      outcome === 'passed' && !(guestUp && checked) ? 'the test passed without the guest or a check' : undefined,
  })),
];
