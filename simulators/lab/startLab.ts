import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SwitchoverMode } from '#machines/vocabulary.ts';
import { buildBootableDisk } from './bootableDisk.ts';
import type { BootableDisk } from './bootableDisk.ts';
import { labCertificates } from './certificates.ts';
import type { IdentityFiles } from './certificates.ts';
import { ControlClient } from './controlClient.ts';
import { attachLoop, cleanLoops, detachLoop } from './loopDevice.ts';
import { canBoot, ensurePackages } from './packages.ts';
import { killLeftoverProcesses, startProcess, stopAllProcesses } from './processes.ts';
import type { LabProcess } from './processes.ts';

export const root = join(import.meta.dirname, '..', '..');

export type LabPorts = {
  readonly control: number;
  readonly appliance: number;
  readonly master: number;
  readonly esxi: number;
};
export const usualPorts: LabPorts = { control: 8088, appliance: 25_000, master: 25_001, esxi: 8443 };
/** Any free port: for tests beside a running lab. */
export const anyPorts: LabPorts = { control: 0, appliance: 0, master: 0, esxi: 0 };

export type LabOptions = {
  readonly folder: string;
  readonly ports: LabPorts;
  readonly say: (sentence: string) => void;
  /** Numbered writes a second on the master's disk. */
  readonly writesPerSecond?: number;
};

const password = 'lab-Kagemusha-1';
export const substituteVmName = 'kagemusha-double';

/** One machine playing all parts: real processes, real sockets, real blocks, ESXi's wire protocol, a boot in QEMU. */
export type Lab = {
  readonly controlUrl: string;
  readonly control: ControlClient;
  readonly ports: LabPorts;
  /** The substitute VM really boots; otherwise its boot is a simulated one. */
  readonly boots: boolean;
  readonly masterDevice: string;
  readonly datastoreFolder: string;
  readonly workloadLogPath: string;
  readonly processes: { readonly appliance: LabProcess; readonly master: LabProcess; readonly workload: LabProcess };
  /** A scenario for this lab, as one would send it to `/api/scenarios`. */
  scenario(options: {
    readonly name: string;
    readonly switchover: SwitchoverMode;
    readonly isAlive: { readonly heartbeatMs: number; readonly timeoutMs: number };
  }): Promise<unknown>;
  /** Ends the master as a power cut does: engine and workload in one instant. */
  killMaster(): Promise<void>;
  /** `kill -9` of the appliance's engine; `restartAppliance` starts it again on the same state. */
  killAppliance(): Promise<void>;
  restartAppliance(): Promise<void>;
  stop(): Promise<void>;
};

export async function startLab(options: LabOptions): Promise<Lab> {
  const { folder, say } = options;
  const packages = await ensurePackages({ say });
  await killLeftoverProcesses(folder);
  if (packages.losetup) await cleanLoops(folder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  say('Building a bootable Linux disk …');
  const image = join(folder, 'master', 'disk.img');
  const disk = await buildBootableDisk(image, { packages, hostname: 'web-server' });
  const device = await attachLoop(image);
  try {
    return await startParts(options, { disk, device, boots: canBoot(packages) });
  } catch (thrown) {
    await stopAllProcesses();
    await detachLoop(device);
    throw thrown;
  }
}

type Ground = { readonly disk: BootableDisk; readonly device: string; readonly boots: boolean };

async function startParts(options: LabOptions, { disk, device, boots }: Ground): Promise<Lab> {
  const { folder } = options;
  const certificates = await labCertificates(folder);
  const esxi = await startEsxi(options, boots);
  const workloadLogPath = join(folder, 'master', 'workload.log');
  const workload = await startWorkload(options, disk, device, workloadLogPath);
  const master = await startEngine(folder, 'master', options.ports.master, certificates.master, {
    master: { disks: [device], systemDisk: device, firmware: 'bios' },
  });
  const appliancePart = { appliance: { diskFolder: join(folder, 'guests', 'appliance') } };
  let appliance = await startEngine(
    folder,
    'appliance',
    options.ports.appliance,
    certificates.appliance,
    appliancePart,
  );
  const ports = {
    ...options.ports,
    esxi: Number(esxi.listening),
    master: Number(master.listening),
    appliance: Number(appliance.listening),
  };
  const controlProcess = await startControl(folder, ports, certificates.control);
  const controlPort = Number(controlProcess.listening);
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const control = new ControlClient(controlUrl);
  await control.untilEnginesConnected();
  await control.post('/api/secrets', { name: 'esxi', value: password });
  const certificateSha256 = await certificateOf(folder);
  return {
    controlUrl,
    control,
    ports: { ...ports, control: controlPort },
    boots,
    masterDevice: device,
    datastoreFolder: join(folder, 'esxi'),
    workloadLogPath,
    get processes() {
      return { appliance, master, workload };
    },
    scenario: async ({ name, switchover, isAlive }) => ({
      name,
      master: { disks: await control.masterDisks() },
      appliance: { vmName: 'appliance' },
      hypervisor: {
        host: '127.0.0.1',
        port: ports.esxi,
        user: 'root',
        secretName: 'esxi',
        certificateSha256,
        datastore: 'datastore1',
      },
      substituteVm: {
        name: substituteVmName,
        cpus: 2,
        memoryMiB: 512,
        nicMapping: { highAvailability: [{ network: 'VM Network' }] },
      },
      isAlive,
      switchover,
      spool: { spoolBytesMax: 256 * 2 ** 20 },
    }),
    killMaster: async () => {
      await Promise.all([master.kill(), workload.kill()]);
    },
    killAppliance: () => appliance.kill(),
    restartAppliance: async () => {
      appliance = await startEngine(folder, 'appliance', ports.appliance, certificates.appliance, appliancePart);
    },
    stop: async () => {
      await stopAllProcesses();
      await detachLoop(device);
    },
  };
}

const certificateOf = async (folder: string): Promise<string> =>
  (await readFile(join(folder, 'esxi.sha256'), 'utf8')).trim();

async function startEsxi({ folder, ports }: LabOptions, boots: boolean): Promise<LabProcess> {
  const esxi = await startProcess({
    name: 'esxi-simulator',
    folder,
    script: join(root, 'simulators/hypervisor/main.ts'),
    args: [
      '--port',
      `${ports.esxi}`,
      '--user',
      'root',
      '--datastore',
      join(folder, 'esxi'),
      '--guest-disks',
      join(folder, 'guests'),
      '--modelled-vm',
      'appliance',
      '--state',
      join(folder, 'esxi.state.json'),
      '--capacity',
      `${20 * 2 ** 30}`,
      ...(boots ? [] : ['--no-qemu']),
    ],
    // In the environment: a command line is for everybody to read.
    env: { ESXI_SIMULATOR_PASSWORD: password },
  });
  const ready = /^\{"listening".*\}$/m.exec(await readFile(esxi.logPath, 'utf8'))?.[0] ?? '{}';
  await writeFile(join(folder, 'esxi.sha256'), (JSON.parse(ready) as { certificateSha256: string }).certificateSha256);
  return esxi;
}

function startWorkload(
  { folder, writesPerSecond = 200 }: LabOptions,
  disk: BootableDisk,
  device: string,
  log: string,
): Promise<LabProcess> {
  return startProcess({
    name: 'workload',
    folder,
    script: join(root, 'simulators/lab/workload.ts'),
    args: [
      '--device',
      device,
      '--offset',
      `${disk.workloadOffset}`,
      '--slots',
      `${disk.workloadSlots}`,
      '--log',
      log,
      '--rate',
      `${writesPerSecond}`,
    ],
  });
}

async function startEngine(
  folder: string,
  node: string,
  port: number,
  tls: IdentityFiles,
  roles: Record<string, unknown>,
): Promise<LabProcess> {
  const config = join(folder, node, 'engine.json');
  await mkdir(join(folder, node), { recursive: true });
  await writeFile(
    config,
    JSON.stringify(
      {
        node,
        listen: { host: '127.0.0.1', port },
        folder: join(folder, node, 'engine'),
        tls: { caFile: tls.ca, certFile: tls.cert, keyFile: tls.key },
        ...roles,
      },
      null,
      2,
    ),
  );
  return startProcess({
    name: `engine-${node}`,
    folder,
    script: join(root, 'engine/main.ts'),
    args: ['--config', config],
  });
}

async function startControl(folder: string, ports: LabPorts, tls: IdentityFiles): Promise<LabProcess> {
  const home = join(folder, 'control');
  const config = join(home, 'control.json');
  await mkdir(home, { recursive: true });
  const at = (port: number) => ({ host: '127.0.0.1', port });
  await writeFile(
    config,
    JSON.stringify(
      {
        listen: at(ports.control),
        folder: home,
        appliance: at(ports.appliance),
        master: at(ports.master),
        tls: { caFile: tls.ca, certFile: tls.cert, keyFile: tls.key },
      },
      null,
      2,
    ),
  );
  return startProcess({ name: 'control', folder, script: join(root, 'control/main.ts'), args: ['--config', config] });
}
