import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { HypervisorInventory, VmRole, VmState } from '#machines/parties/hypervisor.ts';
import type { MoRef, VimData } from '#engine/protocol/vim25/values.ts';
import { booleanAt, dataAt, dataListAt, dataListOf, moRefAt, numberAt, textAt } from '#engine/protocol/vim25/values.ts';
import { isA } from '#engine/protocol/vim25/schema.ts';
import { VimFault } from './faults.ts';
import { readAll, readOne } from './properties.ts';
import type { Found, Properties } from './properties.ts';
import type { VimClient } from './VimClient.ts';

/** What every part of the adapter works with. */
export type EsxiSession = { readonly client: VimClient; readonly clock: Clock; readonly host: string };

/** Where the tag stands in a VM's extraConfig. */
export const tagKeys = {
  scenarioId: 'guestinfo.kagemusha.scenarioId',
  role: 'guestinfo.kagemusha.role',
  ticket: 'guestinfo.kagemusha.ticket',
} as const;

const vmPaths = ['name', 'runtime.powerState', 'config.extraConfig', 'config.hardware.device', 'snapshot'] as const;

/** Everything the wizard lists and verification checks. Free space is refreshed first: hosts cache it. */
export async function readInventory(session: EsxiSession): Promise<HypervisorInventory> {
  const { client } = session;
  const about = (await client.serviceContent())['about'];
  const datastores = await readAll(client, [{ type: 'Datastore', paths: ['summary'] }]);
  await Promise.all(datastores.map(({ ref }) => refreshStorage(client, ref)));
  const found = await readAll(client, [
    { type: 'Datastore', paths: ['summary'] },
    { type: 'Network', paths: ['name'] },
    { type: 'ResourcePool', paths: ['name'] },
    { type: 'HostSystem', paths: ['runtime.inMaintenanceMode'] },
    { type: 'VirtualMachine', paths: vmPaths },
  ]);
  const ofType = (type: string): readonly Found[] => found.filter(({ ref }) => ref.type === type);
  const maintenance = ofType('HostSystem').some(
    ({ properties }) => properties.get('runtime.inMaintenanceMode') === true,
  );
  return {
    product: textAt(about, 'name') ?? 'VMware ESXi',
    version: textAt(about, 'version') ?? '?',
    writable: !maintenance && !(await isFreeLicence(client)),
    datastores: ofType('Datastore').map(({ properties }) => {
      const summary = properties.get('summary');
      return {
        name: textAt(summary, 'name') ?? '?',
        capacityBytes: numberAt(summary, 'capacity') ?? 0,
        freeBytes: numberAt(summary, 'freeSpace') ?? 0,
        accessible: booleanAt(summary, 'accessible') ?? false,
      };
    }),
    networks: ofType('Network').map(({ properties }) => ({ name: nameIn(properties) })),
    resourcePools: ofType('ResourcePool').map(({ properties }) => ({ name: nameIn(properties) })),
    vms: ofType('VirtualMachine').map(({ ref, properties }) => vmStateOf(ref, properties)),
  };
}

/** A VM, and the disks that its own ones read through to: locked for everybody who writes. */
export type VmDisks = { readonly vm: VmState; readonly basePaths: readonly string[] };

/** Every VM of the host. */
export async function readVms(session: EsxiSession): Promise<readonly VmState[]> {
  return (await readVmDisks(session)).map(({ vm }) => vm);
}

/** Every VM of the host with what its disks stand on. */
export async function readVmDisks({ client }: EsxiSession): Promise<readonly VmDisks[]> {
  const found = await readAll(client, [{ type: 'VirtualMachine', paths: vmPaths }]);
  return found.map(({ ref, properties }) => ({
    vm: vmStateOf(ref, properties),
    basePaths: disksIn(dataListOf(properties.get('config.hardware.device'))).flatMap((disk) =>
      basePathsOf(dataAt(disk, 'backing.parent')),
    ),
  }));
}

const basePathsOf = (backing: VimData | undefined): readonly string[] =>
  backing === undefined ? [] : [textAt(backing, 'fileName') ?? '?', ...basePathsOf(dataAt(backing, 'parent'))];

/**
 * Refuses to write to disks that a VM has children of. A host refuses only while that VM runs, and calls the child
 * corrupt when it is switched on later. Fault: `locked`.
 */
export function refuseBases(paths: readonly string[], vms: readonly VmDisks[]): void {
  const path = paths.find((one) => vms.some(({ basePaths }) => basePaths.includes(one)));
  if (path !== undefined) throw new PartyFault('locked', { path }, 'none');
}

/** One VM. Throws `VimFault` ManagedObjectNotFound when it is gone. */
export async function readVm({ client }: EsxiSession, ref: MoRef): Promise<VmState> {
  return vmStateOf(ref, await readOne(client, ref, vmPaths));
}

/** Fault: `notFound`. */
export async function findByName({ client }: EsxiSession, type: string, name: string): Promise<MoRef> {
  const found = await readAll(client, [{ type, paths: ['name'] }]);
  const match = found.find(({ properties }) => properties.get('name') === name);
  if (match === undefined) throw new PartyFault('notFound', { object: `${type} ${name}` });
  return match.ref;
}

/** The datacenter and the folder in which VMs are made; a standalone host has one of each. */
export async function theDatacenter({
  client,
}: EsxiSession): Promise<{ readonly ref: MoRef; readonly name: string; readonly vmFolder: MoRef }> {
  const found = await readAll(client, [{ type: 'Datacenter', paths: ['name', 'vmFolder'] }]);
  const first = found[0];
  const vmFolder = first?.properties.get('vmFolder');
  if (first === undefined || vmFolder === undefined) throw new PartyFault('notFound', { object: 'Datacenter' });
  return { ref: first.ref, name: nameIn(first.properties), vmFolder: vmFolder as MoRef };
}

/** The pool of this name, or the root pool of the host. Fault: `notFound`. */
export async function resourcePoolNamed(session: EsxiSession, name: string | undefined): Promise<MoRef> {
  if (name !== undefined) return findByName(session, 'ResourcePool', name);
  const found = await readAll(session.client, [{ type: 'ComputeResource', paths: ['resourcePool'] }]);
  const pool = found[0]?.properties.get('resourcePool');
  if (pool === undefined) throw new PartyFault('notFound', { object: 'ResourcePool' });
  return pool as MoRef;
}

function vmStateOf(ref: MoRef, properties: Properties): VmState {
  const tag = tagIn(dataListOf(properties.get('config.extraConfig')));
  const devices = dataListOf(properties.get('config.hardware.device'));
  const power = powerOf(properties.get('runtime.powerState'));
  return {
    vmId: ref.value,
    name: nameIn(properties),
    power,
    ...(tag === undefined ? {} : { tag }),
    diskPaths: disksIn(devices).map((disk) => textAt(disk, 'backing.fileName') ?? '?'),
    nics: nicsIn(devices).map((nic) => ({
      network: textAt(nic, 'backing.deviceName') ?? textAt(nic, 'backing.port.portgroupKey') ?? '?',
      // A plug that is in at the next start counts: nobody asks again before that.
      connected: booleanAt(nic, power === 'off' ? 'connectable.startConnected' : 'connectable.connected') ?? false,
    })),
    snapshots: countSnapshots(dataListAt(properties.get('snapshot'), 'rootSnapshotList')),
  };
}

export const disksIn = (devices: readonly VimData[]): readonly VimData[] =>
  devices.filter((device) => isA(device.$type ?? '', 'VirtualDisk'));

export const nicsIn = (devices: readonly VimData[]): readonly VimData[] =>
  devices.filter((device) => isA(device.$type ?? '', 'VirtualEthernetCard'));

export const countSnapshots = (trees: readonly VimData[]): number =>
  trees.reduce((sum, tree) => sum + 1 + countSnapshots(dataListAt(tree, 'childSnapshotList')), 0);

const roles: ReadonlySet<string> = new Set<VmRole>(['appliance', 'substituteVm', 'testVm']);

function tagIn(extraConfig: readonly VimData[]): VmState['tag'] {
  const valueOf = (key: string): string | undefined =>
    textAt(
      extraConfig.find((option) => option['key'] === key),
      'value',
    );
  const scenarioId = valueOf(tagKeys.scenarioId);
  const role = valueOf(tagKeys.role);
  if (scenarioId === undefined || role === undefined || !roles.has(role)) return undefined;
  return { scenarioId, role: role as VmRole };
}

function powerOf(powerState: unknown): VmState['power'] {
  if (powerState === 'poweredOn') return 'on';
  if (powerState === 'poweredOff') return 'off';
  return powerState === 'suspended' ? 'suspended' : 'unknown';
}

const nameIn = (properties: Properties): string => String(properties.get('name') ?? '?');

async function refreshStorage(client: VimClient, datastore: MoRef): Promise<void> {
  try {
    await client.call(datastore, 'RefreshDatastoreStorageInfo');
  } catch (error) {
    // A datastore that is away cannot be refreshed; its summary says so.
    if (!(error instanceof VimFault)) throw error;
  }
}

/** The free edition answers every change with `RestrictedVersion`; its licence key is the only sign beforehand. */
async function isFreeLicence(client: VimClient): Promise<boolean> {
  const licenseManager = moRefAt(await client.serviceContent(), 'licenseManager');
  if (licenseManager === undefined) return false;
  try {
    const licenses = dataListOf((await readOne(client, licenseManager, ['licenses'])).get('licenses'));
    return licenses.length > 0 && licenses.every((one) => (textAt(one, 'editionKey') ?? '').startsWith('esxBasic'));
  } catch (error) {
    // A user without the right to read licences may still have every right that matters.
    if (error instanceof VimFault) return false;
    throw error;
  }
}
