import { hash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { faultText, PartyFault, toFault } from '#machines/faults.ts';
import { statePath } from '#machines/host/step.ts';
import { SqliteChartStore } from '#engine/adapters/chartStore/SqliteChartStore.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { DiskFiles } from '#engine/adapters/files/DiskFiles.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { LinuxMaster } from '#engine/adapters/master/LinuxMaster.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { VmdkReplicaDisks } from '#engine/adapters/replicaDisk/VmdkReplicaDisks.ts';
import { Appliance } from './appliance/Appliance.ts';
import { Engine } from './Engine.ts';
import { ReplicationSources } from './master/ReplicationSources.ts';
import { ReplicaReceiver } from './replica/ReplicaReceiver.ts';

/** What an engine is told in its configuration file; the roles it may play are the sections that are there. */
const configuration = z.strictObject({
  /** Name of this engine, as in its certificate. */
  node: z.string().min(1),
  listen: z.strictObject({ host: z.string(), port: z.number().int().min(0).max(65_535).default(25_000) }),
  /** State of this engine: charts, spools, secrets. */
  folder: z.string().startsWith('/'),
  tls: z.strictObject({ caFile: z.string(), certFile: z.string(), keyFile: z.string() }),
  master: z
    .strictObject({
      disks: z.array(z.string().startsWith('/dev/')).min(1),
      systemDisk: z.string(),
      productionInterfaces: z.array(z.string()).default([]),
      traceFolder: z.string().optional(),
      /** Where the protected disks are not those this host booted from. */
      firmware: z.enum(['bios', 'efi']).optional(),
    })
    .optional(),
  appliance: z.strictObject({ diskFolder: z.string().default('/dev/disk/by-id') }).optional(),
});
type Configuration = z.infer<typeof configuration>;

/** Fault: `invalidSpec`, naming the file's first wrong field. */
function readConfiguration(path: string | undefined): Configuration {
  const wrong = (field: string, reason: string) => new PartyFault('invalidSpec', { field, reason });
  if (path === undefined) throw wrong('--config', 'engine --config <file.json>');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (thrown) {
    throw wrong(`--config ${path}`, thrown instanceof Error ? thrown.message : String(thrown));
  }
  const parsed = configuration.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw wrong(`${path} ${issue?.path.join('.') ?? ''}`, issue?.message ?? '');
}

const clock = new SystemClock();
const files = new DiskFiles();
const random = new SystemRandom();

function compose(config: Configuration) {
  mkdirSync(config.folder, { recursive: true, mode: 0o700 });
  const pem = (path: string) => readFileSync(path, 'utf8');
  const network = new TlsNetwork({
    caPem: pem(config.tls.caFile),
    certPem: pem(config.tls.certFile),
    keyPem: pem(config.tls.keyFile),
  });
  const { node, folder } = config;
  const master = config.master
    ? new LinuxMaster({ ...config.master, stateFolder: `${folder}/master`, clock, traceName: node })
    : undefined;
  const sources = master
    ? new ReplicationSources({
        master,
        files,
        clock,
        random,
        folder: `${folder}/spool`,
        digest: (bytes) => hash('sha1', bytes, 'buffer'),
      })
    : undefined;
  const appliance = config.appliance ? composeAppliance(config, network, config.appliance.diskFolder) : undefined;
  const handlers = [...(sources ? [sources.handlers] : []), ...(appliance ? [appliance.handlers()] : [])];
  const engine = new Engine({ node, listen: config.listen, clock, network, handlers, ...(master ? { master } : {}) });
  return { engine, appliance, sources, master };
}

function composeAppliance({ node, folder }: Configuration, network: TlsNetwork, diskFolder: string): Appliance {
  const replicaDisks = new VmdkReplicaDisks({ diskFolder });
  return new Appliance({
    node,
    folder,
    clock,
    network,
    files,
    store: new SqliteChartStore(`${folder}/charts.sqlite`),
    replica: (onFact) =>
      new ReplicaReceiver({ network, replicaDisks, files, clock, stateFolder: `${folder}/replica`, node, onFact }),
    hypervisor: ({ host, port, user, certificateSha256 }, password) =>
      new EsxiHypervisor({ host, port, user, password, certificateSha256, clock }),
    onCommit: ({ instance, seq, event, snapshot, taken }) =>
      say({ scenario: instance, seq, event: event.type, state: statePath(snapshot.value), taken }),
  });
}

/** The log: one JSON line a fact, never a secret. */
function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ at: new Date(clock.nowMs()).toISOString(), ...line })}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const { engine, appliance, sources, master } = compose(readConfiguration(values.config));
  // A master that was isolated stays so over a restart of its host (guide 10-2).
  await master?.enforceIsolation();
  await appliance?.start();
  say({ listening: await engine.start() });
  const stop = async (): Promise<void> => {
    await engine.stop();
    await appliance?.stop();
    await sources?.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

try {
  await main();
} catch (thrown) {
  const value = toFault(thrown);
  process.stderr.write(`${faultText(value, 'ja')}\n${faultText(value, 'en')}\n`);
  process.exit(1);
}
