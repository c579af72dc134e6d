import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { faultText, PartyFault, toFault } from '#machines/faults.ts';
import { statePath } from '#machines/host/step.ts';
import type { FenceDeviceAddress } from '#machines/vocabulary.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { SqliteChartStore } from '#engine/adapters/chartStore/SqliteChartStore.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { DiskFiles } from '#engine/adapters/files/DiskFiles.ts';
import { LinuxAddressProbe } from '#engine/adapters/addressProbe/LinuxAddressProbe.ts';
import { fenceDevice } from '#engine/adapters/fenceDevice/fenceDevice.ts';
import { LinuxHostNetwork } from '#engine/adapters/hostNetwork/LinuxHostNetwork.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { LinuxMaster } from '#engine/adapters/master/LinuxMaster.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { VmdkReplicaDisks } from '#engine/adapters/replicaDisk/VmdkReplicaDisks.ts';
import { LinuxWatchdog } from '#engine/adapters/watchdog/LinuxWatchdog.ts';
import { Appliance } from './appliance/Appliance.ts';
import { Engine } from './Engine.ts';
import { Guard } from './guard/Guard.ts';
import { ReplicationSources } from './master/ReplicationSources.ts';
import { ReplicaReceiver } from './replica/ReplicaReceiver.ts';
import { Witness } from './witness/Witness.ts';

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
      traceFolder: z.string().optional(),
      /** Where the protected disks are not those this host booted from. */
      firmware: z.enum(['bios', 'efi']).optional(),
    })
    .optional(),
  appliance: z.strictObject({ diskFolder: z.string().default('/dev/disk/by-id') }).optional(),
  /** The guard beside a master's engine, in a process of its own: a busy or broken engine does not take it along. */
  guard: z
    .strictObject({
      /** Interfaces of the production network; none: isolation is only recorded. */
      productionInterfaces: z.array(z.string()).default([]),
      /** E.g. `/dev/watchdog0`. */
      watchdogDevice: z.string().startsWith('/').optional(),
      watchdogMs: z.number().int().positive().optional(),
      /** Port of the engine on this host: its flows with the peers stay open while the host is off its network. */
      enginePort: z.number().int().min(1).max(65_535).default(25_000),
      /** How long the master may be silent after its host went down in an orderly way. */
      maintenanceMs: z.number().int().positive().default(600_000),
    })
    .optional(),
  /** The third voter: neither on the master nor on the appliance. */
  witness: z.strictObject({}).optional(),
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
  if (parsed.success) {
    const roles = (['master', 'appliance', 'guard', 'witness'] as const).filter((role) => parsed.data[role]);
    if (parsed.data.guard && roles.length > 1)
      throw wrong(`${path} guard`, 'the guard is a process of its own, with a configuration and a port of its own');
    if (parsed.data.witness && roles.length > 1)
      throw wrong(`${path} witness`, 'the witness is neither on the master nor on the appliance');
    return parsed.data;
  }
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
  const master = config.master ? new LinuxMaster({ ...config.master, clock, traceName: node }) : undefined;
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
  const guard = config.guard ? composeGuard(config, network, config.guard) : undefined;
  const voter = config.witness
    ? new LeaseVoter({ files, clock, random, path: `${folder}/promises.json`, voter: node })
    : undefined;
  const handlers = [
    ...(sources ? [sources.handlers] : []),
    ...(appliance ? [appliance.handlers()] : []),
    ...(guard ? [guard.handlers()] : []),
    ...(voter ? [new Witness({ node, voter }).handlers()] : []),
  ];
  const engine = new Engine({ node, listen: config.listen, clock, network, handlers, ...(master ? { master } : {}) });
  return { engine, appliance, sources, guard, voter };
}

type Account = Pick<FenceDeviceAddress, 'host' | 'port' | 'user' | 'certificateSha256'>;

const esxi = ({ host, port, user, certificateSha256 }: Account, password: string): EsxiHypervisor =>
  new EsxiHypervisor({ host, port, user, password, certificateSha256, clock });

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
    hypervisor: esxi,
    fenceDevice: (address, password) => fenceDevice(address, password, { clock, hypervisor: esxi }),
    addresses: new LinuxAddressProbe({ clock }),
    random,
    capabilities: ['speculation'],
    onCommit: ({ instance, seq, event, snapshot, taken }) =>
      say({ scenario: instance, seq, event: event.type, state: statePath(snapshot.value), taken }),
  });
}

function composeGuard(
  { node, folder, listen }: Configuration,
  network: TlsNetwork,
  settings: NonNullable<Configuration['guard']>,
): Guard {
  const { productionInterfaces, enginePort, watchdogDevice, watchdogMs } = settings;
  return new Guard({
    node,
    host: hardwareIdentity(),
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    clock,
    network,
    store: new SqliteChartStore(`${folder}/guard.sqlite`),
    hostNetwork: new LinuxHostNetwork({ productionInterfaces, ports: [enginePort, listen.port] }),
    ...(watchdogDevice === undefined ? {} : { watchdog: new LinuxWatchdog({ device: watchdogDevice }) }),
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
    onCommit: ({ instance, seq, event, snapshot, taken }) =>
      say({ guard: instance, seq, event: event.type, state: statePath(snapshot.value), taken }),
  });
}

/** What the firmware says of this machine; a double of it says something else. */
function hardwareIdentity(): string {
  try {
    return readFileSync('/sys/class/dmi/id/product_uuid', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** The log: one JSON line a fact, never a secret. */
function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ at: new Date(clock.nowMs()).toISOString(), ...line })}\n`);
}

/** Whether the whole host goes down in an orderly way, and not this process alone. */
function isHostStopping(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('systemctl', ['is-system-running'], { timeout: 2_000 }, (_error, stdout) =>
      resolve(stdout.trim() === 'stopping'),
    );
  });
}

/** A host that goes down with the knowledge of its appliances is not reset on the way; else the watchdog stays. */
async function leave(guard: Guard, forMs: number): Promise<void> {
  const { told, of } = await guard.announce({ forMs, reason: 'shutdown' });
  say({ notice: 'shutdown', forMs, told, of });
  if (told === of) await guard.disarmWatchdog();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const config = readConfiguration(values.config);
  const { engine, appliance, sources, guard, voter } = compose(config);
  await voter?.start();
  // A master that was isolated stays so over a restart of its host (guide 10-2), before anything else can be asked.
  await guard?.start();
  await appliance?.start();
  say({ listening: await engine.start() });
  const stop = async (): Promise<void> => {
    if (guard && (await isHostStopping())) await leave(guard, config.guard?.maintenanceMs ?? 0);
    guard?.stop();
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
