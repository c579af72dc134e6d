import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scenarioId } from '#machines/vocabulary.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { RedfishFenceDevice } from '#engine/adapters/fenceDevice/RedfishFenceDevice.ts';

const clock = new SystemClock();
const root = new URL('../../..', import.meta.url).pathname;
let folder = '';
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kagemusha-bmc-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

type Listening = { readonly listening: number; readonly certificateSha256: string };

async function startProcess(): Promise<{ readonly child: ChildProcess; readonly listening: Listening }> {
  const files = ['--state', join(folder, 'state.json'), '--pids', join(folder, 'pids.json')];
  const child = spawn(process.execPath, ['simulators/fenceDevice/main.ts', '--port', '0', '--user', 'root', ...files], {
    cwd: root,
    env: { ...process.env, BMC_SIMULATOR_PASSWORD: 'secret' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, listening: JSON.parse(line) as Listening };
}

function connect({ listening, certificateSha256 }: Listening): RedfishFenceDevice {
  const account = { user: 'root', password: 'secret', certificateSha256 };
  return new RedfishFenceDevice({ host: '127.0.0.1', port: listening, systemId: '1', clock, ...account, pollMs: 20 });
}

function startSleeper(): ChildProcess {
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(sleeper);
  return sleeper;
}

test('a BMC of its own process kills the processes that are the machine, and keeps its certificate', async () => {
  const machine = [startSleeper(), startSleeper()];
  const bystander = startSleeper();
  await writeFile(join(folder, 'pids.json'), JSON.stringify(machine.map(({ pid }) => pid)));
  const { child, listening } = await startProcess();
  const device = connect(listening);
  expect((await device.describe()).power).toBe('on');
  const ended = machine.map((one) => once(one, 'exit'));
  const deadlineAtMs = clock.nowMs() + 10_000;
  await device.powerOff({ ticket: 't', scenarioId: scenarioId('4009412486'), epoch: 1, deadlineAtMs });
  expect((await Promise.all(ended)).map(([, signal]) => signal as unknown)).toEqual(['SIGKILL', 'SIGKILL']);
  expect(bystander.signalCode).toBeNull();
  await device.close();
  const stopped = once(child, 'exit');
  child.kill('SIGTERM');
  await stopped;
  expect((await startProcess()).listening.certificateSha256).toBe(listening.certificateSha256);
});

test('a machine whose processes are not known is not off', async () => {
  const { listening } = await startProcess();
  const device = connect(listening);
  for (const content of [undefined, 'not JSON', '[1]', '[0]', '["7"]']) {
    if (content !== undefined) await writeFile(join(folder, 'pids.json'), content);
    expect((await device.describe()).power).toBe('unknown');
  }
  await device.close();
});
