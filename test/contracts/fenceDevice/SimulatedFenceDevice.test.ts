import { expect, test } from 'vitest';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFenceDevice } from '#simulators/fenceDevice/SimulatedFenceDevice.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { settle } from './settling.ts';
import { faultOf, fenceDeviceContract } from './suite.ts';

function makeBmc() {
  const clock = new SimulatedClock();
  const state: { power: 'on' | 'off'; reachable: boolean } = { power: 'on', reachable: true };
  const machine = {
    power: () => state.power,
    cutPower: () => {
      state.power = 'off';
    },
  };
  const parts = { clock, machine, reachable: () => state.reachable };
  return { clock, state, parts, device: new SimulatedFenceDevice(parts) };
}

fenceDeviceContract('SimulatedFenceDevice', async () => {
  const { clock, state, parts, device } = makeBmc();
  const stranger = new SimulatedFenceDevice({ ...parts, knowsPassword: () => false });
  return {
    device,
    clock,
    power: async () => state.power,
    fail: (...troubles) => device.fail(...troubles),
    orders: () => device.orders,
    stranger: { device: stranger, attempts: () => stranger.logins },
    cutOff: async () => {
      state.reachable = false;
    },
    settle: (answer) => settle(clock, answer),
    dispose: async () => undefined,
  };
});

const intent = (clock: SimulatedClock) => {
  return { ticket: 't', scenarioId: scenarioId('4009412486'), epoch: 1, deadlineAtMs: clock.nowMs() + 10_000 };
};

test('a slow machine is waited for, to the instant at which it is off', async () => {
  const { clock, device } = makeBmc();
  device.offAfterMs = 7000;
  const started = clock.nowMs();
  await settle(clock, device.powerOff(intent(clock)));
  expect(clock.nowMs() - started).toBeGreaterThanOrEqual(7000);
});

test('a device that is lost after the order leaves the effect unknown, unless it comes back in time', async () => {
  const lost = makeBmc();
  lost.device.offAfterMs = 2000;
  lost.clock.after(1000, () => (lost.state.reachable = false));
  expect(await faultOf(settle(lost.clock, lost.device.powerOff(intent(lost.clock))))).toBe('effectUnknown unknown');
  const back = makeBmc();
  back.device.offAfterMs = 2000;
  back.clock.after(1000, () => (back.state.reachable = false));
  back.clock.after(5000, () => (back.state.reachable = true));
  expect(await faultOf(settle(back.clock, back.device.powerOff(intent(back.clock))))).toBe('no fault');
});
