import { describe, expect, test } from 'vitest';
import type { Connection, Listener } from '#machines/parties/network.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { collect, joined, networkContract } from './suite.ts';

const driver =
  (clock: SimulatedClock) =>
  async <Value>(promise: Promise<Value>): Promise<Value> => {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await clock.runUntil(() => settled, 60_000);
    return promise;
  };

function site(seed = 'network', latencyMs = 2) {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: new SimulatedRandom(seed), latencyMs });
  return {
    clock,
    network,
    appliance: network.host('appliance'),
    master: network.host('master'),
    host: 'appliance',
    drive: driver(clock),
  };
}

networkContract('SimulatedNetwork', async () => {
  const made = site();
  made.network.cut('master', 'nowhere');
  return {
    ...made,
    stranger: made.network.host('appliance', { certificateName: 'stranger', authority: 'another' }),
    silent: { host: 'nowhere', port: 25_000 },
    end: async () => {},
  };
});

describe('faults of the network in memory', () => {
  test('latency is virtual and per way', async () => {
    const made = site('latency', 20);
    const { near, far } = await joined(made);
    expect(made.clock.monotonicNs()).toBe(40_000_000n);
    const received = collect(far);
    await made.drive(near.send(Uint8Array.of(1)));
    await made.clock.advance(19);
    expect(received.bytes()).toHaveLength(0);
    await made.clock.advance(1);
    expect(received.bytes()).toHaveLength(1);
  });

  test('what is sent into a cut arrives after it is healed, in order; nobody hears of an end', async () => {
    const made = site();
    const { near, far } = await joined(made);
    const received = collect(far);
    let ended = 0;
    for (const connection of [near, far]) connection.onClosed(() => ended++);
    void near.send(Buffer.from('on the way, '));
    made.network.cut('master', 'appliance');
    void near.send(Buffer.from('held'));
    await made.clock.advance(600_000);
    expect([received.bytes().length, ended]).toEqual([0, 0]);
    made.network.heal('master', 'appliance');
    await made.clock.advance(10);
    expect(received.bytes().toString()).toBe('on the way, held');
  });

  test('a one-way cut leaves the way back; connecting needs both', async () => {
    const made = site();
    const { near, far, listener } = await joined(made);
    const [atNear, atFar] = [collect(near), collect(far)];
    made.network.cutOneWay('master', 'appliance');
    void near.send(Buffer.from('lost?'));
    void far.send(Buffer.from('heard'));
    await made.clock.advance(1_000);
    expect([atNear.bytes().toString(), atFar.bytes().toString()]).toEqual(['heard', '']);
    const connecting = made.master.connect({ host: 'appliance', port: listener.port });
    await expect(made.drive(connecting)).rejects.toMatchObject({ fault: { params: { reason: 'ETIMEDOUT' } } });
  });

  test('a killed process: its peers hear of it, its port is free, its own code stays silent', async () => {
    const made = site();
    const { near, far, listener } = await joined(made);
    collect(far);
    const ends: string[] = [];
    near.onClosed((reason) => ends.push(`near ${reason}`));
    far.onClosed((reason) => ends.push(`far ${reason}`));
    made.network.kill('appliance');
    let zombie = 'silent';
    for (const act of [far.send(Uint8Array.of(1)), made.appliance.listen({ host: 'appliance', port: 1 }, () => {})]) {
      void (act as Promise<unknown>).finally(() => (zombie = 'acts'));
    }
    await made.clock.advance(100);
    expect([ends, zombie]).toEqual([['near ECONNRESET'], 'silent']);
    const address = { host: 'appliance', port: listener.port };
    await expect(made.drive(made.master.connect(address))).rejects.toMatchObject({ fault: { code: 'unreachable' } });
    const born: Listener = await made.drive(made.network.host('appliance').listen(address, () => {}));
    expect(born.port).toBe(listener.port);
    await made.drive(made.master.connect(address));
  });

  test('killed behind a cut: the peer hears nothing until it is healed', async () => {
    const made = site();
    const { near } = await joined(made);
    const ends: string[] = [];
    near.onClosed((reason) => ends.push(reason));
    made.network.cut('appliance', 'master');
    made.network.kill('appliance');
    await made.clock.advance(100_000);
    expect(ends).toEqual([]);
    made.network.heal();
    await made.clock.advance(10);
    expect(ends).toEqual(['ECONNRESET']);
  });

  test('a host without power is silent; back on, it knows nothing of the connections of before', async () => {
    const made = site();
    const { near, listener } = await joined(made);
    const ends: string[] = [];
    near.onClosed((reason) => ends.push(reason));
    made.network.powerOff('appliance');
    void near.send(Uint8Array.of(1));
    const connecting = made.master.connect({ host: 'appliance', port: listener.port });
    await expect(made.drive(connecting)).rejects.toMatchObject({ fault: { params: { reason: 'ETIMEDOUT' } } });
    await made.clock.advance(100_000);
    expect(ends).toEqual([]);
    made.network.powerOn('appliance');
    await made.clock.advance(10);
    expect(ends).toEqual(['ECONNRESET']);
  });

  test('a piece is gone after the call that brought it', async () => {
    const made = site();
    const { near, far } = await joined(made);
    const kept: Uint8Array[] = [];
    far.onBytes((bytes) => kept.push(bytes));
    await made.drive(near.send(new Uint8Array(1000).fill(1)));
    await made.clock.advance(10);
    expect(kept.length).toBeGreaterThan(1);
    expect(kept.every((piece) => piece.every((byte) => byte === 0xdb))).toBe(true);
  });

  test('the same seed cuts the stream in the same places, another one elsewhere', async () => {
    const lengths = async (seed: string): Promise<number[]> => {
      const made = site(seed);
      const { near, far }: { near: Connection; far: Connection } = await joined(made);
      const seen: number[] = [];
      far.onBytes((bytes) => seen.push(bytes.byteLength));
      for (let at = 0; at < 20; at++) await made.drive(near.send(new Uint8Array(5000)));
      await made.clock.advance(100);
      return seen;
    };
    expect(await lengths('a')).toEqual(await lengths('a'));
    expect(await lengths('a')).not.toEqual(await lengths('b'));
  });
});
