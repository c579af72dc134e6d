import { describe, expect, it } from 'vitest';
import { toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { SimulatedHostNetwork } from '#simulators/hostNetwork/SimulatedHostNetwork.ts';
import { hostNetworkContract } from './suite.ts';

const clock: Clock = {
  nowMs: () => 0,
  monotonicNs: () => 0n,
  after: () => () => {},
  sleep: () => Promise.resolve(),
};
const peers = [
  { host: 'appliance', port: 25_000 },
  { host: 'witness', port: 25_000 },
] as const;

hostNetworkContract('SimulatedHostNetwork', async () => {
  const hostNetwork = new SimulatedHostNetwork({ clock });
  return {
    hostNetwork,
    peers,
    serves: async () => !hostNetwork.blocked,
    speaksWith: async (peer) => !hostNetwork.blocked || hostNetwork.peers.includes(peer),
    tearDown: async () => {},
  };
});

describe('SimulatedHostNetwork', () => {
  it('fails as often as it is told to, comes back with its host, and records only when there is nothing to take down', async () => {
    const hostNetwork = new SimulatedHostNetwork({ clock });
    hostNetwork.failures = 1;
    const fault = await hostNetwork.block(peers).then(() => undefined, toFault);
    expect(fault).toMatchObject({ code: 'internal', effect: 'unknown' });
    expect(hostNetwork.blocked).toBe(false);
    await hostNetwork.block(peers);
    expect(hostNetwork.blocked).toBe(true);
    hostNetwork.restartHost();
    expect(hostNetwork.blocked).toBe(true);
    hostNetwork.comeUp();
    expect(hostNetwork.blocked).toBe(false);
    const recordOnly = new SimulatedHostNetwork({ clock, means: 'recordOnly' });
    await recordOnly.block(peers);
    expect(recordOnly.blocked).toBe(false);
  });
});
