import { managedNamed, propertiesOf, typeNamed } from '#engine/protocol/vim25/schema.ts';
import type { PropertyRow } from '#engine/protocol/vim25/schema.ts';
import type { TaskRecord } from '../model/taskBook.ts';
import { VimFault } from '../model/vimFault.ts';
import type { Session } from '../model/sessionBook.ts';
import { localizedFault, taskResult } from './encode.ts';
import {
  about,
  browserRef,
  dateTime,
  networkRef,
  poolNamed,
  poolRef,
  refs,
  serviceContent,
  vmRef,
} from './hostIdentity.ts';
import type { SimulatedHost } from './hostIdentity.ts';
import { vmProperties } from './vmProperties.ts';
import { isMoRef, moRef, read, typed } from './wireValue.ts';
import type { DataObject, MoRef, Typed, WireValue } from './wireValue.ts';

type Properties = Readonly<Record<string, () => WireValue | undefined>>;
/** Session objects that carry properties of their own: views. */
export type SessionObjects = { readonly views: ReadonlyMap<string, () => readonly MoRef[]> };
export type Reader = {
  readonly host: SimulatedHost;
  readonly objects: SessionObjects;
  readonly session: Session | undefined;
};

/** Whether a managed type is another one or derived from it. */
export function isManagedA(type: string, ancestor: string): boolean {
  for (let name: string | undefined = type; name !== undefined; name = managedNamed(name)?.base) {
    if (name === ancestor) return true;
  }
  // Views stand in the schema by their common base only.
  return type === 'ContainerView' && (ancestor === 'View' || ancestor === 'ManagedObjectView');
}

/** Every inventory object: what a recursive container view of the root sees. */
export function inventoryOf(host: SimulatedHost): readonly MoRef[] {
  const { model } = host;
  return [
    refs.datacenter,
    refs.vmFolder,
    refs.hostFolder,
    refs.datastoreFolder,
    refs.networkFolder,
    refs.computeResource,
    refs.host,
    ...model.resourcePools.map(poolRef),
    ...model.disks.datastores.map((one) => moRef('Datastore', one.id)),
    ...model.networks.map(networkRef),
    ...model.vms().map(vmRef),
  ];
}

/** The properties of an object. Faults: `ManagedObjectNotFound`. */
export function propertiesOfObject(reader: Reader, ref: MoRef): Properties {
  const found = findProperties(reader, ref);
  if (found === undefined) throw new VimFault('ManagedObjectNotFound', { obj: { type: ref.type, id: ref.id } });
  return found;
}

function findProperties(reader: Reader, ref: MoRef): Properties | undefined {
  const { host } = reader;
  const { model } = host;
  const folder = folderChildren(host)[ref.id];
  if (ref.type === 'Folder' && folder !== undefined) return folderProperties(host, ref, folder);
  switch (ref.type) {
    case 'VirtualMachine': {
      const vm = model.findVm(ref.id);
      return vm === undefined ? undefined : vmProperties(host, vm);
    }
    case 'Task': {
      const task = model.tasks.get(ref.id);
      return task === undefined ? undefined : { info: () => taskInfo(task) };
    }
    case 'Datastore':
      return datastoreProperties(host, ref);
    case 'Network': {
      const name = model.networks.find((one) => networkRef(one).id === ref.id);
      if (name === undefined) return undefined;
      const summary = { $type: 'NetworkSummary', network: ref, name, accessible: true, ipPoolName: '' };
      return { ...entity(name, refs.networkFolder), summary: () => summary, host: () => [refs.host] };
    }
    case 'ResourcePool': {
      const name = poolNamed(host, ref.id);
      if (name === undefined) return undefined;
      return {
        ...entity(name, name === 'Resources' ? refs.computeResource : refs.rootPool),
        owner: () => refs.computeResource,
        vm: () =>
          model
            .vms()
            .filter((vm) => vm.resourcePool === name)
            .map(vmRef),
        resourcePool: () =>
          name === 'Resources' ? model.resourcePools.filter((one) => one !== name).map(poolRef) : [],
      };
    }
    case 'ContainerView': {
      const view = reader.objects.views.get(ref.id);
      return view === undefined ? undefined : { view };
    }
    default:
      return fixedObject(reader, ref);
  }
}

function fixedObject({ host, session }: Reader, ref: MoRef): Properties | undefined {
  const datastores = (): WireValue => host.model.disks.datastores.map((one) => moRef('Datastore', one.id));
  const networks = (): WireValue => host.model.networks.map(networkRef);
  switch (ref.id) {
    case 'ServiceInstance':
      return { content: () => serviceContent(host), serverClock: () => dateTime(host.model.clock.nowMs()) };
    case refs.datacenter.id:
      return {
        ...entity('ha-datacenter', refs.rootFolder),
        vmFolder: () => refs.vmFolder,
        hostFolder: () => refs.hostFolder,
        datastoreFolder: () => refs.datastoreFolder,
        networkFolder: () => refs.networkFolder,
        datastore: datastores,
        network: networks,
      };
    case refs.computeResource.id:
      return {
        ...entity(host.hostName, refs.hostFolder),
        resourcePool: () => refs.rootPool,
        host: () => [refs.host],
        datastore: datastores,
        network: networks,
      };
    case refs.host.id:
      return {
        ...entity(host.hostName, refs.computeResource),
        summary: () => hostSummary(host),
        runtime: () => hostRuntime(host),
        datastore: datastores,
        network: networks,
        vm: () => host.model.vms().map(vmRef),
      };
    case refs.sessionManager.id:
      return {
        currentSession: () => (session === undefined ? undefined : userSession(session)),
        defaultLocale: () => 'en',
      };
    case refs.taskManager.id:
      return {
        recentTask: () =>
          host.model.tasks
            .all()
            .slice(-20)
            .map((one) => moRef('Task', one.id)),
      };
    case refs.licenseManager.id:
      return { licenses: () => [license()], licensedEdition: () => 'esx.standard' };
    default:
      return undefined;
  }
}

function entity(name: string, parent: MoRef): Properties {
  return { name: () => name, parent: () => parent, overallStatus: () => 'green', configStatus: () => 'green' };
}

function folderChildren(host: SimulatedHost): Readonly<Record<string, readonly MoRef[]>> {
  return {
    [refs.rootFolder.id]: [refs.datacenter],
    [refs.vmFolder.id]: host.model.vms().map(vmRef),
    [refs.hostFolder.id]: [refs.computeResource],
    [refs.datastoreFolder.id]: host.model.disks.datastores.map((one) => moRef('Datastore', one.id)),
    [refs.networkFolder.id]: host.model.networks.map(networkRef),
  };
}

function folderProperties(host: SimulatedHost, ref: MoRef, children: readonly MoRef[]): Properties {
  const root = ref.id === refs.rootFolder.id;
  const { parent, ...rest } = entity(ref.id.replace(/^ha-folder-/, ''), refs.datacenter);
  return { ...rest, ...(root || parent === undefined ? {} : { parent }), childEntity: () => children };
}

function datastoreProperties(host: SimulatedHost, ref: MoRef): Properties | undefined {
  const { disks } = host.model;
  const datastore = disks.datastores.find((one) => one.id === ref.id);
  if (datastore === undefined) return undefined;
  const url = `/vmfs/volumes/${datastore.id}`;
  const freeSpace = (): number => disks.freeBytes(datastore.name);
  return {
    ...entity(datastore.name, refs.datastoreFolder),
    summary: () => ({
      $type: 'DatastoreSummary',
      datastore: ref,
      name: datastore.name,
      url,
      capacity: datastore.capacityBytes,
      freeSpace: freeSpace(),
      uncommitted: 0,
      accessible: datastore.accessible,
      multipleHostAccess: false,
      type: 'VMFS',
      maintenanceMode: 'normal',
    }),
    info: () => ({
      $type: 'VmfsDatastoreInfo',
      name: datastore.name,
      url,
      freeSpace: freeSpace(),
      maxFileSize: 70_368_744_177_664,
      maxVirtualDiskCapacity: 68_169_720_922_112,
      maxMemoryFileSize: 70_368_744_177_664,
      maxPhysicalRDMFileSize: 70_368_744_177_664,
      maxVirtualRDMFileSize: 68_169_720_922_112,
    }),
    browser: () => browserRef(datastore.id),
    vm: () =>
      host.model
        .vms()
        .filter((vm) => vm.vmPathName.startsWith(`[${datastore.name}]`))
        .map(vmRef),
  };
}

function hostRuntime(host: SimulatedHost): DataObject {
  return {
    $type: 'HostRuntimeInfo',
    connectionState: 'connected',
    powerState: 'poweredOn',
    inMaintenanceMode: false,
    bootTime: dateTime(host.model.startedAtMs),
  };
}

function hostSummary(host: SimulatedHost): DataObject {
  return {
    $type: 'HostListSummary',
    host: refs.host,
    hardware: {
      $type: 'HostHardwareSummary',
      vendor: 'Kagemusha',
      model: 'ESXi simulator',
      uuid: '00000000-0000-0000-0000-000000000000',
      memorySize: 64 * 2 ** 30,
      cpuModel: 'Simulated CPU',
      cpuMhz: 2400,
      numCpuPkgs: 1,
      numCpuCores: 16,
      numCpuThreads: 16,
      numNics: 1,
      numHBAs: 1,
    },
    runtime: hostRuntime(host),
    config: {
      $type: 'HostConfigSummary',
      name: host.hostName,
      port: host.port(),
      sslThumbprint: host.sslThumbprint,
      product: about(host),
      vmotionEnabled: false,
      faultToleranceEnabled: false,
    },
    quickStats: { $type: 'HostListSummaryQuickStats' },
    overallStatus: 'green',
    rebootRequired: false,
  };
}

export function userSession(session: Session): DataObject {
  return {
    $type: 'UserSession',
    key: session.key,
    userName: session.userName,
    fullName: 'Administrator',
    loginTime: dateTime(session.loggedInAtMs),
    lastActiveTime: dateTime(session.lastActiveAtMs),
    locale: 'en',
    messageLocale: 'en',
    extensionSession: false,
    ipAddress: '127.0.0.1',
    userAgent: '',
    callCount: session.callCount,
  };
}

function license(): DataObject {
  return {
    $type: 'LicenseManagerLicenseInfo',
    licenseKey: '00000-00000-00000-00000-00000',
    editionKey: 'esx.standard.cpuPackage',
    name: 'vSphere 6 Standard',
    total: 0,
    costUnit: 'cpuPackage',
  };
}

function taskInfo(task: TaskRecord): DataObject {
  const { entity, fault } = task;
  const result = taskResult(task.result);
  return {
    $type: 'TaskInfo',
    key: task.id,
    task: moRef('Task', task.id),
    name: task.method,
    descriptionId: `${entity.type}.${task.method.replace(/_Task$/, '')}`,
    // A task of a service (virtual disks, files) has no entity.
    ...(isManagedA(entity.type, 'ManagedEntity')
      ? { entity: moRef(entity.type, entity.id), entityName: task.entityName }
      : {}),
    state: task.state,
    cancelled: false,
    cancelable: false,
    ...(fault === undefined ? {} : { error: localizedFault(fault) }),
    ...(result === undefined ? {} : { result }),
    reason: { $type: 'TaskReason' },
    queueTime: dateTime(task.queuedAtMs),
    ...(task.startedAtMs === undefined ? {} : { startTime: dateTime(task.startedAtMs) }),
    ...(task.completedAtMs === undefined ? {} : { completeTime: dateTime(task.completedAtMs) }),
    eventChainId: 1,
  };
}

/** Rows of the properties of a managed type, its bases' included. */
export function managedProperties(type: string): readonly PropertyRow[] {
  if (type === 'ContainerView') return [['view', 'MoRef<ManagedEntity>[]', '?', '2.5']];
  const rows: PropertyRow[] = [];
  for (let name: string | undefined = type; name !== undefined; name = managedNamed(name)?.base) {
    rows.push(...(managedNamed(name)?.props ?? []));
  }
  return rows;
}

/** A property by its dotted path, e.g. `summary.freeSpace`; undefined when unset. Faults: `InvalidProperty`. */
export function readProperty(properties: Properties, type: string, path: string): Typed | undefined {
  const segments = path.split('.');
  let declared = type;
  let value: WireValue | undefined;
  for (const [depth, segment] of segments.entries()) {
    const match = /^(\w+)(?:\["?([^"\]]+)"?\])?$/.exec(segment);
    const name = match?.[1];
    const rows = depth === 0 ? managedProperties(declared) : propertiesOf(read.object(value)?.$type ?? declared);
    const row = rows.find(([one]) => one === name);
    if (name === undefined || row === undefined) throw new VimFault('InvalidProperty', { name: path });
    if (depth === 0) value = properties[name]?.();
    else value = read.object(value)?.[name];
    declared = row[1];
    const key = match?.[2];
    if (key !== undefined && declared.endsWith('[]')) {
      declared = declared.slice(0, -2);
      value = read.objects(value).find((one) => String(one.key) === key);
    }
    const more = depth < segments.length - 1;
    // The schema is checked to the end of the path even where the value is unset.
    if (more && typeNamed(declared)?.kind !== 'data') throw new VimFault('InvalidProperty', { name: path });
  }
  if (value === undefined) return undefined;
  return typed(isMoRef(value) ? 'MoRef' : declared, value);
}
