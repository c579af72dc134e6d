import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { faultText, PartyFault } from '#machines/faults.ts';
import type { VmSpec } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { startEsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import type { EsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import { startRelay } from './relay.ts';
import type { Relay } from './relay.ts';

const clock = new SystemClock();
const password = 'right-password';
const mebibyte = 1024 * 1024;
/** Long enough that a second try surely comes before the first one's task has ended. */
const slowTaskMs = 400;
let folder = '';
let simulator: EsxiSimulator;
let relay: Relay;
const opened: EsxiHypervisor[] = [];

const start = async (taskLatencyMs: number): Promise<void> => {
  folder = await mkdtemp(join(tmpdir(), 'kagemusha-faults-'));
  simulator = await startEsxiSimulator({
    port: 0,
    user: 'root',
    password,
    datastoreFolder: folder,
    modelledVms: ['appliance'],
    qemu: false,
    guestUpAfterMs: 50,
    taskLatencyMs,
  });
  relay = await startRelay(simulator.port);
};
const stop = async (): Promise<void> => {
  for (const hypervisor of opened.splice(0)) await hypervisor.close();
  await relay.close();
  await simulator.close();
  await rm(folder, { recursive: true, force: true });
};
beforeEach(() => start(1));
afterEach(stop);

function connect(options: { readonly password?: string } = {}): EsxiHypervisor {
  const hypervisor = new EsxiHypervisor({
    host: '127.0.0.1',
    port: relay.port,
    user: 'root',
    password: options.password ?? password,
    certificateSha256: relay.certificateSha256,
    clock,
  });
  opened.push(hypervisor);
  return hypervisor;
}

const intent = (withinMs = 10_000): Intent => ({
  ticket: 'ticket-1',
  scenarioId: scenarioId('4009412486'),
  epoch: 1,
  deadlineAtMs: clock.nowMs() + withinMs,
});
const spec: VmSpec = {
  name: 'double',
  role: 'substituteVm',
  cpus: 1,
  memoryMiB: 64,
  firmware: 'bios',
  datastore: 'datastore1',
  disks: [],
  nics: [],
};
const times = (method: string): number => relay.methods.filter((name) => name === method).length;

const runningTasks = (): number =>
  simulator.model.tasks.all().filter(({ state }) => state === 'queued' || state === 'running').length;

test('a wrong password is told once and never sent again, until the credentials change', async () => {
  const hypervisor = connect({ password: 'wrong-password' });
  await expect(Promise.all([hypervisor.inspect(), hypervisor.inspect()])).rejects.toMatchObject({
    fault: { code: 'badCredentials', duration: 'permanent', effect: 'none' },
  });
  const requests = relay.methods.length;
  await expect(hypervisor.createVm(spec, intent())).rejects.toMatchObject({ fault: { code: 'badCredentials' } });
  await expect(hypervisor.inspect()).rejects.toMatchObject({ fault: { code: 'badCredentials' } });
  expect(times('Login')).toBe(1);
  expect(relay.methods.length).toBe(requests);

  hypervisor.useCredentials({ user: 'root', password });
  await expect(hypervisor.inspect()).resolves.toMatchObject({ writable: true });
  expect(times('Login')).toBe(2);
});

test('no fault tells the password', async () => {
  const error: unknown = await connect({ password: 'wrong-password' })
    .inspect()
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof PartyFault)) throw new Error('expected a fault');
  expect(`${JSON.stringify(error.fault)} ${faultText(error.fault, 'ja')} ${error.stack}`).not.toContain(
    'wrong-password',
  );
});

test('a session that has died is replaced once, unseen by the caller', async () => {
  const hypervisor = connect();
  const before = await hypervisor.inspect();
  relay.killSession();
  const [after] = await Promise.all([hypervisor.inspect(), hypervisor.inspect()]);
  expect(after).toEqual(before);
  expect(times('Login')).toBe(2);
});

test('a dead session that is answered with success and no properties is recognised', async () => {
  const hypervisor = connect();
  const vmId = (await hypervisor.inspect()).vms[0]?.vmId ?? '';
  const before = await hypervisor.describeVm({ vmId });
  relay.killSession();
  expect(await hypervisor.describeVm({ vmId })).toEqual(before);
  expect(before.name).toBe('appliance');
});

test('a VM that somebody else switches at the same moment is as good', async () => {
  const hypervisor = connect();
  const vm = await hypervisor.createVm(spec, intent());
  relay.before('PowerOnVM_Task', () => simulator.model.powerOn(vm.vmId));
  await hypervisor.powerOnVm(vm, intent());
  relay.before('PowerOffVM_Task', () => simulator.model.powerOff(vm.vmId));
  await hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent());
  expect((await hypervisor.describeVm(vm)).power).toBe('off');
});

test('a session that dies before a change costs nothing: the change happens once', async () => {
  const hypervisor = connect();
  await hypervisor.inspect();
  relay.killSession();
  await hypervisor.createDisk({ path: '[datastore1] a/b.vmdk', bytes: mebibyte }, intent());
  expect(times('Login')).toBe(2);
  expect(simulator.model.disks.all()).toHaveLength(1);
});

test('an answer lost after the effect is told as unknown, and the next try adopts what was made', async () => {
  const hypervisor = connect();
  relay.loseAnswerTo('CreateVM_Task');
  await expect(hypervisor.createVm(spec, intent())).rejects.toMatchObject({
    fault: { code: 'effectUnknown', effect: 'unknown' },
  });
  await expect.poll(() => simulator.model.vms().length).toBe(2);
  const adopted = await hypervisor.createVm(spec, intent());
  expect(adopted.tag).toEqual({ scenarioId: '4009412486', role: 'substituteVm' });
  expect(simulator.model.vms().filter((vm) => vm.name === 'double')).toHaveLength(1);
  expect(times('CreateVM_Task')).toBe(1);
});

test('a second try that comes while the first is still being made waits for it', async () => {
  await stop();
  await start(slowTaskMs);
  const hypervisor = connect();
  await hypervisor.inspect();
  relay.loseAnswerTo('CreateVM_Task');
  await expect(hypervisor.createVm(spec, intent())).rejects.toMatchObject({ fault: { code: 'effectUnknown' } });
  expect(runningTasks()).toBe(1);
  await hypervisor.createVm(spec, intent());
  expect(simulator.model.vms().filter((vm) => vm.name === 'double')).toHaveLength(1);
});

test('a request lost before the effect is told as unknown too, and the next try makes it', async () => {
  const hypervisor = connect();
  await hypervisor.inspect();
  relay.loseRequest('CreateVM_Task');
  await expect(hypervisor.createVm(spec, intent())).rejects.toMatchObject({ fault: { code: 'effectUnknown' } });
  expect(simulator.model.vms()).toHaveLength(1);
  await expect(hypervisor.createVm(spec, intent())).resolves.toMatchObject({ name: 'double', power: 'off' });
});

test.each(['CreateVirtualDisk_Task', 'ReconfigVM_Task', 'CreateVM_Task', 'PowerOnVM_Task', 'MakeDirectory'])(
  'a lost answer to %s: the same step again has one effect and goes on',
  async (method) => {
    const hypervisor = connect();
    const path = '[datastore1] replica/one.vmdk';
    let unknown = 0;
    const step = async <Result>(change: () => Promise<Result>): Promise<Result> => {
      try {
        return await change();
      } catch (error) {
        expect(error).toMatchObject({ fault: { code: 'effectUnknown', effect: 'unknown' } });
        unknown += 1;
        await expect.poll(runningTasks).toBe(0);
        return change();
      }
    };
    relay.loseAnswerTo(method);
    await step(() => hypervisor.createDisk({ path, bytes: mebibyte }, intent()));
    await step(() => hypervisor.attachDisk({ vmName: 'appliance', path }, intent()));
    await step(() => hypervisor.detachDisk({ vmName: 'appliance', path }, intent()));
    const vm = await step(() => hypervisor.createVm({ ...spec, disks: [{ path }] }, intent()));
    await step(() => hypervisor.powerOnVm(vm, intent()));
    expect(unknown).toBe(1);
    expect(simulator.model.disks.all()).toHaveLength(1);
    expect(simulator.model.vms().map(({ name, power }) => [name, power])).toEqual([
      ['appliance', 'poweredOn'],
      ['double', 'poweredOn'],
    ]);
  },
);

test('a task that is not ready by the deadline is timedOut with the effect unknown', async () => {
  await stop();
  await start(60_000);
  const hypervisor = connect();
  await hypervisor.inspect();
  await expect(hypervisor.createVm(spec, intent(300))).rejects.toMatchObject({
    fault: { code: 'timedOut', effect: 'unknown' },
  });
  expect(runningTasks()).toBe(1);
});

test('after its deadline a change is not begun at all', async () => {
  const hypervisor = connect();
  await expect(hypervisor.createVm(spec, intent(-1))).rejects.toMatchObject({
    fault: { code: 'timedOut', effect: 'none' },
  });
  await expect(hypervisor.powerOffVm({ vmId: '1', how: 'hard' }, intent(-1))).rejects.toMatchObject({
    fault: { code: 'timedOut', effect: 'none' },
  });
  expect(relay.methods).toEqual([]);
});

test('a host that is gone is unreachable, with no effect; one that comes back with another certificate is refused', async () => {
  const hypervisor = connect();
  await hypervisor.inspect();
  const { port } = relay;
  await relay.close();
  await expect(hypervisor.inspect()).rejects.toMatchObject({ fault: { code: 'unreachable', effect: 'none' } });
  await expect(hypervisor.createVm(spec, intent())).rejects.toMatchObject({
    fault: { code: 'unreachable', effect: 'none' },
  });
  relay = await startRelay(simulator.port, { port });
  await expect(hypervisor.inspect()).rejects.toMatchObject({
    fault: { code: 'untrustedCertificate', params: { fingerprint: relay.certificateSha256 } },
  });
  expect(relay.methods).toEqual([]);
});

test('closing ends the session on the host', async () => {
  const hypervisor = connect();
  await hypervisor.inspect();
  await hypervisor.close();
  expect(times('Logout')).toBe(1);
});
