import { expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import { HypervisorFenceDevice } from '#engine/adapters/fenceDevice/HypervisorFenceDevice.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { registerAppliance } from '#simulators/hypervisor/model/appliance.ts';
import { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { settle } from './settling.ts';
import { faultOf, fenceDeviceContract } from './suite.ts';

const credentials = { user: 'root', password: 'secret' };
const vmName = 'master';

function makeHost() {
  const clock = new SimulatedClock();
  const random = new SimulatedRandom(11);
  const model = new HypervisorModel({ clock, random, credentials });
  registerAppliance(model, vmName);
  registerAppliance(model, 'neighbour');
  const network = { up: true };
  const reachable = () => network.up;
  const connect = (given = credentials) =>
    new SimulatedHypervisor({ model, clock, random, credentials: given, reachable });
  const powerOf = (name: string): 'on' | 'off' =>
    model.vms().find((vm) => vm.name === name)?.power === 'poweredOff' ? 'off' : 'on';
  return { clock, model, network, connect, powerOf };
}

fenceDeviceContract('HypervisorFenceDevice over SimulatedHypervisor', async () => {
  const { clock, model, network, connect, powerOf } = makeHost();
  const hypervisor = connect();
  const asStranger = connect({ ...credentials, password: 'wrong' });
  const refusal = new PartyFault('hypervisorRefused', { host: 'esxi', reason: 'planned' });
  const fence = { host: 'esxi', vmName, clock };
  return {
    device: new HypervisorFenceDevice({ ...fence, hypervisor }),
    clock,
    power: async () => powerOf(vmName),
    fail: (...troubles) =>
      troubles.forEach((trouble, index) => {
        const order = { method: 'powerOffVm', nth: index + 1 } as const;
        if (trouble === 'lostAfter') hypervisor.fail({ ...order, when: 'after' });
        if (trouble === 'refused') hypervisor.fail({ ...order, when: 'before', fault: refusal });
        if (trouble === 'lostBefore') {
          hypervisor.fail({ ...order, when: 'before', fault: new PartyFault('effectUnknown', { host: 'esxi' }) });
        }
        if (trouble === 'claimedOnly') hypervisor.powerOffVm = async () => undefined;
      }),
    orders: () => hypervisor.callsOf('powerOffVm'),
    stranger: {
      device: new HypervisorFenceDevice({ ...fence, hypervisor: asStranger }),
      attempts: () => model.sessions.attempts,
    },
    cutOff: async () => {
      network.up = false;
    },
    settle: (answer) => settle(clock, answer),
    dispose: async () => undefined,
  };
});

test('never takes another machine for the master', async () => {
  const { clock, model, connect, powerOf } = makeHost();
  const fenceOf = (name: string) =>
    new HypervisorFenceDevice({ hypervisor: connect(), host: 'esxi', vmName: name, clock });
  expect(await faultOf(settle(clock, fenceOf('mast').describe()))).toBe('notFound none');
  const namesake = model.vms().find((vm) => vm.name === 'neighbour');
  if (namesake) Object.assign(namesake, { name: vmName });
  expect(await faultOf(settle(clock, fenceOf(vmName).describe()))).toBe('fenceDeviceRefused failed');
  expect(powerOf(vmName)).toBe('on');
});
