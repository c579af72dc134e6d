import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { fetchFingerprint } from '#engine/adapters/pinnedConnection.ts';
import { startEsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import { hypervisorContract } from './suite.ts';

hypervisorContract('EsxiHypervisor over the ESXi simulator', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kagemusha-contract-'));
  const simulator = await startEsxiSimulator({
    port: 0,
    user: 'root',
    password: 'secret',
    datastoreFolder: folder,
    modelledVms: ['appliance', 'other'],
    qemu: false,
    guestUpAfterMs: 100,
    taskLatencyMs: 1,
  });
  const clock = new SystemClock();
  return {
    hypervisor: new EsxiHypervisor({
      host: '127.0.0.1',
      port: simulator.port,
      user: 'root',
      password: 'secret',
      certificateSha256: simulator.certificateSha256,
      clock,
    }),
    clock,
    datastore: 'datastore1',
    network: 'VM Network',
    applianceVmName: 'appliance',
    otherVmName: 'other',
    setGuestsUp: (up) => {
      simulator.model.guestsNeverUp = !up;
    },
    takeSnapshot: async (vmName) => {
      const vm = simulator.model.vms().find((one) => one.name === vmName);
      simulator.model.createSnapshot(vm?.id ?? '', { name: 'backup', description: '' });
    },
    dispose: async () => {
      await simulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

/**
 * A real host: ESXI_URL=https://user:password@host[:port]/?datastore=…&network=…&appliance=…&other=… where the last two
 * are running VMs with a paravirtual SCSI controller. Disks of the run stay in the folder `contract-…`.
 */
const esxiUrl = process.env['ESXI_URL'];
if (esxiUrl === undefined) {
  test.skip('EsxiHypervisor on a real host (ESXI_URL is not set)', () => undefined);
} else {
  const url = new URL(esxiUrl);
  const asked = (name: string, otherwise: string): string => url.searchParams.get(name) ?? otherwise;
  const port = url.port === '' ? 443 : Number(url.port);
  hypervisorContract(`EsxiHypervisor on ${url.hostname}`, async () => {
    const clock = new SystemClock();
    return {
      hypervisor: new EsxiHypervisor({
        host: url.hostname,
        port,
        user: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
        certificateSha256: await fetchFingerprint(url.hostname, port),
        clock,
      }),
      clock,
      datastore: asked('datastore', 'datastore1'),
      network: asked('network', 'VM Network'),
      applianceVmName: asked('appliance', 'appliance'),
      otherVmName: asked('other', 'other'),
      dispose: async () => undefined,
    };
  });
}
