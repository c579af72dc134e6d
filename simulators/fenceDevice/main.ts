import { readFile, rename, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { PartyFault } from '#machines/faults.ts';
import { makeCertificate } from '../hypervisor/soap/certificate.ts';
import type { ServerCertificate } from '../hypervisor/soap/certificate.ts';
import { processMachine } from './bmcMachine.ts';
import { startBmc } from './bmcServer.ts';

const program = new Command('bmc-simulator')
  .description('A BMC that speaks Redfish; cutting the power kills the processes whose ids stand in a file.')
  .option('--address <address>', 'address to listen on', '127.0.0.1')
  .option('--port <port>', 'port to listen on, 0 for a free one', portNumber, 0)
  .option('--user <user>', 'user name', 'root')
  .option('--password <password>', 'password (or BMC_SIMULATOR_PASSWORD)', process.env.BMC_SIMULATOR_PASSWORD)
  .option('--system <id>', 'id of the system', '1')
  .option('--state <file>', 'keeps the certificate over a restart')
  .requiredOption('--pids <file>', 'JSON array of the process ids that are the machine');

function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new Error(`'${text}' is not a port`);
  return value;
}

type CommandLine = {
  address: string;
  port: number;
  user: string;
  password?: string;
  system: string;
  state?: string;
  pids: string;
};

async function keptCertificate(stateFile: string | undefined): Promise<ServerCertificate> {
  const made = () => makeCertificate('bmc-simulator', Date.now());
  if (stateFile === undefined) return made();
  const text = await readFile(stateFile, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text !== undefined) return (JSON.parse(text) as { certificate: ServerCertificate }).certificate;
  const certificate = await made();
  // The file holds the certificate's key.
  await writeFile(`${stateFile}.new`, JSON.stringify({ certificate }), { mode: 0o600 });
  await rename(`${stateFile}.new`, stateFile);
  return certificate;
}

async function main(): Promise<void> {
  const { address, port, user, password, system, state, pids } = program.parse().opts<CommandLine>();
  if (password === undefined) return program.error('--password or BMC_SIMULATOR_PASSWORD is missing');
  const certificate = await keptCertificate(state);
  const machine = processMachine(pids);
  const bmc = await startBmc({ address, port, user, password, systemId: system, machine, certificate });
  process.stdout.write(`${JSON.stringify({ listening: bmc.port, certificateSha256: bmc.certificateSha256 })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void bmc.close().then(() => process.exit(0)));
  }
}

main().catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof PartyFault ? thrown.message : String(thrown)}\n`);
  process.exit(1);
});
