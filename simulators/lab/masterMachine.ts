import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { HostAddress } from '#machines/vocabulary.ts';
import type { BootableDisk } from './bootableDisk.ts';
import type { IdentityFiles } from './certificates.ts';
import { LabError } from './labError.ts';
import { productionInterface } from './network.ts';
import type { LabNetwork } from './network.ts';
import { startEngine, startWorkload } from './parts.ts';
import type { LabProcess } from './processes.ts';

/** The master: its application, its engine and its guard, on networks of its own where there are any. */
export type MasterMachine = {
  readonly engine: LabProcess;
  readonly guard: LabProcess;
  readonly workload: LabProcess;
  readonly at: HostAddress;
  readonly guardAt: HostAddress;
  /** JSON array of the process ids that are the machine: its BMC reads it. */
  readonly pidsFile: string;
  /** Ends all of it in one instant, as a power cut does. */
  kill(): Promise<void>;
  /** Whether anything of it still reaches its users. */
  servesNetwork(): Promise<boolean>;
};

export type MasterOptions = {
  readonly folder: string;
  readonly network: LabNetwork | undefined;
  readonly disk: BootableDisk;
  readonly device: string;
  readonly workloadLogPath: string;
  readonly writesPerSecond: number;
  readonly enginePort: number;
  readonly guardPort: number;
  readonly tls: IdentityFiles;
};

const probeMs = 700;

/** The namespace is made with the workload and lives in the processes alone: when all are killed, the machine is silent. */
export async function startMaster(options: MasterOptions): Promise<MasterMachine> {
  const { folder, network, device, tls } = options;
  const host = network?.master ?? '127.0.0.1';
  const workload = await startWorkload(folder, {
    disk: options.disk,
    device,
    log: options.workloadLogPath,
    writesPerSecond: options.writesPerSecond,
    within: network?.machine ?? [],
  });
  await network?.plugIn(workload.pid);
  const within = network?.onMachineOf(workload.pid) ?? [];
  const engine = await startEngine(folder, {
    part: 'master',
    node: 'master',
    listen: { host, port: options.enginePort },
    tls,
    roles: { master: { disks: [device], systemDisk: device, firmware: 'bios' } },
    within,
  });
  const at = { host, port: Number(engine.listening) };
  const guard = await startEngine(folder, {
    part: 'guard',
    node: 'master',
    listen: { host, port: options.guardPort },
    tls,
    roles: { guard: { productionInterfaces: network ? [productionInterface] : [], enginePort: at.port } },
    within,
  });
  const pidsFile = join(folder, 'master', 'pids.json');
  await writeFile(pidsFile, JSON.stringify([engine.pid, guard.pid, workload.pid]));
  return {
    engine,
    guard,
    workload,
    at,
    guardAt: { host, port: Number(guard.listening) },
    pidsFile,
    kill: async () => {
      await Promise.all([engine.kill(), guard.kill(), workload.kill()]);
    },
    servesNetwork: () => {
      if (!network) throw new LabError('a lab on loopback has no production network');
      return answers(network.production);
    },
  };
}

/** A refusal is an answer too: only silence shows that nobody is there. */
function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 9 });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(probeMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED'));
  });
}
