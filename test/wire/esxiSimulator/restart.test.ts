import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SoapClient } from './soapClient.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'esxi-main-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Ended = { readonly code: number | null; readonly errors: string };

function startMain(port: number): {
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ended>;
  stop(signal: NodeJS.Signals): void;
} {
  const main = new URL('../../../simulators/hypervisor/main.ts', import.meta.url).pathname;
  const options = ['--port', String(port), '--datastore', join(folder, 'ds'), '--guest-disks', join(folder, 'guest')];
  const args = [main, ...options, '--modelled-vm', 'appliance', '--no-qemu', '--state', join(folder, 'state.json')];
  const child = spawn(process.execPath, args, { env: { ...process.env, ESXI_SIMULATOR_PASSWORD: 'secret' } });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, errors })));
  const firstLine = new Promise<string>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(text.toString())),
  );
  return { firstLine, ended, stop: (signal) => void child.kill(signal) };
}

test('a restart keeps inventory, disks and certificate, even after a kill', async () => {
  const first = startMain(0);
  const before = JSON.parse(await first.firstLine) as { listening: number; certificateSha256: string; qemu: boolean };
  expect(before.qemu).toBe(false);
  const client = new SoapClient(before.listening);
  await client.login();
  await client.createDisk('[datastore1] a.vmdk', 1024);
  first.stop('SIGKILL');
  await first.ended;

  const second = startMain(0);
  const after = JSON.parse(await second.firstLine) as { listening: number; certificateSha256: string };
  expect(after.certificateSha256).toBe(before.certificateSha256);
  const again = new SoapClient(after.listening);
  await again.login();
  expect(await again.property('VirtualMachine', '1', 'runtime.powerState')).toBe('poweredOn');
  expect(await again.createDisk('[datastore1] a.vmdk', 1024)).toContain('FileAlreadyExists');
  second.stop('SIGTERM');
  expect((await second.ended).code).toBe(0);
  expect(await readdir(join(folder, 'ds/datastore1'))).toEqual(['a-flat.vmdk', 'a.vmdk', 'appliance']);
});

test('a port in use is said plainly', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const address = blocker.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, errors } = await startMain(port).ended;
  blocker.close();
  expect(code).toBe(1);
  expect(errors).toContain(`Port ${port} is in use. Stop the other process or choose another port.`);
});
