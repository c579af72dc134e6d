import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { PartyFault } from '#machines/faults.ts';
import { startEsxiSimulator } from './startEsxiSimulator.ts';
import type { EsxiSimulatorOptions } from './startEsxiSimulator.ts';

const program = new Command('esxi-simulator')
  .description('An ESXi host that speaks vim25 on /sdk, keeps disks as real files and boots VMs in QEMU.')
  .option('--address <address>', 'address to listen on', '127.0.0.1')
  .option('--port <port>', 'port to listen on, 0 for a free one', wholeNumber, 8443)
  .option('--user <user>', 'user name', 'root')
  .option('--password <password>', 'password (or ESXI_SIMULATOR_PASSWORD)', process.env.ESXI_SIMULATOR_PASSWORD)
  .requiredOption('--datastore <folder>', 'folder that holds the datastores')
  .option('--datastore-name <name>', 'name of the datastore', 'datastore1')
  .option('--capacity <bytes>', 'capacity of the datastore', wholeNumber, 2 ** 40)
  .option('--network <name...>', 'networks', ['VM Network'])
  .option('--guest-disks <folder>', 'where disks of modelled, running VMs appear')
  .option('--modelled-vm <name...>', 'VMs that are there and running, without a QEMU', [])
  .option('--guest-up-after-ms <ms>', 'how long a modelled guest takes to come up', wholeNumber, 3000)
  .option('--no-qemu', 'model every guest')
  .option('--state <file>', 'keeps inventory and certificate over a restart');

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`'${text}' is not a whole number`);
  return value;
}

type CommandLine = {
  address: string;
  port: number;
  user: string;
  password?: string;
  datastore: string;
  datastoreName: string;
  capacity: number;
  network: string[];
  guestDisks?: string;
  modelledVm: string[];
  guestUpAfterMs: number;
  qemu: boolean;
  state?: string;
};

async function main(): Promise<void> {
  const line = program.parse().opts<CommandLine>();
  if (line.password === undefined) program.error('--password or ESXI_SIMULATOR_PASSWORD is missing');
  await mkdir(line.datastore, { recursive: true });
  const options: EsxiSimulatorOptions = {
    port: line.port,
    address: line.address,
    user: line.user,
    password: line.password ?? '',
    datastoreFolder: resolve(line.datastore),
    datastores: [{ name: line.datastoreName, capacityBytes: line.capacity }],
    networks: line.network,
    modelledVms: line.modelledVm,
    guestUpAfterMs: line.guestUpAfterMs,
    ...(line.qemu ? {} : { qemu: false }),
    ...(line.guestDisks === undefined ? {} : { guestDiskFolder: resolve(line.guestDisks) }),
    ...(line.state === undefined ? {} : { stateFile: resolve(line.state) }),
  };
  const simulator = await startEsxiSimulator(options);
  const { port, certificateSha256, qemu } = simulator;
  process.stdout.write(`${JSON.stringify({ listening: port, certificateSha256, qemu })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void simulator.close().then(() => process.exit(0)));
  }
}

main().catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof PartyFault ? thrown.message : String(thrown)}\n`);
  process.exit(1);
});
