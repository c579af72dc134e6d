import { request } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import type { EsxiSimulator, EsxiSimulatorOptions } from '#simulators/hypervisor/startEsxiSimulator.ts';

export type Answer = { readonly status: number; readonly body: string; readonly cookie: string | undefined };

/** A client by hand: text out, text in. It shares no code with the product's client or with the simulator. */
export function send(
  port: number,
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body = '' } = options;
    const outgoing = request(
      { host: '127.0.0.1', port, path, method, headers, rejectUnauthorized: false, agent: false },
      (incoming) => {
        const pieces: Buffer[] = [];
        incoming.on('data', (piece: Buffer) => pieces.push(piece));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const cookie = incoming.headers['set-cookie']?.[0]?.split(';')[0];
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8'), cookie });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const self = (type: string, id: string): string => `<_this type="${type}">${id}</_this>`;
const sessionManager = self('SessionManager', 'ha-sessionmgr');
const diskManager = self('VirtualDiskManager', 'ha-vdiskmanager');

export class SoapClient {
  readonly port: number;
  cookie: string | undefined;
  version = '6.7.1';

  constructor(port: number) {
    this.port = port;
  }

  async call(method: string, inner: string): Promise<Answer> {
    const body =
      '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"' +
      ' xmlns:x="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">' +
      `<e:Body><${method} xmlns="urn:vim25">${inner}</${method}></e:Body></e:Envelope>`;
    const headers: Record<string, string> = {
      'Content-Type': 'text/xml; charset=utf-8',
      SOAPAction: `"urn:vim25/${this.version}"`,
      ...(this.cookie === undefined ? {} : { Cookie: this.cookie }),
    };
    const answer = await send(this.port, '/sdk', { method: 'POST', headers, body });
    this.cookie = answer.cookie ?? this.cookie;
    return answer;
  }

  login(password = 'secret'): Promise<Answer> {
    return this.call('Login', `${sessionManager}<userName>root</userName><password>${password}</password>`);
  }

  /** One property as the text of its element, '' when unset. */
  async property(type: string, id: string, path: string): Promise<string> {
    const answer = await this.call(
      'RetrievePropertiesEx',
      `${self('PropertyCollector', 'ha-property-collector')}<specSet><propSet><type>${type}</type>` +
        `<pathSet>${path}</pathSet></propSet><objectSet><obj type="${type}">${id}</obj></objectSet></specSet><options/>`,
    );
    return /<val[^>]*>(.*)<\/val>/s.exec(answer.body)?.[1] ?? '';
  }

  /** Waits for the task that an answer names; gives its TaskInfo. */
  async finish(answer: Answer): Promise<string> {
    const task = /<returnval type="Task">([^<]+)</.exec(answer.body)?.[1];
    if (task === undefined) throw new Error(`no task in ${answer.body}`);
    for (;;) {
      const info = await this.property('Task', task, 'info');
      if (/<state>(success|error)<\/state>/.test(info)) return info;
    }
  }

  async task(method: string, inner: string): Promise<string> {
    return this.finish(await this.call(method, inner));
  }

  /** TaskInfo of a new thin disk. */
  async createDisk(path: string, capacityKb: number): Promise<string> {
    return this.task(
      'CreateVirtualDisk_Task',
      `${diskManager}<name>${path}</name><datacenter type="Datacenter">ha-datacenter</datacenter>` +
        `<spec x:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType>` +
        `<capacityKb>${capacityKb}</capacityKb></spec>`,
    );
  }

  makeFolder(path: string): Promise<Answer> {
    const fileManager = self('FileManager', 'ha-nfc-file-manager');
    return this.call(
      'MakeDirectory',
      `${fileManager}<name>${path}</name><createParentDirectories>true</createParentDirectories>`,
    );
  }
}

export function addDisk(path: string, unit: number, controllerKey = 1000): string {
  return (
    `<deviceChange><operation>add</operation><device x:type="VirtualDisk"><key>-1</key>` +
    `<backing x:type="VirtualDiskFlatVer2BackingInfo"><fileName>${path}</fileName>` +
    `<diskMode>independent_persistent</diskMode></backing><controllerKey>${controllerKey}</controllerKey>` +
    `<unitNumber>${unit}</unitNumber><capacityInKB>0</capacityInKB></device></deviceChange>`
  );
}

export const addController =
  '<deviceChange><operation>add</operation><device x:type="ParaVirtualSCSIController"><key>-100</key>' +
  '<busNumber>0</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>';

export function reconfigure(vmId: string, spec: string): string {
  return `${self('VirtualMachine', vmId)}<spec>${spec}</spec>`;
}

export function createVm(name: string, deviceChanges: string): string {
  return (
    `${self('Folder', 'ha-folder-vm')}<config><name>${name}</name><guestId>otherGuest64</guestId>` +
    `<files><vmPathName>[datastore1]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>64</memoryMB>` +
    `${deviceChanges}</config><pool type="ResourcePool">ha-root-pool</pool>`
  );
}

export type Bench = { readonly simulator: EsxiSimulator; readonly client: SoapClient; readonly folder: string };

/** A simulator with a folder of its own, a logged-in client, and their end. */
export async function startBench(
  options: Partial<EsxiSimulatorOptions> = {},
): Promise<Bench & { close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'esxi-test-'));
  const simulator = await startEsxiSimulator({
    port: 0,
    user: 'root',
    password: 'secret',
    datastoreFolder: join(folder, 'datastores'),
    guestDiskFolder: join(folder, 'guest'),
    modelledVms: ['appliance'],
    qemu: false,
    taskLatencyMs: 1,
    guestUpAfterMs: 1,
    ...options,
  });
  const client = new SoapClient(simulator.port);
  await client.login();
  return {
    simulator,
    client,
    folder,
    close: async () => {
      await simulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
