import { expect, test } from 'vitest';
import { SimulatedAddressProbe } from '#simulators/addressProbe/SimulatedAddressProbe.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { addressProbeContract } from './suite.ts';

const by = '00:50:56:00:00:01';

addressProbeContract('SimulatedAddressProbe', async () => {
  const clock = new SimulatedClock();
  const there = new Set(['198.51.100.2', '198.51.100.3']);
  let isPlugged = true;
  return {
    probe: new SimulatedAddressProbe({
      clock,
      whoAnswers: (address) => (there.has(address) ? by : undefined),
      unavailable: () => (isPlugged ? undefined : 'no carrier'),
    }),
    first: '198.51.100.2',
    second: '198.51.100.3',
    nobodys: '198.51.100.9',
    by,
    leave: async (address) => void there.delete(address),
    unplug: async () => {
      isPlugged = false;
    },
    settle: async (answer) => {
      await Promise.allSettled([answer, clock.advance(5000)]);
      return answer;
    },
    dispose: async () => undefined,
  };
});

test('hears a master that wakes up between two probes', async () => {
  const clock = new SimulatedClock();
  let awake = false;
  const probe = new SimulatedAddressProbe({ clock, whoAnswers: () => (awake ? by : undefined) });
  const answer = probe.probe({ addresses: ['198.51.100.2'] });
  await clock.advance(3000);
  awake = true;
  await clock.advance(2000);
  expect((await answer).answers).toEqual([{ address: '198.51.100.2', by }]);
});
