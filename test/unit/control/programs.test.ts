import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { createAuthority, issue } from '#engine/adapters/network/certificateAuthority.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { RemoteWitness } from '#engine/appliance/RemoteWitness.ts';
import { openSession } from '#engine/protocol/session.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { Listener } from '#machines/parties/network.ts';
import { alreadyRunning, FakeAppliance } from './fakeAppliance.ts';
import { draft } from './site.ts';

/** Asks until it is so: on a busy machine a browser or a program takes its time. */
const soon = <Value>(ask: () => Value) => expect.poll(ask, { timeout: 20_000 });

// The programs as an administrator starts them, over real sockets and TLS.
const main = join(import.meta.dirname, '../../../control/main.ts');
const cli = join(import.meta.dirname, '../../../control/cli.ts');
const folder = mkdtempSync(join(tmpdir(), 'kagemusha-programs-'));
const appliance = new FakeAppliance(new SystemClock());
let listener: Listener;
let control: ChildProcess;
let url: string;
let witnessPort: number;
let network: TlsNetwork;

const writeJson = (name: string, value: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
};

const configuration = (listen: { host: string; port: number }): string =>
  writeJson(`${listen.host}-${listen.port}.json`, {
    listen,
    witness: { node: 'control', listen: { host: '127.0.0.1', port: 0 } },
    folder: join(folder, `${listen.host}-${listen.port}`),
    appliance: { host: '127.0.0.1', port: listener.port },
    tls: { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') },
  });

type Ended = { readonly code: number | string; readonly stdout: string; readonly stderr: string };
const run = (program: string, ...parameters: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, ...parameters], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? 'signal'), stdout, stderr }),
    );
  });
const kagemusha = (...parameters: string[]): Promise<Ended> => run(cli, '--url', url, ...parameters);

beforeAll(async () => {
  const authority = await createAuthority('test');
  const identity = await issue(authority, { commonName: 'control', hosts: ['127.0.0.1'] });
  writeFileSync(join(folder, 'ca.pem'), identity.caPem);
  writeFileSync(join(folder, 'cert.pem'), identity.certPem);
  writeFileSync(join(folder, 'key.pem'), identity.keyPem);
  network = new TlsNetwork(await issue(authority, { commonName: 'appliance', hosts: ['127.0.0.1'] }));
  listener = await appliance.serve(network, { host: '127.0.0.1', port: 0 });
  control = spawn(process.execPath, [main, '--config', configuration({ host: '127.0.0.1', port: 0 })]);
  const output = control.stdout;
  if (output === null) throw new Error('control has no output');
  const [line] = await new Promise<[string]>((resolve) =>
    createInterface(output).once('line', (first) => resolve([first])),
  );
  const told = JSON.parse(line) as { listening: number; witness: number };
  url = `http://127.0.0.1:${told.listening}`;
  witnessPort = told.witness;
});

afterAll(async () => {
  const ended = new Promise((resolve) => control.once('exit', resolve));
  control.kill('SIGTERM');
  const code = await ended;
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
  expect(code).toBe(0);
});

test('control may be the witness: it promises an epoch once, and grants nothing below it any more', async () => {
  const clock = new SystemClock();
  const scenario = scenarioId('4009412486');
  const at = { host: '127.0.0.1', port: witnessPort };
  const witness = new RemoteWitness({ network, clock, node: 'appliance' }, scenario);
  const { node, generation } = await witness.read(at);
  expect(node).toBe('control');
  const intent = { ticket: 't', scenarioId: scenario, epoch: 2, deadlineAtMs: clock.nowMs() + 5_000 };
  await witness.claim({ ...at, quietForMs: 0, generation }, intent);
  const session = await openSession(await network.connect(at), { clock, node: 'master', purpose: 'engine' });
  expect(await session.request('lease.renew', { scenarioId: scenario, epoch: 1, state: 'serving' })).toEqual({
    granted: false,
    reason: 'claimed',
    epoch: 2,
  });
  session.close();
});

test('control connects to the engine of the appliance', async () => {
  const engines = async (): Promise<string> => await (await fetch(`${url}/api/engines`)).text();
  await soon(engines).toContain('"connected"');
});

test('the command line creates, lists, runs and shows, in both languages', async () => {
  expect((await kagemusha('--language', 'en', 'scenarios')).stdout).toBe('There are no scenarios.\n');
  const created = await kagemusha('--json', 'create', writeJson('draft.json', draft));
  expect(created.code).toBe(0);
  const { scenarioId } = JSON.parse(created.stdout) as { scenarioId: string };
  await soon(async () => (await kagemusha('--language', 'ja', 'show', scenarioId)).stdout).toContain('状態: 停止');
  expect((await kagemusha('--language', 'en', 'scenarios')).stdout).toMatch(/^\d{10}  基幹サーバ  Stopped\n$/);
  expect((await kagemusha('switchover', scenarioId, '--no-wait-for-journals')).code).toBe(0);
  expect(appliance.commands.at(-1)?.command).toEqual({
    command: 'switchover',
    waitForJournals: false,
    reverseAfterwards: false,
  });
  expect((await kagemusha('maintenance', scenarioId, '--for', '15m')).code).toBe(0);
  expect(appliance.commands.at(-1)?.command).toEqual({ command: 'announceMaintenance', forMs: 900_000 });
  const wrong = await kagemusha('--language', 'en', 'maintenance', scenarioId, '--for', 'a while');
  expect(wrong.stderr).toBe('Give as forMs how long the maintenance takes, in milliseconds.\n');
  expect((await kagemusha('assert-master-off', scenarioId, '--master-name', 'web-server')).code).toBe(0);
  expect(appliance.commands.at(-1)?.command).toEqual({ command: 'assertMasterOff', masterName: 'web-server' });
  expect((await kagemusha('--language', 'ja', 'status')).stdout).toContain('仮想アプライアンス 127.0.0.1:');
  expect((await kagemusha('--language', 'ja', 'events')).stdout).toContain('に接続しました。');
  appliance.answer = alreadyRunning;
  const refused = await kagemusha('--language', 'ja', 'run', scenarioId);
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: 'シナリオは既に実行されています。\n' });
});

test('the command line says what to do when control is not there', async () => {
  const ended = await run(cli, '--url', 'http://127.0.0.1:1', '--language', 'en', 'scenarios');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('Make sure that it runs and that --url is right.');
});

test('live events tell scenarios, engines and new events, and replay what a reader missed', async () => {
  const response = await fetch(`${url}/api/live`, { headers: { 'last-event-id': '0' } });
  let received = '';
  for await (const piece of response.body ?? []) {
    received += new TextDecoder().decode(piece);
    if (received.includes('event: alive')) break;
  }
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  expect(received).toMatch(/id: \d+\nevent: event\ndata: .*applianceReachable/);
  expect(received).toContain('event: scenarios\n');
  expect(received).toContain('event: engines\n');
});

test('the manager is served without any inline script', async () => {
  const page = await fetch(url);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  const html = await page.text();
  expect(html).not.toMatch(/<script(?![^>]*src=)|\sstyle=|\son\w+=/);
  for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g))
    expect((await fetch(`${url}${path}`)).status).toBe(200);
});

test('a port in use and an address beyond loopback end with 1 and the way out', async () => {
  const occupied = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => occupied.once('listening', resolve));
  const { port } = occupied.address() as AddressInfo;
  const inUse = await run(main, '--config', configuration({ host: '127.0.0.1', port }));
  await new Promise((resolve) => occupied.close(resolve));
  expect(inUse.code).toBe(1);
  expect(inUse.stderr).toContain(`Port ${port} is in use. Stop the other process or choose another port.`);
  const open = await run(main, '--config', configuration({ host: '0.0.0.0', port: 0 }));
  expect(open.code).toBe(1);
  expect(open.stderr).toContain('Set listen.host to 127.0.0.1');
  expect(open.stderr).toContain('0.0.0.0 では待ち受けできません。');
});
