import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { faultText, PartyFault } from '#machines/faults.ts';
import { EngineClient } from './adapters/engines/EngineClient.ts';
import { readManagerFiles } from './adapters/manager/readManagerFiles.ts';
import { SqliteStore } from './adapters/store/SqliteStore.ts';
import { readConfiguration } from './configuration.ts';
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
  const { listen, folder, appliance, master, tls } = readConfiguration(readSetting('--config', values.config));
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
  process.stdout.write(`${JSON.stringify({ listening: port })}\n`);
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
