import { beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '#engine/Engine.ts';
import { RemoteMasterSession } from '#engine/appliance/RemoteMasterSession.ts';
import type { MasterFact } from '#engine/appliance/RemoteMasterSession.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Network } from '#machines/parties/network.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const at = { host: 'master', port: 25_000, guardPort: 25_001 };
let clock: SimulatedClock;
let network: SimulatedNetwork;
let facts: MasterFact[];
let master: RemoteMasterSession;

const listen = (port: number, options: { version?: string; on?: Network } = {}): Promise<number> =>
  new Engine({
    node: 'master',
    listen: { host: 'master', port },
    clock,
    network: options.on ?? network.host('master'),
    handlers: [],
    ...(options.version === undefined ? {} : { version: options.version }),
  }).start();

const appliance = (over?: Network): RemoteMasterSession =>
  new RemoteMasterSession({
    network: over ?? network.host('appliance'),
    clock,
    node: 'appliance',
    onFact: (fact) => facts.push(fact),
  });

async function look(who = master): Promise<{ readonly alive: boolean; readonly evidence: string }> {
  let seen: { readonly alive: boolean; readonly evidence: string } | undefined;
  let failure: unknown;
  who.look(at).then(
    (found) => (seen = found),
    (thrown: unknown) => (failure = thrown),
  );
  await clock.runUntil(() => seen !== undefined || failure !== undefined, 60_000);
  if (failure !== undefined) throw failure;
  return seen!;
}

beforeEach(() => {
  clock = new SimulatedClock();
  network = new SimulatedNetwork({ clock, random: new SimulatedRandom('look') });
  facts = [];
  master = appliance();
});

describe('the second look', () => {
  it('finds life in an engine, and in a guard beside a dead engine', async () => {
    await listen(at.guardPort);
    const guardOnly = await look();
    expect(guardOnly).toMatchObject({ alive: true });
    expect(guardOnly.evidence).toBe('engine master:25000 unreachable ECONNREFUSED; guard master:25001 answers');
    await listen(at.port);
    expect(await look()).toEqual({ alive: true, evidence: 'engine master:25000 answers; guard master:25001 answers' });
  });

  it('finds life in a refusal, another version, and a certificate of nobody we know', async () => {
    expect(await look()).toMatchObject({ alive: true, evidence: expect.stringContaining('ECONNREFUSED') });
    await listen(at.port, { version: '0.0.1' });
    expect(await look()).toMatchObject({ alive: true, evidence: expect.stringContaining('versionMismatch') });
    await listen(at.guardPort, { on: network.host('master', { authority: 'elsewhere' }) });
    expect(await look()).toMatchObject({ alive: true, evidence: expect.stringContaining('untrustedCertificate') });
  });

  it('takes only silence of both for death, and looks three times', async () => {
    await listen(at.port);
    network.powerOff('master');
    const startNs = clock.monotonicNs();
    expect(await look()).toEqual({
      alive: false,
      evidence: 'engine master:25000 unreachable ETIMEDOUT; guard master:25001 unreachable ETIMEDOUT',
    });
    expect(Number(clock.monotonicNs() - startNs) / 1e6).toBe(3 * 2_000 + 2 * 1_000);
  });

  it.each(['EHOSTUNREACH', 'ENETUNREACH'])('%s is silence', async (reason) => {
    const refuses: Network = {
      listen: () => Promise.reject(new Error('none')),
      connect: () => Promise.reject(new PartyFault('unreachable', { host: 'master', reason })),
    };
    expect(await look(appliance(refuses))).toMatchObject({ alive: false });
  });

  it.each(['ECONNRESET', 'EPIPE', 'closed during the handshake'])('%s is life', async (reason) => {
    const refuses: Network = {
      listen: () => Promise.reject(new Error('none')),
      connect: () => Promise.reject(new PartyFault('unreachable', { host: 'master', reason })),
    };
    expect(await look(appliance(refuses))).toMatchObject({ alive: true });
  });

  it('that could not even find the name says nothing about the master', async () => {
    const lost: Network = {
      listen: () => Promise.reject(new Error('none')),
      connect: () => Promise.reject(new PartyFault('unreachable', { host: 'master', reason: 'ENOTFOUND' })),
    };
    await expect(look(appliance(lost))).rejects.toThrow('ENOTFOUND');
  });
});

describe('the heartbeat', () => {
  it('counts a refused connection as a missed beat, and hears the master when it is back', async () => {
    await master.watch({ ...at, heartbeatMs: 5_000 });
    await clock.advance(11_000);
    expect(facts).toEqual([{ type: 'master.silent', silentForMs: expect.any(Number) }]);
    await listen(at.port);
    await clock.advance(6_000);
    expect(facts.at(-1)).toEqual({ type: 'master.heard' });
    await master.unwatch();
  });
});
