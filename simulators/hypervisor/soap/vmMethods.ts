import { VimFault } from '../model/vimFault.ts';
import { required, startTask } from './call.ts';
import type { Call, MethodCode } from './call.ts';
import { readConfigSpec } from './deviceSpec.ts';
import { poolNamed, refs, vmRef } from './hostIdentity.ts';
import { withNewDisks } from './storageMethods.ts';
import { snapshotRef } from './vmProperties.ts';
import { read } from './wireValue.ts';
import type { WireValue } from './wireValue.ts';

/** Virtual machines: their life, their devices, their power. */
export const vmMethods: Readonly<Record<string, MethodCode>> = {
  CreateVM_Task: createVm,
  ReconfigVM_Task: reconfigureVm,
  PowerOnVM_Task: (call) =>
    startTask(call, async () => {
      const vm = call.model.powerOn(call.self.id);
      try {
        await call.ground.boot(vm);
      } catch (thrown) {
        call.model.guestGone(vm.id);
        throw thrown;
      }
      await call.ground.showDisks();
      return undefined;
    }),
  PowerOffVM_Task: (call) =>
    startTask(call, async () => {
      const vm = call.model.vm(call.self.id);
      if (vm.power === 'poweredOff') call.model.powerOff(vm.id);
      await call.ground.stop(vm);
      // A guest that ends by itself meanwhile is as good.
      call.model.guestGone(vm.id);
      await call.ground.showDisks();
      return undefined;
    }),
  ResetVM_Task: (call) =>
    startTask(call, async () => {
      const vm = call.model.powerOff(call.self.id);
      await call.ground.stop(vm);
      await call.ground.boot(call.model.powerOn(vm.id));
      return undefined;
    }),
  ShutdownGuest: async ({ model, self, ground }) => {
    await ground.shutdown(model.shutdownGuest(self.id));
    return undefined;
  },
  UnregisterVM: ({ model, self }) => {
    const busy = model.tasks.activeOn({ type: self.type, id: self.id });
    if (busy !== undefined) throw new VimFault('TaskInProgress', { task: { type: 'Task', id: busy.id } });
    model.unregisterVm(self.id);
    return undefined;
  },
  Destroy_Task: (call) => {
    if (call.self.type !== 'VirtualMachine') throw new VimFault('NotSupported');
    return startTask(call, async () => {
      const { vm, disks } = call.model.destroyVm(call.self.id);
      for (const disk of disks) await call.ground.removeDisk(disk);
      await call.ground.removeVm(vm);
      return undefined;
    });
  },
  CreateSnapshot_Task: snapshot,
  CreateSnapshotEx_Task: snapshot,
  RemoveAllSnapshots_Task: (call) =>
    startTask(call, () => {
      call.model.removeSnapshots(call.self.id);
      return undefined;
    }),
  FindByUuid: ({ model, params }) => {
    const key = read.flag(params.instanceUuid) === true ? 'instanceUuid' : 'uuid';
    const uuid = read.text(params.uuid)?.toLowerCase();
    const vm = read.flag(params.vmSearch) === true ? model.vms().find((one) => one[key] === uuid) : undefined;
    return vm === undefined ? undefined : vmRef(vm);
  },
  FindByInventoryPath: ({ model, params }) => {
    const parts = (read.text(params.inventoryPath) ?? '').split('/').filter((part) => part !== '');
    if (parts.length === 1 && parts[0] === 'ha-datacenter') return refs.datacenter;
    const vm = model.vms().find((one) => one.name === parts[2]);
    return parts.length === 3 && parts[1] === 'vm' && vm !== undefined ? vmRef(vm) : undefined;
  },
  FindChild: ({ model, params, self }) => {
    const vm = model.vms().find((one) => one.name === read.text(params.name));
    const entity = read.ref(params.entity) ?? self;
    return entity.id === refs.vmFolder.id && vm !== undefined ? vmRef(vm) : undefined;
  },
};

function createVm(call: Call): WireValue {
  const { model, params, host } = call;
  if (call.self.id !== refs.vmFolder.id) throw new VimFault('NotSupported');
  const spec = required(read.object(params.config), 'config');
  const name = required(read.text(spec.name), 'configSpec.name');
  const vmPathName = required(read.text(read.object(spec.files)?.vmPathName), 'configSpec.files.vmPathName');
  const pool = required(read.ref(params.pool), 'pool');
  const resourcePool = poolNamed(host, pool.id);
  if (resourcePool === undefined) {
    throw new VimFault('ManagedObjectNotFound', { obj: { type: pool.type, id: pool.id } });
  }
  const uuid = read.text(spec.uuid);
  return startTask(call, async () => {
    const { change, disksToCreate } = readConfigSpec(spec);
    const { changeVersion: _, deviceChanges = [], ...rest } = change;
    const made = { ...rest, name, vmPathName, resourcePool, deviceChanges, ...(uuid === undefined ? {} : { uuid }) };
    const vm = await withNewDisks(call, disksToCreate, () => model.createVm(made));
    await call.ground.writeVm(vm);
    return { type: 'VirtualMachine', id: vm.id };
  });
}

function reconfigureVm(call: Call): WireValue {
  const { model, self, ground } = call;
  const spec = required(read.object(call.params.spec), 'spec');
  return startTask(call, async () => {
    const { change, disksToCreate } = readConfigSpec(spec);
    const vm = model.vm(self.id);
    // A running QEMU gets no new devices; a card's plug is all that can be moved.
    const newDevices = read.objects(spec.deviceChange).some((one) => read.text(one.operation) !== 'edit');
    if (newDevices && vm.power === 'poweredOn' && !model.isGuestModelled(vm)) {
      throw new VimFault('DeviceHotPlugNotSupported', { property: 'spec.deviceChange[0].device', deviceIndex: 0 });
    }
    const before = new Map(model.disks.all().map((disk) => [disk.path, disk]));
    await withNewDisks(call, disksToCreate, () => model.reconfigureVm(self.id, change));
    for (const disk of before.values()) {
      if (model.disks.find(disk.path) === undefined) await ground.removeDisk(disk);
    }
    await ground.plugNics(vm);
    await ground.writeVm(vm);
    await ground.showDisks();
    return undefined;
  });
}

function snapshot(call: Call): WireValue {
  return startTask(call, () => {
    const { model, self, params } = call;
    const id = model.createSnapshot(self.id, {
      name: read.text(params.name) ?? '',
      description: read.text(params.description) ?? '',
    });
    return snapshotRef(model.vm(self.id), id);
  });
}
