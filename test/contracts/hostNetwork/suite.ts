import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

/** A host with clients and two possible peers, and what a test sees of it from outside. */
export type HostNetworkWorld = {
  readonly hostNetwork: HostNetwork;
  readonly peers: readonly [HostAddress, HostAddress];
  /** Whether a client that is no peer reaches what the host serves. */
  serves(): Promise<boolean>;
  /** Whether this peer reaches the guard, and the guard this peer. */
  speaksWith(peer: HostAddress): Promise<boolean>;
  tearDown(): Promise<void>;
};

export function hostNetworkContract(filling: string, build: () => Promise<HostNetworkWorld>): void {
  describe(`HostNetwork, ${filling}`, () => {
    let world: HostNetworkWorld;
    beforeEach(async () => {
      world = await build();
    });
    afterEach(() => world.tearDown());

    it('serves clients until it is blocked, and again once it is not; both twice in a row', async () => {
      const { hostNetwork, peers } = world;
      expect(await world.serves()).toBe(true);
      await hostNetwork.block(peers);
      expect(await world.serves()).toBe(false);
      await hostNetwork.block(peers);
      expect(await world.serves()).toBe(false);
      await hostNetwork.unblock();
      expect(await world.serves()).toBe(true);
      await hostNetwork.unblock();
      expect(await world.serves()).toBe(true);
    });

    it('leaves the way to its peers open, to nobody else, and follows a change of peers', async () => {
      const { hostNetwork, peers } = world;
      await hostNetwork.block([peers[0]]);
      expect([await world.speaksWith(peers[0]), await world.speaksWith(peers[1])]).toEqual([true, false]);
      await hostNetwork.block([peers[1]]);
      expect([await world.speaksWith(peers[0]), await world.speaksWith(peers[1])]).toEqual([false, true]);
      await hostNetwork.block(peers);
      expect([await world.speaksWith(peers[0]), await world.speaksWith(peers[1])]).toEqual([true, true]);
      expect(await world.serves()).toBe(false);
    });
  });
}
