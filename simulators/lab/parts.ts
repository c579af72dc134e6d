import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { BootableDisk } from './bootableDisk.ts';
import type { IdentityFiles } from './certificates.ts';
import { LabError } from './labError.ts';
import { startProcess } from './processes.ts';
import type { LabProcess } from './processes.ts';

export const root = join(import.meta.dirname, '..', '..');

/** A simulated device behind HTTPS. */
export type Device = { readonly at: HostAddress; readonly certificateSha256: string };

type Account = { readonly user: string; readonly password: string };

const loopback = '127.0.0.1';

export async function startEsxi(
  folder: string,
  { port, boots, user, password }: Account & { readonly port: number; readonly boots: boolean },
): Promise<Device> {
  const esxi = await startProcess({
    name: 'esxi-simulator',
    folder,
    script: join(root, 'simulators/hypervisor/main.ts'),
    args: [
      '--port',
      `${port}`,
      '--user',
      user,
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
  return deviceOf(esxi);
}

/** The BMC of the machine that the processes in `pidsFile` make up. */
export async function startBmc(
  folder: string,
  { port, pidsFile, user, password }: Account & { readonly port: number; readonly pidsFile: string },
): Promise<Device> {
  const bmc = await startProcess({
    name: 'bmc-simulator',
    folder,
    script: join(root, 'simulators/fenceDevice/main.ts'),
    args: ['--port', `${port}`, '--user', user, '--pids', pidsFile, '--state', join(folder, 'bmc.state.json')],
    env: { BMC_SIMULATOR_PASSWORD: password },
  });
  return deviceOf(bmc);
}

async function deviceOf({ name, logPath, listening }: LabProcess): Promise<Device> {
  const ready = /^\{"listening".*\}$/m.exec(await readFile(logPath, 'utf8'))?.[0] ?? '{}';
  const { certificateSha256 } = JSON.parse(ready) as { certificateSha256?: string };
  if (certificateSha256 === undefined) throw new LabError(`${name} does not tell its certificate`);
  return { at: { host: loopback, port: Number(listening) }, certificateSha256 };
}

export function startWorkload(
  folder: string,
  options: {
    readonly disk: BootableDisk;
    readonly device: string;
    readonly log: string;
    readonly writesPerSecond: number;
    readonly within: readonly string[];
  },
): Promise<LabProcess> {
  const { disk, device, log, writesPerSecond, within } = options;
  return startProcess({
    name: 'workload',
    folder,
    within,
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

export type EnginePart = {
  /** Name of the process and of its folder. */
  readonly part: string;
  /** Name in its certificate. */
  readonly node: string;
  readonly listen: HostAddress;
  readonly tls: IdentityFiles;
  /** The sections that give it its roles. */
  readonly roles: Readonly<Record<string, unknown>>;
  readonly within?: readonly string[];
};

export async function startEngine(folder: string, engine: EnginePart): Promise<LabProcess> {
  const { part, node, listen, tls, roles, within = [] } = engine;
  const config = await writeConfig(join(folder, part), 'engine.json', {
    node,
    listen,
    folder: join(folder, part, 'engine'),
    tls: tlsFiles(tls),
    ...roles,
  });
  const script = join(root, 'engine/main.ts');
  return startProcess({ name: `engine-${part}`, folder, within, script, args: ['--config', config] });
}

export async function startControl(
  folder: string,
  options: {
    readonly port: number;
    readonly appliance: HostAddress;
    readonly master: HostAddress;
    readonly tls: IdentityFiles;
  },
): Promise<LabProcess> {
  const { port, appliance, master, tls } = options;
  const home = join(folder, 'control');
  const config = await writeConfig(home, 'control.json', {
    listen: { host: loopback, port },
    folder: home,
    appliance,
    master,
    tls: tlsFiles(tls),
  });
  return startProcess({ name: 'control', folder, script: join(root, 'control/main.ts'), args: ['--config', config] });
}

const tlsFiles = ({ ca, cert, key }: IdentityFiles) => ({ caFile: ca, certFile: cert, keyFile: key });

async function writeConfig(folder: string, name: string, content: unknown): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(content, null, 2));
  return path;
}
