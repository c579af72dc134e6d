import type { HypervisorModel } from '../model/hypervisorModel.ts';
import type { VmRecord } from '../model/state.ts';
import { moRef } from './wireValue.ts';
import type { DataObject, MoRef } from './wireValue.ts';

/** Newest first: the API versions that the simulated host speaks. */
export const apiVersions = ['6.7.1', '6.7', '6.5', '6.0', '5.5', '5.1', '5.0', '4.1', '4.0', '2.5', '2.0'] as const;

export type SimulatedHost = {
  readonly model: HypervisorModel;
  readonly hostName: string;
  readonly port: () => number;
  /** SHA-1 of the leaf certificate, as `summary.config.sslThumbprint` has it. */
  readonly sslThumbprint: string;
  /** Whether guests boot in QEMU. */
  readonly qemu: boolean;
};

/** The fixed objects of a standalone host, with the ids that ESXi gives them. */
export const refs = {
  serviceInstance: moRef('ServiceInstance', 'ServiceInstance'),
  rootFolder: moRef('Folder', 'ha-folder-root'),
  vmFolder: moRef('Folder', 'ha-folder-vm'),
  hostFolder: moRef('Folder', 'ha-folder-host'),
  datastoreFolder: moRef('Folder', 'ha-folder-datastore'),
  networkFolder: moRef('Folder', 'ha-folder-network'),
  datacenter: moRef('Datacenter', 'ha-datacenter'),
  computeResource: moRef('ComputeResource', 'ha-compute-res'),
  host: moRef('HostSystem', 'ha-host'),
  rootPool: moRef('ResourcePool', 'ha-root-pool'),
  propertyCollector: moRef('PropertyCollector', 'ha-property-collector'),
  viewManager: moRef('ViewManager', 'ViewManager'),
  sessionManager: moRef('SessionManager', 'ha-sessionmgr'),
  searchIndex: moRef('SearchIndex', 'ha-searchindex'),
  fileManager: moRef('FileManager', 'ha-nfc-file-manager'),
  virtualDiskManager: moRef('VirtualDiskManager', 'ha-vdiskmanager'),
  taskManager: moRef('TaskManager', 'ha-taskmgr'),
  licenseManager: moRef('LicenseManager', 'ha-license-manager'),
} as const;

export const vmRef = (vm: VmRecord): MoRef => moRef('VirtualMachine', vm.id);
export const networkRef = (name: string): MoRef => moRef('Network', `HaNetwork-${name}`);
export const poolRef = (name: string): MoRef =>
  name === 'Resources' ? refs.rootPool : moRef('ResourcePool', `pool-${name}`);
export const browserRef = (datastoreId: string): MoRef =>
  moRef('HostDatastoreBrowser', `${datastoreId}-datastorebrowser`);
export const dateTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

/** Name of the pool that an id stands for. */
export function poolNamed(host: SimulatedHost, id: string): string | undefined {
  return host.model.resourcePools.find((name) => poolRef(name).id === id);
}

export function about(host: SimulatedHost): DataObject {
  const guests = host.qemu ? 'guests boot in QEMU' : 'guests are simulated';
  return {
    $type: 'AboutInfo',
    name: 'VMware ESXi',
    fullName: `VMware ESXi 6.7.0 build-14320388 (Kagemusha simulator; ${guests})`,
    vendor: 'VMware, Inc.',
    version: '6.7.0',
    build: '14320388',
    localeVersion: 'INTL',
    localeBuild: '000',
    osType: 'vmnix-x86',
    productLineId: 'embeddedEsx',
    apiType: 'HostAgent',
    apiVersion: '6.7.1',
    licenseProductName: 'VMware ESX Server',
    licenseProductVersion: '6.0',
  };
}

export function serviceContent(host: SimulatedHost): DataObject {
  return {
    $type: 'ServiceContent',
    rootFolder: refs.rootFolder,
    propertyCollector: refs.propertyCollector,
    viewManager: refs.viewManager,
    about: about(host),
    sessionManager: refs.sessionManager,
    taskManager: refs.taskManager,
    licenseManager: refs.licenseManager,
    searchIndex: refs.searchIndex,
    fileManager: refs.fileManager,
    virtualDiskManager: refs.virtualDiskManager,
  };
}
