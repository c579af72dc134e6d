import { describe, expect, it, vi } from 'vitest';
import { toFault } from '#machines/faults.ts';
import { hasFirewall, NamespaceHost, noNamespacesBecause } from './namespaceHost.ts';
import { hostNetworkContract } from './suite.ts';

if (noNamespacesBecause === undefined && hasFirewall) {
  hostNetworkContract('LinuxHostNetwork in a network namespace', () => NamespaceHost.start());
} else {
  describe.skip(`HostNetwork, LinuxHostNetwork (${noNamespacesBecause ?? 'no nft'})`, () => it('needs root', () => {}));
}

async function on(
  options: Parameters<typeof NamespaceHost.start>[0],
  use: (host: NamespaceHost) => Promise<void>,
): Promise<void> {
  const host = await NamespaceHost.start(options);
  try {
    await use(host);
  } finally {
    await host.tearDown();
  }
}

describe.skipIf(noNamespacesBecause !== undefined)('LinuxHostNetwork', () => {
  it.skipIf(!hasFirewall)('cuts off a client that was there before, and gives its connection back', () =>
    on({}, async (host) => {
      expect(host.hostNetwork.means).toBe('firewall');
      const client = await host.client();
      expect(await client.echoes()).toBe(true);
      await host.hostNetwork.block(host.peers);
      expect(await client.echoes()).toBe(false);
      await host.hostNetwork.unblock();
      expect(await client.echoes()).toBe(true);
      client.close();
    }),
  );

  it.skipIf(!hasFirewall)('told of no peers, it lets in whoever asks the guard, and nobody else', () =>
    on({}, async (host) => {
      await host.hostNetwork.block([]);
      const inward = await host.speaksWith(host.peers[0]).catch((thrown: unknown) => String(thrown));
      expect(inward).toContain('in true, out false');
      expect(await host.serves()).toBe(false);
    }),
  );

  it.skipIf(!hasFirewall)('a peer that cannot be found does not keep the block from working', () =>
    on({}, async (host) => {
      await host.hostNetwork.block([{ host: 'no-such-host.invalid', port: 25_000 }, host.peers[0]]);
      expect(await host.serves()).toBe(false);
      expect(await host.speaksWith(host.peers[0])).toBe(true);
    }),
  );

  it('without a firewall takes the interfaces down, and up again with their routes', () =>
    on({ firewall: false }, async (host) => {
      expect(host.hostNetwork.means).toBe('interfaces');
      const routes = await host.routes();
      expect(routes.some((route) => route.startsWith('default via'))).toBe(true);
      await host.hostNetwork.block(host.peers);
      await host.hostNetwork.block(host.peers);
      expect((await host.routes()).length).toBeLessThan(routes.length);
      expect(await host.serves()).toBe(false);
      await host.hostNetwork.unblock();
      expect(await host.routes()).toEqual(routes);
      // A link that comes up takes a moment to carry.
      await vi.waitFor(async () => expect(await host.serves()).toBe(true), { timeout: 10_000 });
    }));

  it('tells of an interface that does not go down, with the effect unknown, having tried the others', () =>
    on({ firewall: false, interfaces: ['noSuchNic', NamespaceHost.nic] }, async (host) => {
      const fault = await host.hostNetwork.block(host.peers).then(() => undefined, toFault);
      expect(fault).toMatchObject({ code: 'internal', effect: 'unknown' });
      expect(fault?.params['reason']).toContain('noSuchNic');
      expect(await host.serves()).toBe(false);
    }));

  it('with nothing to take down it only records', () =>
    on({ interfaces: [] }, async (host) => {
      expect(host.hostNetwork.means).toBe('recordOnly');
      await host.hostNetwork.block(host.peers);
      expect(await host.serves()).toBe(true);
    }));
});
