import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '#machines/parties/clock.ts';
import type { Connection, Listener, Network } from '#machines/parties/network.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

export type NetworkBench = {
  readonly clock: Clock;
  /** Certificate name `appliance`; listens at `host`. */
  readonly appliance: Network;
  /** Certificate name `master`. */
  readonly master: Network;
  /** Listens at `host` too, with the certificate of another authority. */
  readonly stranger: Network;
  readonly host: string;
  /** Someone who never answers. */
  readonly silent: HostAddress;
  /** Lets time pass until the promise settles. */
  readonly drive: <Value>(promise: Promise<Value>) => Promise<Value>;
  readonly end: () => Promise<void>;
};

/** Both ends of one connection: `far` is the one that was accepted. */
export type Pair = { readonly near: Connection; readonly far: Connection; readonly listener: Listener };

export async function joined(bench: Pick<NetworkBench, 'appliance' | 'master' | 'host' | 'drive'>): Promise<Pair> {
  let accepted: (connection: Connection) => void = () => {};
  const far = new Promise<Connection>((resolve) => (accepted = resolve));
  const listener = await bench.drive(bench.appliance.listen({ host: bench.host, port: 0 }, accepted));
  const near = await bench.drive(bench.master.connect({ host: bench.host, port: listener.port }));
  return { near, far: await bench.drive(far), listener };
}

/** Collects what arrives; `until` resolves when so many bytes are there. */
export function collect(connection: Connection): {
  readonly bytes: () => Buffer;
  until: (count: number) => Promise<void>;
} {
  const pieces: Buffer[] = [];
  let total = 0;
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  connection.onBytes((bytes) => {
    pieces.push(Buffer.from(bytes));
    total += bytes.byteLength;
    if (waiting !== undefined && total >= waiting.count) waiting.resolve();
  });
  return {
    bytes: () => Buffer.concat(pieces),
    until: (count) =>
      new Promise((resolve) => {
        waiting = { count, resolve };
        if (total >= count) resolve();
      }),
  };
}

const closedOf = (connection: Connection): Promise<string> => new Promise((resolve) => connection.onClosed(resolve));
const pattern = (length: number, salt: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7 + salt * 13 + (at >> 8)) & 0xff));

export function networkContract(name: string, make: () => Promise<NetworkBench>): void {
  describe(`${name} keeps the contract of Network`, () => {
    let bench: NetworkBench;
    beforeEach(async () => {
      bench = await make();
    });
    afterEach(() => bench.end());
    const quiet = async <Value>(promise: Promise<Value>, ms = 300): Promise<Value | 'quiet'> =>
      bench.drive(Promise.race([promise, bench.clock.sleep(ms).then(() => 'quiet' as const)]));

    connecting(() => bench);
    sending(() => bench, quiet);
    closing(() => bench, quiet);
  });
}

function connecting(bench: () => NetworkBench): void {
  test('each side knows the other by the name in its certificate', async () => {
    const { near, far } = await joined(bench());
    expect([near.peer, far.peer]).toEqual(['appliance', 'master']);
  });

  test('nobody listens: unreachable', async () => {
    const { listener } = await joined(bench());
    await bench().drive(listener.close());
    await expect(
      bench().drive(bench().master.connect({ host: bench().host, port: listener.port })),
    ).rejects.toMatchObject({ fault: { code: 'unreachable', effect: 'none', params: { reason: 'ECONNREFUSED' } } });
  });

  test('closing the listener leaves its connections', async () => {
    const { near, far, listener } = await joined(bench());
    await bench().drive(listener.close());
    const received = collect(far);
    await bench().drive(near.send(Buffer.from('still here')));
    await bench().drive(received.until(10));
    expect(received.bytes().toString()).toBe('still here');
  });

  test('someone who never answers: unreachable after the timeout', async () => {
    const { clock } = bench();
    const startNs = clock.monotonicNs();
    await expect(bench().drive(bench().master.connect(bench().silent, { timeoutMs: 200 }))).rejects.toMatchObject({
      fault: { code: 'unreachable', params: { reason: 'ETIMEDOUT' } },
    });
    const tookMs = Number(clock.monotonicNs() - startNs) / 1e6;
    expect(tookMs).toBeGreaterThan(190);
    expect(tookMs).toBeLessThan(4_500);
  });

  test('a port is listened on once: portInUse', async () => {
    const { listener } = await joined(bench());
    const again = bench().appliance.listen({ host: bench().host, port: listener.port }, () => {});
    await expect(bench().drive(again)).rejects.toMatchObject({
      fault: { code: 'portInUse', params: { port: listener.port } },
    });
    await bench().drive(listener.close());
    const free = await bench().drive(bench().appliance.listen({ host: bench().host, port: listener.port }, () => {}));
    expect(free.port).toBe(listener.port);
    await free.close();
  });

  test('a certificate of another authority is refused by both sides, and nobody is accepted', async () => {
    let accepted = 0;
    const ours = await bench().drive(bench().appliance.listen({ host: bench().host, port: 0 }, () => accepted++));
    const theirs = await bench().drive(bench().stranger.listen({ host: bench().host, port: 0 }, () => accepted++));
    const untrusted = { fault: { code: 'untrustedCertificate', effect: 'none' } };
    const asStranger = bench().stranger.connect({ host: bench().host, port: ours.port });
    await expect(bench().drive(asStranger)).rejects.toMatchObject(untrusted);
    const toStranger = bench().master.connect({ host: bench().host, port: theirs.port });
    await expect(bench().drive(toStranger)).rejects.toMatchObject(untrusted);
    expect(accepted).toBe(0);
    await ours.close();
    await theirs.close();
  });
}

type Quiet = <Value>(promise: Promise<Value>, ms?: number) => Promise<Value | 'quiet'>;

function sending(bench: () => NetworkBench, quiet: Quiet): void {
  test('bytes arrive in order and whole, both ways at once', async () => {
    const { near, far } = await joined(bench());
    const lengths = [1, 0, 70_000, 3, 5, 16_384, 16_385, 200_000, 1];
    const texts = [near, far].map((_, side) => lengths.map((length, at) => pattern(length, side * 100 + at)));
    const whole = texts.map((pieces) => Buffer.concat(pieces));
    const received = [collect(far), collect(near)];
    const sends = [near, far].map(async (from, side) => {
      for (const piece of texts[side] ?? []) await from.send(piece);
      await from.send(pattern(9, 1), pattern(7, 2));
    });
    await bench().drive(
      Promise.all([...sends, ...received.map((side, at) => side.until((whole[at]?.length ?? 0) + 16))]),
    );
    const tail = Buffer.concat([pattern(9, 1), pattern(7, 2)]);
    for (const at of [0, 1]) {
      expect(received[at]?.bytes().equals(Buffer.concat([whole[at] ?? Buffer.alloc(0), tail]))).toBe(true);
    }
  });

  test('sends that are not awaited keep their order', async () => {
    const { near, far } = await joined(bench());
    const received = collect(far);
    for (let at = 0; at < 256; at++) void near.send(Uint8Array.of(at));
    await bench().drive(received.until(256));
    expect([...received.bytes()]).toEqual(Array.from({ length: 256 }, (_, at) => at));
  });

  test('bytes that come before they are asked for are kept', async () => {
    const { near, far } = await joined(bench());
    await bench().drive(near.send(Buffer.from('early')));
    await bench().drive(bench().clock.sleep(50));
    const received = collect(far);
    await bench().drive(received.until(5));
    expect(received.bytes().toString()).toBe('early');
    expect(() => far.onBytes(() => {})).toThrow('once');
  });

  test('a peer that does not read holds the sender back, until it reads again', async () => {
    const { near, far } = await joined(bench());
    const received = collect(far);
    far.pause();
    const chunk = pattern(256 * 1024, 5);
    let sent = 0;
    let held: Promise<void> | undefined;
    while (held === undefined && sent < 256) {
      const sending = near.send(chunk);
      sent++;
      if ((await quiet(sending)) === 'quiet') held = sending;
    }
    expect(held).toBeDefined();
    expect(received.bytes()).toHaveLength(0);
    far.resume();
    await bench().drive(Promise.all([held, received.until(sent * chunk.length)]));
    expect(received.bytes().equals(Buffer.concat(Array.from({ length: sent }, () => chunk)))).toBe(true);
  });

  test('pause and resume work before anybody takes bytes', async () => {
    const { near, far } = await joined(bench());
    far.pause();
    await bench().drive(near.send(Buffer.from('x')));
    far.resume();
    far.pause();
    const received = collect(far);
    expect(await quiet(received.until(1), 100)).toBe('quiet');
    far.resume();
    await bench().drive(received.until(1));
  });
}

function closing(bench: () => NetworkBench, quiet: Quiet): void {
  test('what was sent before the end arrives before the end', async () => {
    const { near, far } = await joined(bench());
    const received = collect(far);
    const bytes = pattern(300_000, 3);
    void near.send(bytes).catch(() => {});
    near.close('done');
    await bench().drive(closedOf(far));
    expect(received.bytes().equals(bytes)).toBe(true);
  });

  test('last words arrive although the closing side has not read everything', async () => {
    const { near, far } = await joined(bench());
    const received = collect(far);
    near.pause();
    near.onBytes(() => {});
    await bench().drive(far.send(pattern(20_000, 1)));
    await bench().drive(bench().clock.sleep(50));
    void near.send(Buffer.from('refused: version')).catch(() => {});
    near.close();
    await bench().drive(closedOf(far));
    expect(received.bytes().toString()).toBe('refused: version');
  });

  test('both sides hear of the end once; the closing one with its reason', async () => {
    const { near, far } = await joined(bench());
    collect(far);
    const reasons: string[] = [];
    near.onClosed((reason) => reasons.push(`near: ${reason}`));
    const farClosed = new Promise<void>((resolve) =>
      far.onClosed((reason) => {
        reasons.push(`far: ${reason}`);
        resolve();
      }),
    );
    near.close('stopped');
    near.close('again');
    await bench().drive(farClosed);
    far.close();
    await bench().drive(bench().clock.sleep(50));
    expect(reasons).toEqual(['near: stopped', 'far: closed by the peer']);
  });

  test('the end is heard without anybody taking bytes, and at once by who asks later', async () => {
    const { near, far } = await joined(bench());
    near.close();
    await bench().drive(closedOf(far));
    let told = '';
    near.onClosed((reason) => (told = reason));
    expect(told).toBe('closed');
  });

  test('after the end nothing is sent and nothing is heard', async () => {
    const { near, far } = await joined(bench());
    let heard = 0;
    near.onBytes(() => heard++);
    near.close();
    await expect(bench().drive(near.send(Uint8Array.of(1)))).rejects.toMatchObject({
      fault: { code: 'unreachable', effect: 'none' },
    });
    void far.send(pattern(100, 1)).catch(() => {});
    await bench().drive(closedOf(far));
    await bench().drive(bench().clock.sleep(50));
    expect(heard).toBe(0);
    await expect(bench().drive(far.send(Uint8Array.of(1)))).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  test('a sender that is held back is let go by the end, not knowing what arrived', async () => {
    const { near, far } = await joined(bench());
    far.pause();
    const sending = near.send(pattern(16 * 1024 * 1024, 1));
    expect(await quiet(sending)).toBe('quiet');
    near.close();
    await expect(bench().drive(sending)).rejects.toMatchObject({ fault: { code: 'unreachable', effect: 'unknown' } });
  });
}
