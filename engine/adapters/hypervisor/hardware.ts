import type { MoRef, VimData } from '#engine/protocol/vim25/values.ts';
import { dataListAt, dataListOf } from '#engine/protocol/vim25/values.ts';
import { countSnapshots } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { readOne } from './properties.ts';
import { runTask } from './tasks.ts';

export type DeviceChange = { readonly operation: 'add' | 'remove' | 'edit'; readonly device: VimData };
export type Hardware = {
  readonly changeVersion: string | undefined;
  readonly devices: readonly VimData[];
  readonly snapshots: number;
};

/** Throws `VimFault` ManagedObjectNotFound when the VM is gone. */
export async function readHardware({ client }: EsxiSession, vm: MoRef): Promise<Hardware> {
  const properties = await readOne(client, vm, ['config.changeVersion', 'config.hardware.device', 'snapshot']);
  const changeVersion = properties.get('config.changeVersion');
  return {
    changeVersion: typeof changeVersion === 'string' ? changeVersion : undefined,
    devices: dataListOf(properties.get('config.hardware.device')),
    snapshots: countSnapshots(dataListAt(properties.get('snapshot'), 'rootSnapshotList')),
  };
}

/** Refused by the host when the VM has changed since it was read: a unit that was free then may be taken now. */
export async function reconfigure(
  { client, clock, host }: EsxiSession,
  vm: MoRef,
  { changeVersion }: Hardware,
  deviceChange: readonly DeviceChange[],
  deadlineAtMs: number,
): Promise<void> {
  const spec: VimData = { ...(changeVersion === undefined ? {} : { changeVersion }), deviceChange };
  await runTask(client, vm, 'ReconfigVM_Task', { spec }, { clock, host, deadlineAtMs });
}
