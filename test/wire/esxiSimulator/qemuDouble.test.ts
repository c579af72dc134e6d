import { createHash } from 'node:crypto';
import { open, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { EsxiHypervisor } from '#engine/adapters/hypervisor/EsxiHypervisor.ts';
import { hasQemu } from '#simulators/hypervisor/qemu/probe.ts';
import { bootSector, linkSector } from './bootSector.ts';
import { addController, addDisk, createVm, startBench } from './soapClient.ts';

const bootWithinMs = 20_000;
const mebibyte = 1024 * 1024;
const clock = new SystemClock();
const base = '[datastore1] replica/web.vmdk';
const child = '[datastore1] replica/web-child.vmdk';

describe.skipIf(!(await hasQemu()))('a double that really boots', () => {
  let bench: Awaited<ReturnType<typeof startBench>>;
  let hypervisor: EsxiHypervisor;
  let flat: string;
  let tickets = 0;
  const intent = (): Intent => ({
    ticket: String((tickets += 1)),
    scenarioId: scenarioId('4009412486'),
    epoch: 1,
    deadlineAtMs: clock.nowMs() + bootWithinMs,
  });
  const hashOf = async (path: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex');

  beforeEach(async () => {
    bench = await startBench({ qemu: true });
    const { port, certificateSha256 } = bench.simulator;
    const account = { user: 'root', password: 'secret' };
    hypervisor = new EsxiHypervisor({ host: '127.0.0.1', port, certificateSha256, clock, ...account });
    await hypervisor.createDisk({ path: base, bytes: mebibyte }, intent());
    flat = join(bench.folder, 'datastores/datastore1/replica/web-flat.vmdk');
  });
  afterEach(async () => {
    await hypervisor.close();
    await bench.close();
  });

  const install = async (sector: Buffer): Promise<void> => {
    const file = await open(flat, 'r+');
    await file.write(sector, 0, 512, 0);
    await file.close();
  };

  test('writes to its child disk: the base keeps every byte, and the child goes with all that was written', async () => {
    const sector = bootSector('WROTE\n', 'tools running hostname=web ip=10.0.0.9\n', { writes: true });
    await install(sector);
    const before = await hashOf(flat);
    const vm = await hypervisor.createVm(
      {
        name: 'web-double',
        role: 'substituteVm',
        cpus: 1,
        memoryMiB: 64,
        firmware: 'bios',
        datastore: 'datastore1',
        disks: [{ path: child, childOf: base }],
        nics: [{ network: 'VM Network', connected: false }],
      },
      intent(),
    );
    const copy = join(bench.folder, 'copy.raw');
    await bench.simulator.exportDisk(child, copy);
    expect(await hashOf(copy)).toBe(before);

    await hypervisor.powerOnVm(vm, intent());
    expect(await hypervisor.waitForGuest(vm, intent())).toMatchObject({ tools: 'running', hostName: 'web' });
    await hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent());
    expect(await hashOf(flat)).toBe(before);
    await bench.simulator.exportDisk(child, copy);
    const seen = await readFile(copy);
    const was = await readFile(flat);
    expect(was.subarray(512, 1024).equals(Buffer.alloc(512))).toBe(true);
    expect(seen.subarray(512, 1024).equals(sector)).toBe(true);
    expect(
      Buffer.concat([seen.subarray(0, 512), seen.subarray(1024)]).equals(
        Buffer.concat([was.subarray(0, 512), was.subarray(1024)]),
      ),
    ).toBe(true);

    // A second boot goes on where the first one ended.
    await hypervisor.powerOnVm(vm, intent());
    await hypervisor.waitForGuest(vm, intent());
    await hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent());
    await hypervisor.unregisterVm(vm, intent());
    const { discardedBytes } = await hypervisor.deleteChildDisk({ path: child }, intent());
    expect(discardedBytes).toBeGreaterThan(0);
    expect(discardedBytes).toBeLessThan(mebibyte);
    expect(await hypervisor.deleteChildDisk({ path: child }, intent())).toEqual({ discardedBytes: 0 });
    expect((await readdir(join(flat, '..'))).sort()).toEqual(['web-flat.vmdk', 'web.vmdk']);
    expect(await hashOf(flat)).toBe(before);
  });

  test('sees no link before its card is plugged in, not even for a moment, and none after', async () => {
    await install(linkSector());
    const card =
      '<deviceChange><operation>add</operation><device x:type="VirtualE1000e"><key>-2</key>' +
      '<backing x:type="VirtualEthernetCardNetworkBackingInfo"><deviceName>VM Network</deviceName></backing>' +
      '<connectable><startConnected>false</startConnected><allowGuestControl>true</allowGuestControl>' +
      '<connected>false</connected></connectable></device></deviceChange>';
    const spec = createVm('web-double', addController + addDisk(base, 0, -100) + card);
    const made = await bench.client.task('CreateVM_Task', spec);
    const vmId = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
    await hypervisor.powerOnVm({ vmId }, intent());
    const log = join(bench.folder, 'datastores/datastore1/web-double/serial0.log');
    const said = (): Promise<string> => readFile(log, 'latin1');
    await expect.poll(said, { timeout: bootWithinMs }).toBe('0');
    await hypervisor.setNicsConnected({ vmId, connected: true }, intent());
    await expect.poll(said, { timeout: bootWithinMs }).toBe('02');
    await hypervisor.setNicsConnected({ vmId, connected: false }, intent());
    await expect.poll(said, { timeout: bootWithinMs }).toBe('020');
    expect((await hypervisor.describeVm({ vmId })).nics).toEqual([{ network: 'VM Network', connected: false }]);
    await hypervisor.powerOffVm({ vmId, how: 'hard' }, intent());
  });
});
