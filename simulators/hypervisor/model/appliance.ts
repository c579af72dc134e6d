import type { HypervisorModel } from './hypervisorModel.ts';
import type { VmRecord } from './state.ts';

/** Makes a VM that is not ours, running, with four PVSCSI controllers: the appliance of a simulated site. */
export function registerAppliance(model: HypervisorModel, name: string): VmRecord {
  const vm = model.createVm({
    name,
    vmPathName: `[${model.disks.datastores[0]?.name ?? 'datastore1'}]`,
    resourcePool: 'Resources',
    cpus: 2,
    memoryMiB: 2048,
    guestId: 'debian10_64Guest',
    extraConfig: { 'disk.EnableUUID': 'TRUE' },
    deviceChanges: [0, 1, 2, 3].map((busNumber) => {
      // All four from the start: adding one to a running appliance would suspend it.
      return { add: 'controller', key: -1 - busNumber, type: 'ParaVirtualSCSIController', busNumber } as const;
    }),
  });
  model.powerOn(vm.id);
  model.guestReports(vm.id, { tools: 'guestToolsRunning', hostName: name, ipAddress: '127.0.0.1' });
  return vm;
}
