import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VmSpec } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { startEsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import type { EsxiSimulator } from '#simulators/hypervisor/startEsxiSimulator.ts';
import { startRelay } from './relay.ts';
import type { Relay } from './relay.ts';

/** What the adapter looks at by itself: a real host would do all of this without a word. */

const clock = new SystemClock();
const base = '[datastore1] replica/web.vmdk';
const child = '[datastore1] replica/web-child.vmdk';
let folder: string;
let simulator: EsxiSimulator;
let relay: Relay;
let hypervisor: EsxiHypervisor;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kagemusha-doubles-'));
  simulator = await startEsxiSimulator({
    port: 0,
    user: 'root',
    password: 'secret',
    datastoreFolder: folder,
    modelledVms: ['appliance'],
    qemu: false,
    taskLatencyMs: 1,
  });
  relay = await startRelay(simulator.port);
  const { port, certificateSha256 } = relay;
  const account = { user: 'root', password: 'secret' };
  hypervisor = new EsxiHypervisor({ host: '127.0.0.1', port, certificateSha256, clock, ...account });
  await hypervisor.createDisk({ path: base, bytes: 1024 * 1024 }, intent());
});
afterEach(async () => {
  await hypervisor.close();
  await relay.close();
  await simulator.close();
  await rm(folder, { recursive: true, force: true });
});

const intent = (): Intent => ({
  ticket: 'ticket-1',
  scenarioId: scenarioId('4009412486'),
  epoch: 1,
  deadlineAtMs: clock.nowMs() + 10_000,
});
const spec = (role: VmSpec['role'], disks: VmSpec['disks'], connected = false): VmSpec => ({
  name: `web-${role}`,
  role,
  cpus: 1,
  memoryMiB: 64,
  firmware: 'bios',
  datastore: 'datastore1',
  disks,
  nics: [{ network: 'VM Network', connected }],
});
const times = (method: string): number => relay.methods.filter((name) => name === method).length;
const onChild = [{ path: child, childOf: base }];

test('a base is not written to while a VM that is off has a child of it: the host is not even asked', async () => {
  await hypervisor.createVm(spec('testVm', onChild), intent());
  const writer = await hypervisor.createVm(spec('substituteVm', [{ path: base }]), intent());
  const locked = { fault: { code: 'locked', effect: 'none', params: { path: base } } };
  await expect(hypervisor.attachDisk({ vmName: 'appliance', path: base }, intent())).rejects.toMatchObject(locked);
  await expect(hypervisor.powerOnVm(writer, intent())).rejects.toMatchObject(locked);
  expect([times('ReconfigVM_Task'), times('PowerOnVM_Task')]).toEqual([0, 0]);
});

test('a disk is deleted only when its descriptor names a base, and no VM has it', async () => {
  const vm = await hypervisor.createVm(spec('testVm', onChild), intent());
  const refused = (code: string) => ({ fault: { code, effect: 'none' } });
  await expect(hypervisor.deleteChildDisk({ path: child }, intent())).rejects.toMatchObject(refused('locked'));
  await expect(hypervisor.deleteChildDisk({ path: base }, intent())).rejects.toMatchObject(refused('locked'));
  await hypervisor.unregisterVm(vm, intent());
  await expect(hypervisor.deleteChildDisk({ path: base }, intent())).rejects.toMatchObject(refused('invalidSpec'));
  const descriptor = join(folder, 'datastore1/replica/web-child.vmdk');
  const text = await readFile(descriptor, 'utf8');
  for (const doubtful of [
    text.replace(/parentCID=\w+/, 'parentCID=ffffffff'),
    text.replace(/parentFileNameHint=.*/, ''),
    '',
  ]) {
    await writeFile(descriptor, doubtful);
    await expect(hypervisor.deleteChildDisk({ path: child }, intent())).rejects.toMatchObject({
      fault: { effect: 'none', duration: 'permanent' },
    });
  }
  expect(times('DeleteVirtualDisk_Task')).toBe(0);
  await writeFile(descriptor, text);
  await hypervisor.deleteChildDisk({ path: child }, intent());
  expect(simulator.model.disks.all().map(({ path }) => path)).toEqual([base]);
});

test('reading a descriptor survives a session that has died', async () => {
  const vm = await hypervisor.createVm(spec('testVm', onChild), intent());
  await hypervisor.unregisterVm(vm, intent());
  const keepKilling = (): void => {
    relay.killSession();
    queueMicrotask(() => relay.before('DestroyView', keepKilling));
  };
  // The last call before the descriptor is read.
  relay.before('DestroyView', keepKilling);
  expect(await hypervisor.deleteChildDisk({ path: child }, intent())).toEqual({ discardedBytes: 0 });
  expect(simulator.model.disks.find(child)).toBeUndefined();
});

test.each(['CreateVM_Task', 'ReconfigVM_Task', 'DeleteVirtualDisk_Task'])(
  'a lost answer to %s: the same step again has one effect and goes on',
  async (method) => {
    let unknown = 0;
    const step = async <Result>(change: () => Promise<Result>): Promise<Result> => {
      try {
        return await change();
      } catch (error) {
        expect(error).toMatchObject({ fault: { code: 'effectUnknown', effect: 'unknown' } });
        unknown += 1;
        await expect
          .poll(() => simulator.model.tasks.all().every(({ completedAtMs }) => completedAtMs !== undefined))
          .toBe(true);
        return change();
      }
    };
    relay.loseAnswerTo(method);
    const vm = await step(() => hypervisor.createVm(spec('substituteVm', onChild), intent()));
    await step(() => hypervisor.setNicsConnected({ vmId: vm.vmId, connected: true }, intent()));
    expect(await hypervisor.describeVm(vm)).toMatchObject({ diskPaths: [child], nics: [{ connected: true }] });
    await step(() => hypervisor.unregisterVm(vm, intent()));
    await step(() => hypervisor.deleteChildDisk({ path: child }, intent()));
    expect(unknown).toBe(1);
    expect(times(method)).toBe(1);
    expect(simulator.model.disks.all().map(({ path }) => path)).toEqual([base]);
  },
);

test('two VMs of a scenario are never plugged in together, and a card that does not follow is told', async () => {
  const first = await hypervisor.createVm(spec('substituteVm', [], true), intent());
  const second = await hypervisor.createVm(spec('testVm', []), intent());
  const plug = (vm: { readonly vmId: string }) =>
    hypervisor.setNicsConnected({ vmId: vm.vmId, connected: true }, intent());
  await expect(plug(second)).rejects.toMatchObject({ fault: { code: 'invalidState', effect: 'none' } });
  expect(times('ReconfigVM_Task')).toBe(0);
  await hypervisor.setNicsConnected({ vmId: first.vmId, connected: false }, intent());
  // Somebody unplugs it again before the adapter looks.
  let unplugged = false;
  const stop = simulator.model.onChanged(() => {
    const nic = simulator.model.vm(second.vmId).devices.find((one) => one.kind === 'nic');
    if (unplugged || nic?.connected !== true) return;
    unplugged = true;
    simulator.model.reconfigureVm(second.vmId, { deviceChanges: [{ edit: nic.key, connected: false }] });
  });
  await expect(plug(second)).rejects.toMatchObject({ fault: { code: 'hypervisorRefused', effect: 'failed' } });
  stop();
  await plug(second);
});
