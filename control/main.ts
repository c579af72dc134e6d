import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DiskFiles } from '#engine/adapters/files/DiskFiles.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { Engine } from '#engine/Engine.ts';
import { Witness } from '#engine/witness/Witness.ts';
import { faultText, PartyFault } from '#machines/faults.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { EngineClient } from './adapters/engines/EngineClient.ts';
import { readManagerFiles } from './adapters/manager/readManagerFiles.ts';
import { SqliteStore } from './adapters/store/SqliteStore.ts';
import { readConfiguration } from './configuration.ts';
import type { ControlConfiguration } from './configuration.ts';
import { createControl } from './control.ts';
import { Problem } from './scenarios/problem.ts';

/** Composition root of control: `node control/main.ts --config file.json`. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) {
    throw new Problem('invalid', 'noConfiguration', {
      ja: '構成ファイルを指定してください: node control/main.ts --config <file.json>',
      en: 'Name the configuration: node control/main.ts --config <file.json>',
    });
  }
  const { listen, folder, appliance, master, tls, witness } = readConfiguration(readSetting('--config', values.config));
  const clock = new SystemClock();
  const network = new TlsNetwork({
    caPem: readSetting('tls.caFile', tls.caFile),
    certPem: readSetting('tls.certFile', tls.certFile),
    keyPem: readSetting('tls.keyFile', tls.keyFile),
  });
  const client = (address: { host: string; port: number }): EngineClient =>
    new EngineClient({ network, clock, address });
  const control = createControl({
    appliance: client(appliance),
    ...(master === undefined ? {} : { master: client(master) }),
    store: new SqliteStore(join(folder, 'control.sqlite')),
    clock,
    random: new SystemRandom(),
    managerFiles: readManagerFiles(join(import.meta.dirname, 'manager')),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void control.close().then(() => process.exit(0)));
  }
  try {
    await control.app.listen(listen);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE') {
      throw new PartyFault('portInUse', { port: listen.port });
    }
    throw thrown;
  }
  const bound = control.app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  const witnessPort = witness ? await startWitness(witness, { folder, clock, network }) : undefined;
  process.stdout.write(`${JSON.stringify({ listening: port, ...(witness ? { witness: witnessPort } : {}) })}\n`);
}

/** The third voter beside control; it answers on a port of its own and needs nothing of control's. Answers the port. */
async function startWitness(
  { node, listen }: NonNullable<ControlConfiguration['witness']>,
  { folder, clock, network }: { readonly folder: string; readonly clock: SystemClock; readonly network: TlsNetwork },
): Promise<number> {
  const files = new DiskFiles();
  const path = join(folder, 'promises.json');
  const voter = new LeaseVoter({ files, clock, random: new SystemRandom(), path, voter: node });
  await voter.start();
  const engine = new Engine({ node, listen, clock, network, handlers: [new Witness({ node, voter }).handlers()] });
  return engine.start();
}

function readSetting(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Problem('invalid', 'unreadableFile', {
      ja: `${setting} のファイルを読み取れません: ${reason}`,
      en: `The file of ${setting} cannot be read: ${reason}`,
    });
  }
}

/** Both languages: nobody has chosen one yet. */
function explain(thrown: unknown): string {
  if (thrown instanceof Problem) return `${thrown.sentences.en}\n${thrown.sentences.ja}`;
  if (thrown instanceof PartyFault) return `${faultText(thrown.fault, 'en')}\n${faultText(thrown.fault, 'ja')}`;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${explain(thrown)}\n`);
  process.exit(1);
}
