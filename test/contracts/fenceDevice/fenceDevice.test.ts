import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { fenceDevice } from '#engine/adapters/fenceDevice/fenceDevice.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { startBmc } from '#simulators/fenceDevice/bmcServer.ts';
import { startEsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import { fenceDeviceContract } from './suite.ts';

/** As the composition root makes them, by nothing but the address of a scenario's definition. */
const clock = new SystemClock();
const user = 'root';
const password = 'right-password';
const common = { host: '127.0.0.1', user, secretName: 'fence' };
const settle = <Result>(answer: Promise<Result>): Promise<Result> => answer;
const parties = {
  clock,
  hypervisor: (
    { host, port, certificateSha256 }: { host: string; port: number; certificateSha256: string },
    given: string,
  ) => new EsxiHypervisor({ host, port, user, password: given, certificateSha256, clock }),
};

fenceDeviceContract('the fence of a Redfish address', async () => {
  let power: 'On' | 'Off' = 'On';
  const cutPower = async (): Promise<void> => {
    power = 'Off';
  };
  const bmc = await startBmc({
    port: 0,
    user,
    password,
    systemId: 'a.1',
    machine: { power: async () => power, cutPower },
  });
  const { port, certificateSha256 } = bmc;
  const address = { ...common, port, certificateSha256, kind: 'redfish', systemId: 'a.1' } as const;
  return {
    device: fenceDevice(address, password, parties),
    clock,
    power: async () => (power === 'Off' ? 'off' : 'on'),
    stranger: { device: fenceDevice(address, 'wrong', parties), attempts: () => bmc.sessions.attempts },
    settle,
    dispose: () => bmc.close(),
  };
});

fenceDeviceContract("the fence of a master's VM on ESXi", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kagemusha-fence-'));
  const modelled = { modelledVms: ['master', 'neighbour'], qemu: false, taskLatencyMs: 1 };
  const simulator = await startEsxiSimulator({ port: 0, user, password, datastoreFolder: folder, ...modelled });
  const { port, certificateSha256, model } = simulator;
  const address = { ...common, port, certificateSha256, kind: 'hypervisor', vmName: 'master' } as const;
  return {
    device: fenceDevice(address, password, parties),
    clock,
    power: async () => (model.vms().find((vm) => vm.name === 'master')?.power === 'poweredOff' ? 'off' : 'on'),
    stranger: { device: fenceDevice(address, 'wrong', parties), attempts: () => model.sessions.attempts },
    settle,
    dispose: async () => {
      await simulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
