import { expect, test } from 'vitest';
import { encodeHeader, frameTypes, makeFrame } from '#engine/protocol/frame.ts';
import type { Handlers, Session } from '#engine/protocol/session.ts';
import { acceptSession, openSession } from '#engine/protocol/session.ts';
import { PartyFault, toFault } from '#machines/faults.ts';
import type { Connection } from '#machines/parties/network.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

async function run<Value>(clock: SimulatedClock, promise: Promise<Value>): Promise<Value> {
  let settled = false;
  const watched = promise.finally(() => (settled = true));
  watched.catch(() => {});
  await clock.runUntil(() => settled, 60_000);
  return watched;
}

const codeOf = (thrown: unknown): string => toFault(thrown).code;

async function twoEnds(): Promise<{ clock: SimulatedClock; dialled: Connection; accepted: Connection }> {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: new SimulatedRandom('session') });
  let accepted: Connection | undefined;
  await network.host('a').listen({ host: 'a', port: 25_000 }, (connection) => (accepted = connection));
  const dialled = await run(clock, network.host('b').connect({ host: 'a', port: 25_000 }));
  await clock.advance(5);
  return { clock, dialled, accepted: accepted! };
}

async function greeted(handlers: Handlers): Promise<{ clock: SimulatedClock; ours: Session; theirs: Session }> {
  const { clock, dialled, accepted } = await twoEnds();
  const accepting = acceptSession(accepted, { clock, node: 'a', handlers });
  const ours = await run(clock, openSession(dialled, { clock, node: 'b', purpose: 'engine' }));
  return { clock, ours, theirs: await accepting };
}

test('requests are answered, and the fault that a handler throws arrives as it was', async () => {
  const { clock, ours, theirs } = await greeted({
    'host.ping': () => ({ nowMs: 42 }),
    'host.describe': () => {
      throw new PartyFault('diskMissing', { disk: '/dev/a' });
    },
  });
  expect(theirs.purpose).toBe('engine');
  expect(theirs.node).toBe('b');
  expect(await run(clock, ours.request('host.ping', {}))).toEqual({ nowMs: 42 });
  const thrown = await run(clock, ours.request('host.describe', {})).catch((reason: unknown) => toFault(reason));
  expect(thrown).toEqual(new PartyFault('diskMissing', { disk: '/dev/a' }).fault);
  expect(await run(clock, ours.request('scenario.list', {})).catch(codeOf)).toBe('notFound');
});

test('another version is refused aloud, with both versions, on both sides', async () => {
  const { clock, dialled, accepted } = await twoEnds();
  const accepting = acceptSession(accepted, { clock, node: 'a', version: '2' }).catch(toFault);
  const opening = openSession(dialled, { clock, node: 'b', purpose: 'data', version: '1' }).catch(toFault);
  expect(await run(clock, opening)).toMatchObject({ code: 'versionMismatch', params: { theirs: '2', ours: '1' } });
  expect(await accepting).toMatchObject({ code: 'versionMismatch', params: { theirs: '1', ours: '2' } });
});

test('a connection whose first frame does not come is closed after 2 s', async () => {
  const { clock, dialled, accepted } = await twoEnds();
  const startMs = clock.nowMs();
  expect(await run(clock, acceptSession(accepted, { clock, node: 'a' }).catch(codeOf))).toBe('timedOut');
  expect(clock.nowMs() - startMs).toBe(2_000);
  const closed = new Promise((resolve) => dialled.onClosed(resolve));
  await run(clock, closed);
});

test('noise ends a session with a protocol error', async () => {
  const { clock, dialled, accepted } = await twoEnds();
  const accepting = acceptSession(accepted, { clock, node: 'a' }).catch(codeOf);
  await dialled.send(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: kagemusha.example.com\r\n\r\n'.repeat(2)));
  expect(await run(clock, accepting)).toBe('protocolError');
});

test('a request that the peer never answers times out; one that loses its connection has an unknown effect', async () => {
  const { clock, ours, theirs } = await greeted({ 'host.ping': () => new Promise(() => {}) });
  expect(await run(clock, ours.request('host.ping', {}, { timeoutMs: 500 })).catch(codeOf)).toBe('timedOut');
  const asking = ours.request('host.ping', {}).catch(toFault);
  await clock.advance(10);
  theirs.close('maintenance');
  expect(await run(clock, asking)).toMatchObject({ code: 'unreachable', effect: 'unknown' });
});

test('data frames go to whoever waits for them, and end the session where nobody does', async () => {
  const { clock, ours, theirs } = await greeted({});
  const taken: number[] = [];
  theirs.onFrame((frame) => taken.push(frame.sequence));
  await ours.send(makeFrame(frameTypes.ack, { sequence: 9 }));
  await ours.sendEncoded(encodeHeader(makeFrame(frameTypes.ack, { sequence: 10 })));
  await clock.advance(10);
  expect(taken).toEqual([9, 10]);
  await theirs.send(makeFrame(frameTypes.ack, { sequence: 1 }));
  await clock.advance(10);
  expect(ours.closed).toBe(true);
});
