import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostAddress } from '#machines/vocabulary.ts';
import { buildBootableDisk } from './bootableDisk.ts';
import type { BootableDisk } from './bootableDisk.ts';
import { labCertificates } from './certificates.ts';
import { ControlClient } from './controlClient.ts';
import { account, labScenario } from './labScenario.ts';
import type { LabScenario } from './labScenario.ts';
import { attachLoop, cleanLoops, detachLoop } from './loopDevice.ts';
import { startMaster } from './masterMachine.ts';
import type { MasterMachine } from './masterMachine.ts';
import { makeNetwork } from './network.ts';
import type { LabNetwork } from './network.ts';
import { canBoot, ensurePackages } from './packages.ts';
import { startBmc, startControl, startEngine, startEsxi } from './parts.ts';
import { killLeftoverProcesses, stopAllProcesses } from './processes.ts';
import type { LabProcess } from './processes.ts';

export type LabPorts = {
  readonly control: number;
  readonly appliance: number;
  readonly master: number;
  readonly guard: number;
  readonly witness: number;
  readonly esxi: number;
  readonly bmc: number;
};
export const usualPorts: LabPorts = {
  control: 8088,
  appliance: 25_000,
  master: 25_000,
  guard: 25_001,
  witness: 25_000,
  esxi: 8443,
  bmc: 8444,
};
/** Any free port: for tests beside a running lab. Engines with addresses of their own need none. */
export const anyPorts: LabPorts = { control: 0, appliance: 0, master: 0, guard: 0, witness: 0, esxi: 0, bmc: 0 };

export type LabOptions = {
  readonly folder: string;
  readonly ports: LabPorts;
  readonly say: (sentence: string) => void;
  /** Numbered writes a second on the master's disk. */
  readonly writesPerSecond?: number;
};

/** One machine playing all parts: real processes, real sockets, real blocks, ESXi's wire protocol, a boot in QEMU. */
export type Lab = {
  readonly controlUrl: string;
  readonly control: ControlClient;
  readonly at: {
    readonly appliance: HostAddress;
    readonly master: HostAddress;
    readonly guard: HostAddress;
    /** Only where the master has networks of its own: what shares its loopback is no third voter. */
    readonly witness: HostAddress | undefined;
    readonly esxi: HostAddress;
    readonly bmc: HostAddress;
  };
  /** The end of the master can be proven here, so that switchover may be automatic. */
  readonly fenced: boolean;
  /** The substitute VM really boots; otherwise its boot is a simulated one. */
  readonly boots: boolean;
  readonly masterDevice: string;
  readonly datastoreFolder: string;
  readonly workloadLogPath: string;
  readonly master: MasterMachine;
  readonly appliance: LabProcess;
  /** A scenario for this lab, as one would send it to `/api/scenarios`. */
  scenario(options: LabScenario): Promise<unknown>;
  /** Ends the master as a power cut does: engine, guard and workload in one instant. */
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
  const network = await makeNetwork(say);
  if (!network) say('The master runs on loopback. Nothing proves its end there: switchover is manual and asserted.');
  const close = async (): Promise<void> => {
    await stopAllProcesses();
    await network?.remove();
    await detachLoop(device);
  };
  try {
    return await startParts(options, { disk, device, network, boots: canBoot(packages), close });
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type Ground = {
  readonly disk: BootableDisk;
  readonly device: string;
  readonly network: LabNetwork | undefined;
  readonly boots: boolean;
  close(): Promise<void>;
};

const loopback = '127.0.0.1';
/** On one loopback the parts cannot all have their usual ports. */
const masterPortOnLoopback = 25_010;

/** With addresses of their own the engines always have their usual ports, as the guard's firewall names them. */
function portsOn(network: LabNetwork | undefined, ports: LabPorts): LabPorts {
  const { appliance, master, guard, witness } = usualPorts;
  if (network) return { ...ports, appliance, master, guard, witness };
  return ports.master === 0 ? ports : { ...ports, master: masterPortOnLoopback, guard: masterPortOnLoopback + 1 };
}

async function startParts(options: LabOptions, ground: Ground): Promise<Lab> {
  const { folder } = options;
  const { disk, device, network, boots, close } = ground;
  const ports = portsOn(network, options.ports);
  const certificates = await labCertificates(
    folder,
    network ? [network.appliance, network.witness, network.master] : [],
  );
  const esxi = await startEsxi(folder, { port: ports.esxi, boots, ...account });
  const workloadLogPath = join(folder, 'master', 'workload.log');
  const master = await startMaster({
    folder,
    network,
    disk,
    device,
    workloadLogPath,
    writesPerSecond: options.writesPerSecond ?? 200,
    enginePort: ports.master,
    guardPort: ports.guard,
    tls: certificates.master,
  });
  const bmc = await startBmc(folder, { port: ports.bmc, pidsFile: master.pidsFile, ...account });
  const witness = network && (await startWitness(folder, network.witness, ports.witness, certificates.witness));
  const startAppliance = (port: number) =>
    startEngine(folder, {
      part: 'appliance',
      node: 'appliance',
      listen: { host: network?.appliance ?? loopback, port },
      tls: certificates.appliance,
      roles: { appliance: { diskFolder: join(folder, 'guests', 'appliance') } },
    });
  let appliance = await startAppliance(ports.appliance);
  const applianceAt = { host: network?.appliance ?? loopback, port: Number(appliance.listening) };
  const { controlUrl, control } = await connectControl(folder, {
    port: ports.control,
    appliance: applianceAt,
    master: master.at,
    tls: certificates.control,
  });
  const places = { guard: master.guardAt, witness, esxi, bmc, network };
  return {
    controlUrl,
    control,
    at: { appliance: applianceAt, master: master.at, guard: master.guardAt, witness, esxi: esxi.at, bmc: bmc.at },
    fenced: network !== undefined,
    boots,
    masterDevice: device,
    datastoreFolder: join(folder, 'esxi'),
    workloadLogPath,
    master,
    get appliance() {
      return appliance;
    },
    scenario: async (scenario) => labScenario(scenario, await control.masterDisks(), places),
    killMaster: () => master.kill(),
    killAppliance: () => appliance.kill(),
    restartAppliance: async () => {
      appliance = await startAppliance(applianceAt.port);
    },
    stop: close,
  };
}

async function startWitness(
  folder: string,
  host: string,
  port: number,
  tls: Parameters<typeof startEngine>[1]['tls'],
): Promise<HostAddress> {
  const listen = { host, port };
  const witness = await startEngine(folder, { part: 'witness', node: 'witness', listen, tls, roles: { witness: {} } });
  return { host, port: Number(witness.listening) };
}

async function connectControl(
  folder: string,
  options: Parameters<typeof startControl>[1],
): Promise<Pick<Lab, 'controlUrl' | 'control'>> {
  const process = await startControl(folder, options);
  const controlUrl = `http://${loopback}:${Number(process.listening)}`;
  const control = new ControlClient(controlUrl);
  await control.untilEnginesConnected();
  for (const name of ['esxi', 'bmc']) await control.post('/api/secrets', { name, value: account.password });
  return { controlUrl, control };
}
